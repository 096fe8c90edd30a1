#include "process/attachment.hpp"
#include "support/message_of.hpp"
#include "support/started_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/// Checking a pool by its name alone, as a monitor does.

using namespace valpool;
using namespace valpool::test;

namespace {

/// Modes of this process's mappings of the pool's file.
std::string modes_of_mappings(const pool_name& name) {
    std::ifstream maps("/proc/self/maps");
    std::string modes;
    for (std::string line; std::getline(maps, line);)
        if (line.find(name.path()) != std::string::npos) modes += line.substr(line.find(' '), 6);
    return modes;
}

/// All that a Monitor can tell.
void look_at_everything(const Monitor& seen) {
    seen.pool();
    seen.memory();
    seen.taps();
    seen.processes();
    for (const pipe_status& p : seen.pipes()) {
        try {
            seen.peek(p.name, 10);
        } catch (const std::out_of_range&) {
            // It has just been removed.
        }
    }
}

/// Whether what waits in "changing" is what its writer puts there, and not what has come into the
/// same memory since.
bool shows_only_what_was_put(const Monitor& seen) {
    try {
        for (const Val& v : seen.peek("changing", 10).packets) {
            const bool is_pair = v.tag == 'n' && v.length() == 2 && v[0] == v[1];
            const bool is_shared = v.tag == 't' && v.contains("list");
            if (!is_pair && !is_shared) return false;
        }
    } catch (const std::out_of_range&) {
        // It is not there yet.
    }
    return true;
}

/// A process with the pool, a pipe with two packets and room for four, and one more value.
struct watched_pool {
    watchdog dog{120};
    pool_name name{"monitor"};
    shared<std::atomic<bool>> is_made;
    child owner{[this] {
        SHMMain main(name, 1000000);
        main.start();
        ServerSide server(name, "pipe", 4);
        server.start();
        const Tap tap(name, "pipe", 4);
        server.pipe().enq(Tab{{"a", 1}});
        server.pipe().enq(Tab{{"a", 2}});
        const Val kept = Shared(main.pool(), Tab{{"kept", true}});
        *is_made = true;
        for (;;) pause();
        return 0;
    }};

