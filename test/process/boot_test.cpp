#include "support/child.hpp"
#include "support/message_of.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <thread>

#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr std::size_t megabyte = 1000000;
bool exists(const pool_name& name) { return access(name.path().c_str(), F_OK) == 0; }

std::atomic<bool> stop_asked{false};
std::atomic<int> times_asked{0};
bool ask_to_stop() {
    ++times_asked;
    return stop_asked;
}
void ask_afresh() {
    stop_asked = false;
    times_asked = 0;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(boot)

BOOST_AUTO_TEST_CASE(names_that_cannot_be_are_refused_at_construction) {
    for (const std::string& bad :
         {std::string(), std::string("/"), std::string("a/b"), std::string("//a"), std::string("."),
          std::string(".."), std::string("a\0b", 3), std::string(300, 'x')}) {
        BOOST_CHECK_THROW(SHMMain(bad, megabyte), std::logic_error);
        BOOST_CHECK_THROW(ServerSide(bad, "pipe", 4), std::logic_error);
        BOOST_CHECK_THROW(ClientSide(bad, "pipe"), std::logic_error);
    }
    for (const std::string& bad : {std::string(), std::string(256, 'x'), std::string("a\0b", 3)}) {
        BOOST_CHECK_THROW(ServerSide("pool", bad, 4), std::logic_error);
        BOOST_CHECK_THROW(ClientSide("pool", bad), std::logic_error);
    }
}

BOOST_AUTO_TEST_CASE(numbers_that_cannot_be_are_refused_at_construction) {
    BOOST_CHECK_THROW(SHMMain("pool", 0), std::logic_error);
    for (const int capacity : {0, -1, INT32_MIN})
        BOOST_CHECK_THROW(ServerSide("pool", "pipe", capacity), std::logic_error);
    auto* const odd = reinterpret_cast<void*>(0x700000000001);
    BOOST_CHECK_THROW(SHMMain("pool", megabyte, false, odd), std::logic_error);
    BOOST_CHECK_THROW(ClientSide("pool", "pipe", false, odd), std::logic_error);
    BOOST_CHECK_THROW(SHMMain("pool", megabyte, false, nullptr, nullptr, -1), std::logic_error);
}

BOOST_AUTO_TEST_CASE(nothing_is_touched_before_start_and_nothing_stays_after) {
    const pool_name name("life");
    {
        SHMMain pool(name, megabyte);
        BOOST_TEST(!exists(name));
        BOOST_TEST(pool.state() == STOPPED);
        BOOST_CHECK_THROW(pool.pool(), std::runtime_error);
        BOOST_CHECK_THROW(pool.boot(), std::runtime_error);
        BOOST_TEST(pool.start() == STARTED);
        BOOST_TEST(pool.start() == STARTED);
        BOOST_TEST(exists(name));
        BOOST_TEST(pool.pool()->bytes() >= megabyte);
        BOOST_TEST(pool.pool()->isPristine());
        struct stat status {};
        stat(name.path().c_str(), &status);
        BOOST_TEST((status.st_mode & 0777) == 0600u);
    }
    BOOST_TEST(!exists(name));
}

BOOST_AUTO_TEST_CASE(a_leading_slash_names_the_same_pool) {
    const pool_name name("slash");
    SHMMain pool("/" + name.str(), megabyte);
    pool.start();
    BOOST_TEST(exists(name));
    ServerSide server(name, "pipe", 1);
    BOOST_TEST(server.start() == STARTED);
    BOOST_TEST(server.pool() == pool.pool());
}

BOOST_AUTO_TEST_CASE(the_smallest_pool_works) {
    const pool_name name("tiny");
    SHMMain pool(name, 1);
    pool.start();
    ServerSide server(name, "pipe", 1);
    server.start();
    server.pipe().enq(Tab{{"a", 1}});
    BOOST_TEST(server.pipe().deq()("a") == 1);
}

BOOST_AUTO_TEST_CASE(a_pool_that_memory_cannot_hold_is_refused_with_both_numbers) {
    const pool_name name("huge");
    for (const std::size_t bytes :
         {std::size_t{1} << 42, std::size_t{1} << 47, ~std::size_t{0}, ~std::size_t{0} / 2}) {
        const std::string message = message_of([&] { SHMMain(name, bytes).start(); });
        BOOST_TEST_CONTEXT(message) {
            BOOST_TEST((contains(message, "free") || contains(message, "address space") ||
                        contains(message, "-1 bytes")));
            BOOST_TEST(!exists(name));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_second_main_is_refused_naming_the_first_ones_pid) {
    const pool_name name("twice");
    shared<std::atomic<int>> phase;
    child first([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        *phase = 1;
        while (*phase == 1) usleep(1000);
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return *phase == 1; }));
    SHMMain second(name, megabyte);
    const std::string message = message_of([&] { second.start(); });
    BOOST_TEST(contains(message, std::to_string(first.pid())));
    BOOST_TEST(second.state() == STOPPED);
    *phase = 2;
    BOOST_TEST(first.wait() == 0);
    BOOST_TEST(second.start() == STARTED);
    SHMMain third(name, megabyte);
    BOOST_TEST(contains(message_of([&] { third.start(); }), std::to_string(getpid())));
}

BOOST_AUTO_TEST_CASE(of_two_mains_that_start_at_once_exactly_one_wins) {
    const watchdog dog(60);
    for (int round = 0; round < 20; ++round) {
        const pool_name name("race");
        shared<std::atomic<int>> winners;
        shared<std::atomic<int>> losers;
        const auto race = [&] {
            SHMMain pool(name, megabyte);
            try {
                pool.start();
                ++*winners;
            } catch (const std::runtime_error&) {
                ++*losers;
            }
            while (*winners + *losers < 2) usleep(500);
            return 0;
        };
        child a(race);
        child b(race);
        BOOST_TEST(a.wait() == 0);
        BOOST_TEST(b.wait() == 0);
        BOOST_TEST(*winners == 1);
        BOOST_TEST(*losers == 1);
        BOOST_TEST(!exists(name));
    }
}

BOOST_AUTO_TEST_CASE(what_a_killed_run_left_is_cleaned_up) {
    const pool_name name("killed");
    shared<std::atomic<int>> ready;
    child first([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        ServerSide server(name, "old pipe", 4);
        server.start();
        server.pipe().enq(Tab{{"old", 1}});
        *ready = 1;
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return *ready == 1; }));
    BOOST_TEST(first.kill_and_wait() == -SIGKILL);
    BOOST_TEST(exists(name));
    SHMMain second(name, 2 * megabyte);
    BOOST_TEST(second.start() == STARTED);
    BOOST_TEST(second.pool()->bytes() >= 2 * megabyte);
    BOOST_TEST(check(second.pool()).queues == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_does_not_take_a_dead_runs_pool_for_a_living_one) {
    const pool_name name("stale");
    child first([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        ServerSide server(name, "pipe", 4);
        server.start();
        server.pipe().enq("old");
        raise(SIGKILL);
        return 0;
    });
    first.wait();
    child client([&] {
        ClientSide side(name, "pipe");
        side.start();
        return side.pipe().deq() == "new" ? 0 : 1;
    });
    usleep(20000);
    SHMMain pool(name, megabyte);
    pool.start();
    ServerSide server(name, "pipe", 4);
    server.start();
    server.pipe().enq("new");
    BOOST_TEST(client.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_new_main_takes_over_a_pool_that_the_living_still_use) {
    const pool_name name("orphan");
    shared<std::atomic<int>> ready;
    child main_process([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        *ready = 1;
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return *ready == 1; }));
    ServerSide server(name, "pipe", 4);
    server.start();
    server.pipe().enq("kept");
    main_process.kill_and_wait();
    child other([&] {
        SHMMain different(name, 3 * megabyte);
        const std::string message = message_of([&] { different.start(); });
        return contains(message, std::to_string(getppid())) ? 0 : 1;
    });
    BOOST_TEST(other.wait() == 0);
    child successor([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        ClientSide client(name, "pipe");
        client.start();
        return client.pipe().deq() == "kept" ? 0 : 1;
    });
    BOOST_TEST(successor.wait() == 0);
    BOOST_TEST(!exists(name));
}

BOOST_AUTO_TEST_CASE(a_kept_pool_serves_without_a_main) {
    const pool_name name("kept");
    {
        SHMMain pool(name, megabyte);
        pool.keep(true);
        pool.start();
        ServerSide server(name, "pipe", 4);
        server.start();
        server.pipe().enq("kept");
    }
    BOOST_TEST(exists(name));
    ClientSide client(name, "pipe");
    BOOST_TEST(client.start() == STARTED);
    BOOST_TEST(client.pipe().deq() == "kept");
}

BOOST_AUTO_TEST_CASE(files_and_folders_that_are_no_pools_are_refused_and_left_alone) {
    const pool_name name("foreign");
    const auto refused = [&] {
        SHMMain pool(name, megabyte);
        BOOST_CHECK_THROW(pool.start(), std::runtime_error);
        ServerSide server(name, "pipe", 4);
        BOOST_CHECK_THROW(server.start(), std::runtime_error);
        ClientSide client(name, "pipe");
        BOOST_CHECK_THROW(client.start(), std::runtime_error);
    };
    for (const std::size_t size : {0u, 1u, 5000u, 3000000u}) {
        std::ofstream(name.path()) << std::string(size, 'x');
        refused();
        struct stat status {};
        BOOST_TEST(stat(name.path().c_str(), &status) == 0);
        BOOST_TEST(static_cast<std::size_t>(status.st_size) == size);
        unlink(name.path().c_str());
    }
    mkdir(name.path().c_str(), 0700);
    refused();
    rmdir(name.path().c_str());
    mkfifo(name.path().c_str(), 0600);
    refused();
}

BOOST_AUTO_TEST_CASE(a_pool_of_somebody_else_is_refused_by_the_system) {
    if (getuid() != 0) return;  // only root can become another user
    const pool_name name("private");
    shared<std::atomic<int>> ready;
    // Forked before the pool exists, because a child that a user of the pool forks may use the
    // pool, too.
    child stranger([&] {
        while (*ready == 0) usleep(100);
        if (setgid(65534) != 0 || setuid(65534) != 0) return 2;
        ClientSide client(name, "pipe");
        return contains(message_of([&] { client.start(); }), "ermission denied") ? 0 : 1;
    });
    SHMMain pool(name, megabyte);
    pool.start();
    *ready = 1;
    BOOST_TEST(stranger.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_group_can_be_let_in) {
    if (getuid() != 0) return;
    const pool_name name("group");
    SHMMain pool(name, megabyte);
    pool.shareWithGroup(true);
    pool.start();
    child colleague([&] {
        if (setuid(65534) != 0) return 2;  // still in the group of root
        ServerSide server(name, "pipe", 4);
        server.start();
        server.pipe().enq("hello");
        return 0;
    });
    BOOST_TEST(colleague.wait() == 0);
    ClientSide client(name, "pipe");
    client.start();
    BOOST_TEST(client.pipe().deq() == "hello");
}

BOOST_AUTO_TEST_CASE(a_server_that_comes_back_picks_up_where_the_last_one_left_off) {
    const pool_name name("again");
    SHMMain pool(name, megabyte);
    pool.start();
    {
        ServerSide server(name, "pipe", 4);
        server.start();
        server.pipe().enq(1);
        server.pipe().enq(2);
    }
    ServerSide server(name, "pipe", 4);
    server.start();
    BOOST_TEST(server.pipe().length() == 2u);
    BOOST_TEST(server.pipe().deq() == 1);
    ServerSide other(name, "pipe", 5);
    BOOST_CHECK_THROW(other.start(), std::logic_error);
    BOOST_TEST(other.state() == STOPPED);
    BOOST_CHECK_THROW(other.pipe(), std::runtime_error);
    BOOST_TEST(server.pipe().deq() == 2);
}

BOOST_AUTO_TEST_CASE(a_pipe_that_does_not_fit_the_pool_is_refused) {
    const pool_name name("wide");
    SHMMain pool(name, megabyte);
    pool.start();
    for (const int capacity : {1000000, INT32_MAX}) {
        ServerSide server(name, "pipe", capacity);
        BOOST_CHECK_THROW(server.start(), PoolExhausted);
    }
    BOOST_TEST(pool.pool()->isPristine());
    ServerSide server(name, "pipe", 1000);
    BOOST_TEST(server.start() == STARTED);
}

BOOST_AUTO_TEST_CASE(client_server_and_main_may_come_in_any_order) {
    const watchdog dog(60);
    const pool_name name("order");
    child client([&] {
        ClientSide side(name, "pipe");
        side.start();
        return static_cast<int>(side.pipe().deq());
    });
    usleep(20000);
    child server([&] {
        ServerSide side(name, "pipe", 2);
        side.start();
        side.pipe().enq(42);
        return 0;
    });
    usleep(20000);
    SHMMain pool(name, megabyte);
    pool.start();
    BOOST_TEST(server.wait() == 0);
    BOOST_TEST(client.wait() == 42);
}

BOOST_AUTO_TEST_CASE(the_break_checker_ends_the_wait_for_a_pool_and_for_a_pipe) {
    ask_afresh();
    const pool_name name("break");
    std::thread stopper([] {
        while (times_asked < 5) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        stop_asked = true;
    });
    ServerSide server(name, "pipe", 1, false, nullptr, ask_to_stop, 1000);
    BOOST_TEST(server.start() == STOPPED);
    stopper.join();
    SHMMain pool(name, megabyte);
    pool.start();
    ClientSide client(name, "pipe", false, nullptr, ask_to_stop, 1000);
    BOOST_TEST(client.start() == STOPPED);
    stop_asked = false;
    BOOST_TEST(server.start() == STARTED);
    BOOST_TEST(client.start() == STARTED);
}

BOOST_AUTO_TEST_CASE(the_break_checker_ends_the_waits_of_a_pipe) {
    ask_afresh();
    const pool_name name("pipe_break");
    SHMMain pool(name, megabyte);
    pool.start();
    ServerSide server(name, "pipe", 1, false, nullptr, ask_to_stop, 1000);
    server.start();
    Val out = "before";
    const auto stop_soon = [] {
        return std::thread([] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            stop_asked = true;
        });
    };
    std::thread stopper = stop_soon();
    BOOST_TEST(!server.pipe().dequeue(None, out));
    BOOST_TEST(out == "before");
    stopper.join();
    BOOST_CHECK_THROW(server.pipe().deq(), BreakRequested);
    stop_asked = false;
    server.pipe().enq(1);
    stopper = stop_soon();
    BOOST_TEST(!server.pipe().enqueue(2, None));
    stopper.join();
    BOOST_CHECK_THROW(server.pipe().enq(2), BreakRequested);
    BOOST_TEST(server.pipe().length() == 1u);
}

BOOST_AUTO_TEST_CASE(a_process_in_which_the_address_is_taken_maps_elsewhere_and_works) {
    const watchdog dog(60);
    const pool_name name("elsewhere");
    shared<std::atomic<std::uint64_t>> pinned;
    child other([&] {  // forked before the pool exists, so it does not inherit the mapping
        while (*pinned == 0) usleep(200);
        void* const taken = reinterpret_cast<void*>(pinned->load());
        if (mmap(taken, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
                 0) != taken)
            return 2;
        ClientSide forced(name, "pipe", false, taken);
        forced.warning(false);
        if (!contains(message_of([&] { forced.start(); }), "forced")) return 3;
        ClientSide client(name, "pipe");
        client.start();
        const auto here = reinterpret_cast<std::uintptr_t>(client.boot());
        if (here - *pinned < 1000000) return 4;
        Val packet = client.pipe().deq();
        if (packet("nested")(1)("text") != std::string(100, 'x')) return 5;
        packet["answer"] = Arr{1, "two", packet};
        packet("answer")(1) = "a longer text than fits the value itself";
        client.pipe().enq(packet);
        return check(client.pool()).is_sound() ? 0 : 6;
    });
    SHMMain pool(name, megabyte);
    pool.start();
    ServerSide server(name, "pipe", 4);
    server.start();
    server.pipe().enq(Tab{{"nested", Arr{1, Tab{{"text", std::string(100, 'x')}}}}});
    *pinned = pool.boot()->pinned_address;
    BOOST_TEST(other.wait() == 0);
    Val back = server.pipe().deq();
    BOOST_TEST(back("answer")(1) == "a longer text than fits the value itself");
    BOOST_TEST(is(back("answer")(2), back));
    back.remove("answer");
}

BOOST_AUTO_TEST_CASE(a_forced_address_is_where_the_pool_lies) {
    const pool_name name("forced");
    auto* const address = reinterpret_cast<void*>(0x6ff000000000);
    SHMMain pool(name, megabyte, false, address);
    pool.warning(false);
#ifndef VALPOOL_TSAN
    pool.start();
    BOOST_TEST(pool.boot()->pinned_address == 0x6ff000000000u);
    ClientSide same(name, "pipe", false, address, ask_to_stop, 1000);
    same.warning(false);
    stop_asked = true;
    BOOST_TEST(same.start() == STOPPED);
    ClientSide other(name, "pipe", false, reinterpret_cast<void*>(0x6fe000000000));
    other.warning(false);
    BOOST_CHECK_THROW(other.start(), std::runtime_error);
    stop_asked = false;
#endif
}

BOOST_AUTO_TEST_CASE(a_forced_address_that_is_taken_is_an_error) {
    const pool_name name("taken");
    void* const here = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BOOST_REQUIRE(here != MAP_FAILED);
    SHMMain pool(name, megabyte, false, here);
    pool.warning(false);
    BOOST_CHECK_THROW(pool.start(), std::runtime_error);
    BOOST_TEST(!exists(name));
    munmap(here, 4096);
}

BOOST_AUTO_TEST_CASE(warning_returns_the_old_setting_and_randomization_is_exact) {
    SHMMain pool("unused", megabyte);
    BOOST_TEST(pool.warning(false));
    BOOST_TEST(!pool.warning(true));
    ClientSide client("unused", "pipe");
    BOOST_TEST(client.warning(true));
    child without([&] {
        personality(ADDR_NO_RANDOMIZE);
        return pool.addressRandomization() ? 1 : 0;
    });
    BOOST_TEST(without.wait() == 0);
}

BOOST_AUTO_TEST_CASE(peers_go_on_when_the_main_has_left) {
    const pool_name name("leaves");
    auto pool = std::make_unique<SHMMain>(name, megabyte);
    pool->start();
    ServerSide server(name, "pipe", 4);
    server.start();
    ClientSide client(name, "pipe");
    client.start();
    Val kept = Shared(server.pool(), Tab{{"a", 1}});
    pool.reset();
    BOOST_TEST(!exists(name));
    server.pipe().enq(kept);
    BOOST_TEST(client.pipe().deq()("a") == 1);
}

BOOST_AUTO_TEST_CASE(values_outlive_the_objects_that_they_came_from) {
    const pool_name name("outlive");
    Val kept;
    {
        SHMMain pool(name, megabyte);
        pool.start();
        ServerSide server(name, "pipe", 4);
        server.start();
        kept = Shared(server.pool(), Tab{{"a", std::string(1000, 'x')}});
    }
    BOOST_TEST(kept("a").length() == 1000u);
    kept["b"] = 2;
    BOOST_TEST(kept.length() == 2u);
}

BOOST_AUTO_TEST_CASE(a_prefaulted_pool_is_present_in_memory_from_the_start_on) {
    constexpr std::size_t size_bytes = 16 << 20;
    const pool_name name("prefault");
    SHMMain main(name, size_bytes);
    BOOST_TEST(!main.prefault(true));
    BOOST_TEST(main.prefault(true));
    main.start();
    const auto page_tables_have = [](const StreamingPool* pool) {
        std::ifstream smaps("/proc/self/smaps");
        std::string line;
        const auto wanted = reinterpret_cast<std::uintptr_t>(pool);
        bool here = false;
        while (std::getline(smaps, line)) {
            std::uintptr_t first = 0;
            std::uintptr_t end = 0;
            if (std::sscanf(line.c_str(), "%lx-%lx", &first, &end) == 2)
                here = wanted >= first && wanted < end;
            std::size_t kb = 0;
            if (here && std::sscanf(line.c_str(), "Rss: %zu", &kb) == 1) return kb * 1024;
        }
        return std::size_t{0};
    };
    BOOST_TEST(page_tables_have(main.pool()) >= size_bytes);
    Val v = Shared(main.pool(), Tab{{"a", 1}});
    BOOST_TEST(v["a"] == 1);
}

BOOST_AUTO_TEST_CASE(huge_pages_are_a_wish_that_no_pool_fails_for) {
    for (const std::size_t size_bytes : {std::size_t{1000}, std::size_t{16} << 20}) {
        const pool_name name("huge");
        SHMMain main(name, size_bytes);
        BOOST_TEST(!main.hugePages(true));
        BOOST_TEST(main.hugePages(true));
        main.start();
        ServerSide server(name, "pipe", 2);
        BOOST_TEST(!server.prefault(true));
        BOOST_TEST(server.start() == STARTED);
        ClientSide client(name, "pipe");
        BOOST_TEST(!client.prefault(true));
        BOOST_TEST(client.start() == STARTED);
        server.pipe().enq(Tab{{"a", 1}});
        BOOST_TEST(client.pipe().deq()("a") == 1);
    }
}

BOOST_AUTO_TEST_SUITE_END()
