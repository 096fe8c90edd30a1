#include "support/started_pool.hpp"

#include "boot/boot_record.hpp"
#include "process/lane.hpp"
#include "segment/segment.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Attaching to a pool while other processes attach and detach, or while its bookkeeping is
/// damaged; and using it when the kernel starts to refuse membarrier(2).

using namespace valpool;
using namespace valpool::test;

namespace {

/// A process that is forked before the pool exists, so it attaches like an unrelated one. The
/// function that it runs gets the pool's name.
class stranger {
public:
    explicit stranger(const std::function<int(const std::string&)>& body)
        : process_([&] {
              is_named_.await(1);
              return body(*name_);
          }) {}
    void send_to(const pool_name& name) const {
        name.str().copy(*name_, sizeof *name_ - 1);
        is_named_.reach(1);
    }
    child& process() { return process_; }

private:
    phases is_named_;
    shared<char[64]> name_;
    child process_;
};

struct fixture {
    const watchdog dog{240};
    const phases now;
};

enum outcome : int { worked = 0, called_damaged = 10, failed = 11 };

outcome attach(const std::string& name) {
    try {
        ClientSide client(name, "pipe");
        client.start();
        return client.pool()->bytes() > 0 ? worked : failed;
    } catch (const std::exception& e) {
        const bool says_so = std::string(e.what()).find("ledger is damaged") != std::string::npos;
        if (!says_so) std::fprintf(stderr, "attaching: %s\n", e.what());
        return says_so ? called_damaged : failed;
    }
}

/// Makes the kernel refuse membarrier(2) to this process from now on. False where it does not
/// support filters.
bool forbid_barriers() {
    constexpr auto number = static_cast<std::uint32_t>(SYS_membarrier);
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{sizeof program / sizeof *program, program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 &&
           syscall(SYS_membarrier, 0, 0, 0) < 0;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attaching, fixture)

BOOST_AUTO_TEST_CASE(nobody_is_refused_while_others_attach_use_values_and_detach) {
    const shared<std::atomic<bool>> stop;
    const shared<std::atomic<int>> attaches;
    const auto come_and_go = [&](const std::string& name, bool uses) {
        while (!*stop) {
            ClientSide client(name, "pipe");
            client.start();
            std::vector<Val> held;
            for (int i = 0; uses && i < 20; ++i)
                held.push_back(
                    Shared(client.pool(),
                           Tab{{"text", std::string(static_cast<std::size_t>(i) * 40, 'x')}}));
            ++*attaches;
        }
        return 0;
    };
    std::vector<std::unique_ptr<stranger>> all;
    for (int i = 0; i < 9; ++i)
        all.push_back(std::make_unique<stranger>(
            [&, i](const std::string& name) { return come_and_go(name, i != 0); }));
    // Changes what attaching reads first, as often as possible.
    all.push_back(std::make_unique<stranger>([&](const std::string& name) {
        const auto file = detail::pool_file::open(detail::path_of_segment(name));
        while (!*stop) const detail::pool_view view(file, name);
        return 0;
    }));
    const started_pool p("come_and_go", 4000000);
    ServerSide server(p.name, "pipe", 64);
    server.start();
    for (const auto& s : all) s->send_to(p.name);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    while (std::chrono::steady_clock::now() < until) p.expect_sound();
    *stop = true;
    for (const auto& s : all) BOOST_TEST(s->process().wait() == 0);
    BOOST_TEST_MESSAGE(*attaches << " attaches");
    BOOST_TEST(*attaches > 9);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_ledger_that_leads_astray_is_refused_as_damaged) {
    using valpool::detail::arena;
    using valpool::detail::ledger_block;
    struct damage {
        const char* what;
        std::function<void(arena&, std::uint64_t)> to_slot;
    };
    const auto block_of = [](arena& a, std::uint64_t slot) -> ledger_block& {
        return *a.at<ledger_block>(a.slot(static_cast<std::uint32_t>(slot)).ledger.load());
    };
    const auto point_at = [](std::uint64_t offset) {
        return [offset](arena& a, std::uint64_t slot) {
            a.slot(static_cast<std::uint32_t>(slot)).ledger.store(offset);
        };
    };
    const damage damages[] = {
        {"none", [](arena&, std::uint64_t) {}},
        {"its newest block is outside of the pool", point_at(std::uint64_t{1} << 40)},
        {"its newest block is in the header", point_at(64)},
        {"its newest block is no block's start", point_at(1000001)},
        {"its last block is the next one's", [&](arena& a, std::uint64_t slot) {
             block_of(a, slot).next = a.slot(static_cast<std::uint32_t>(slot)).ledger.load();
         }}};
    for (const damage& d : damages) {
        stranger newcomer(attach);
        // The process that owns the ledger does nothing meanwhile.
        const started_pool p("damaged");
        ServerSide server(p.name, "pipe", 4);
        server.start();
        const Val v = p.share(7);
        arena& a = valpool::detail::arena_of(*p.pool());
        const std::uint32_t slot = a.main_slot - 1;
        ledger_block& block = block_of(a, slot);
        const std::uint64_t newest = a.slot(slot).ledger.load();
        const std::uint64_t next = block.next;
        d.to_slot(a, slot);
        newcomer.send_to(p.name);
        const int expected = &d == damages ? worked : called_damaged;
        BOOST_TEST_CONTEXT(d.what) BOOST_TEST(newcomer.process().wait() == expected);
        a.slot(slot).ledger.store(newest);
        block.next = next;
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(refused_barriers, fixture)

BOOST_AUTO_TEST_CASE(one_that_is_refused_them_after_attaching_repairs_beside_the_busy) {
    const shared<std::atomic<int>> repairer;
    const started_pool p("barriers");
    const valpool::detail::arena& a = valpool::detail::arena_of(*p.pool());
    child filtered([&] {
        p.share(1);
        if (!forbid_barriers()) return 77;
        *repairer = getpid();
        now.reach(1);
        for (int round = 1;; ++round) {
            while (!now.has_reached(2 * round)) usleep(100);
            const auto before = a.entrance.recoveries.load();
            // A caller that asks this in a loop looks for dead processes.
            if (!eventually([&] {
                    p.pool()->usedBytes();
                    return a.entrance.recoveries.load() > before;
                }))
                return 1;
            now.reach(2 * round + 1);
        }
        return 0;
    });
    if (!eventually([&] { return now.has_reached(1) || filtered.has_ended(); })) return;
    if (!now.has_reached(1)) {
        BOOST_TEST(filtered.wait() == 77);
        return;
    }
    // They neither wait nor ask, so they do not look for dead processes.
    const shared<std::atomic<bool>> stop;
    std::vector<child> busy;
    for (int t = 0; t < 3; ++t)
        busy.emplace_back([&, t] {
            while (!*stop) {
                std::vector<Val> mine;
                for (int i = 0; i < 100; ++i) mine.push_back(p.share(1000 * t + i));
                for (int i = 0; i < 100; ++i)
                    if (mine[static_cast<std::size_t>(i)]("i") != 1000 * t + i) return 1;
            }
            return 0;
        });
    for (int round = 1; round <= 15; ++round) {
        child victim([&] {
            const Val lost = p.share(1);
            raise(SIGKILL);
            return 0;
        });
        BOOST_TEST(victim.wait() == -SIGKILL);
        now.reach(2 * round);
        // Busy threads defer the repair, each time for longer.
        constexpr int most_seconds = 120;
        BOOST_TEST_REQUIRE(
            eventually([&] { return now.has_reached(2 * round + 1); }, most_seconds));
        const std::uint32_t recoverer = a.entrance.recoverer;
        BOOST_TEST(a.slot(recoverer - 1).pid == *repairer);
    }
    *stop = true;
    for (child& c : busy) BOOST_TEST(c.wait() == 0);
    filtered.kill_and_wait();
    p.expect_pristine();
}

BOOST_AUTO_TEST_SUITE_END()