    watched_pool() {
        BOOST_REQUIRE(eventually([this] { return is_made->load(); }));
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(monitor, watched_pool)

BOOST_AUTO_TEST_CASE(a_pool_is_checked_by_its_name) {
    const pool_report report = check(name);
    BOOST_TEST(report.is_sound(), report);
    BOOST_TEST(report.queues == 1u);
    BOOST_TEST(report.taps == 1u);
    BOOST_TEST(report.packets == 2u);
    BOOST_TEST(report.boxes == 3u);
    BOOST_TEST(report.living_processes.size() == 1u);
    BOOST_TEST(report.living_processes.front() == owner.pid());
    BOOST_TEST(check(("/" + name.str()).c_str()).packets == 2u);
}

BOOST_AUTO_TEST_CASE(who_looks_takes_no_place_and_maps_nothing_to_write) {
    std::string modes;
    child looker([&] {
        const pool_report first = check(name);
        const pool_report second = check(name);
        // Neither then nor afterwards does it count as a user of the pool.
        return first.living_processes.size() == 1 && second.living_processes.size() == 1 &&
                       modes_of_mappings(name).empty()
                   ? 0
                   : 1;
    });
    BOOST_TEST(looker.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_may_only_be_read_is_enough) {
    if (getuid() != 0) return;  // needs another user
    BOOST_TEST_REQUIRE(chmod(name.path().c_str(), 0644) == 0);
    child looker([&] {
        if (setgid(65534) != 0 || setuid(65534) != 0) return 2;
        if (open(name.path().c_str(), O_RDWR) >= 0) return 3;
        return check(name).packets == 2 ? 0 : 1;
    });
    BOOST_TEST(looker.wait() == 0);
}

BOOST_AUTO_TEST_CASE(the_dead_are_seen_and_left_to_those_who_use_the_pool) {
    owner.kill_and_wait();
    const pool_report first = check(name);
    BOOST_TEST(first.living_processes.empty());
    BOOST_TEST(first.dead_processes.size() == 1u);
    BOOST_TEST(check(name).dead_processes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(who_wrote_last_is_told_from_who_read_last) {
    ClientSide reader(name, "pipe");
    reader.start();
    reader.pipe().deq();
    const auto pipes = Monitor(name).pipes();
    BOOST_REQUIRE(pipes.size() == 1u);
    BOOST_TEST(pipes[0].last_writer_pid == owner.pid());
    BOOST_TEST(pipes[0].last_reader_pid == getpid());
}

BOOST_AUTO_TEST_CASE(a_pool_that_is_attached_here_is_looked_at_the_same_way) {
    ClientSide client(name, "pipe");
    client.start();
    BOOST_TEST(check(name).living_processes.size() == 2u);
    BOOST_TEST(client.pipe().deq()("a") == 1);
    BOOST_TEST(check(name).packets == 1u);
    BOOST_TEST(modes_of_mappings(name).find("rw-s") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_pool_is_an_error_that_says_so) {
    const auto look = [](const std::string& n) { return message_of([&] { check(n); }); };
    const pool_name other("monitor_none");
    BOOST_TEST(look(other) == "there is no memory pool \"" + other.str() + "\"");
    std::ofstream(other.path()) << std::string(200000, 'x');
    BOOST_TEST(look(other).find("boot object") != std::string::npos, look(other));
    BOOST_TEST(truncate(other.path().c_str(), 0) == 0);
    BOOST_TEST(look(other).find("too short") != std::string::npos, look(other));
    BOOST_TEST(look("").find("needs a name") != std::string::npos);
    BOOST_TEST(look("a/b").find("file name") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(whatever_lies_in_the_pages_a_look_ends_and_is_survived) {
    owner.kill_and_wait();
    const int file = open(name.path().c_str(), O_RDWR);
    struct stat status {};
    BOOST_TEST_REQUIRE(fstat(file, &status) == 0);
    const auto size = static_cast<std::size_t>(status.st_size);
    auto* const bytes = static_cast<unsigned char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
    const auto seed = std::random_device()();
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 random(seed);
    const std::string before(reinterpret_cast<const char*>(bytes), size);
    int reports = 0;
    for (int round = 0; round < 150; ++round) {
        // Between one byte and many, so that some damages pass the first verification.
        for (int i = 0; i < 1 << round % 12; ++i)
            bytes[random() % size] = static_cast<unsigned char>(random());
        child looker([&] {
            try {
                check(name);
                look_at_everything(Monitor(name));
            } catch (const std::runtime_error&) {
                return 1;  // the first verification found the damage
            }
            return 0;
        });
        const int code = looker.wait();
        BOOST_TEST((code == 0 || code == 1), code << ", round " << round << ", seed " << seed);
        reports += code == 0;
        std::copy(before.begin(), before.end(), bytes);
    }
    munmap(bytes, size);
    BOOST_TEST(reports > 10);
}

BOOST_AUTO_TEST_CASE(a_monitor_survives_pipes_that_come_and_go_and_packets_that_change) {
    if (!can_check_meanwhile) return;
    const child pipes([this] {
        for (int i = 0;; ++i) {
            ServerSide server(name, "passing " + std::to_string(i % 3), 1 + i % 100);
            server.temporary(true);
            server.start();
            server.pipe().try_enqueue(
                Tab{{"i", i}, {"text", std::string(static_cast<std::size_t>(i % 5000), 'x')}});
        }
        return 0;
    });
    const child packets([this] {
        ServerSide server(name, "changing", 4);
        server.start();
        Val packet = Shared(server.pool(), Tab{{"list", Arr()}});
        server.pipe().enq(packet);
        for (int i = 0;; ++i) {
            packet["list"].append(Tab{{"i", i}});
            if (i % 50 == 49) packet["list"] = Arr();
            server.pipe().try_enqueue(Arr{i, i});
            if (server.pipe().length() <= 2) continue;
            server.pipe().deq();
            server.pipe().enq(packet);
        }
        return 0;
    });
    const long looks = from_environment("VALPOOL_LOOKS", 300);
    child looker([&] {
        const Monitor seen(name);
        for (long i = 0; i < looks; ++i) {
            look_at_everything(seen);
            if (!shows_only_what_was_put(seen)) return 1;
        }
        return 0;
    });
    BOOST_TEST(looker.wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
