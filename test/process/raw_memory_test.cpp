#include "support/child.hpp"

#include "process/lane.hpp"
#include "recovery/recovery.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace valpool;
using namespace valpool::test;

/// Raw memory belongs to the process that allocated it, whichever process frees it, and is freed
/// with that process.

namespace {

/// What a process and its child tell each other.
struct board {
    std::atomic<int> turn{0};
    std::array<std::uint64_t, 256> offsets{};
    std::size_t count = 0;
};

/// A process without its parent's memory: it is forked before the pool exists.
template <class Body>
child stranger(const pool_name& name, const shared<board>& b, Body body) {
    return child([&name, &b, body] {
        while (b->turn == 0) usleep(200);
        ClientSide side(name, "unused");
        side.start();
        body(*side.pool());
        return 0;
    });
}

struct started_pool {
    explicit started_pool(const pool_name& its_name) : name(its_name), main(name, 4000000) {
        main.start();
        unused.start();
    }
    StreamingPool& pool() const { return *main.pool(); }
    void expect_pristine() const {
        BOOST_TEST(pool().isPristine());
        const pool_report report = check(pool());
        BOOST_TEST_CONTEXT(report) BOOST_TEST(report.is_sound());
        BOOST_TEST(report.raw_bytes == 0u);
    }
    void recover() const {
        auto user = detail::find_attachment(detail::arena_of(*main.pool()));
        BOOST_TEST(eventually([&] {
            return detail::recover_if_needed(*user.get()) == detail::recovery_result::nothing_dead;
        }));
    }
    std::uint64_t recoveries() const { return detail::arena_of(pool()).entrance.recoveries; }

    const pool_name& name;
    SHMMain main;
    ServerSide unused{name, "unused", 1};
};

std::vector<char*> some(StreamingPool& pool, int count) {
    std::vector<char*> all;
    for (int i = 0; i < count; ++i) all.push_back(pool.allocate(100));
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(raw_memory_of_processes)

BOOST_AUTO_TEST_CASE(what_any_thread_of_a_process_has_left_goes_when_it_detaches) {
    const watchdog dog(60);
    const pool_name name("detach");
    const shared<board> b;
    child other = stranger(name, b, [](StreamingPool& pool) {
        pool.allocate(200000);
        std::vector<char*> of_thread;
        std::thread([&] { of_thread = some(pool, 5); }).join();  // of a thread that has ended
        // This lane counts down what another lane counted up. Only the sum shows that some memory
        // is left.
        for (std::size_t i = 0; i < 4; ++i) pool.deallocate(of_thread[i]);
    });
    const started_pool p(name);
    b->turn = 1;
    BOOST_TEST(other.wait() == 0);
    BOOST_TEST(p.recoveries() == 0u);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_lane_of_the_dead_begins_anew) {
    const watchdog dog(60);
    const pool_name name("anew");
    const shared<board> b;
    child victim = stranger(name, b, [](StreamingPool& pool) {
        pool.deallocate(pool.allocate(1));  // takes the first lane for this thread
        std::vector<char*> of_thread;
        std::thread([&] { of_thread = some(pool, 50); }).join();
        for (char* memory : of_thread) pool.deallocate(memory);  // so this lane has -50
        kill(getpid(), SIGKILL);
    });
    const shared<board> later;
    child next = stranger(name, later, [](StreamingPool& pool) { some(pool, 20); });
    const started_pool p(name);
    b->turn = 1;
    BOOST_TEST(victim.wait() == -SIGKILL);
    p.recover();
    const std::uint64_t recoveries = p.recoveries();
    later->turn = 1;
    BOOST_TEST(next.wait() == 0);
    BOOST_TEST(p.recoveries() == recoveries);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(what_another_process_gives_back_is_neither_lost_nor_given_back_twice) {
    const watchdog dog(60);
    const pool_name name("other");
    const shared<board> b;
    child other = stranger(name, b, [&b](StreamingPool& pool) {
        for (std::size_t i = 0; i < b->count; ++i)
            pool.deallocate(detail::arena_of(pool).at<char>(b->offsets[i]));
    });
    const started_pool p(name);
    // Blocks of one lane, blocks of another lane, and a run.
    std::vector<char*> mine = some(p.pool(), 100);
    std::thread([&] {
        for (char* memory : some(p.pool(), 100)) mine.push_back(memory);
    }).join();
    mine.push_back(p.pool().allocate(200000));
    for (const char* memory : mine)
        b->offsets[b->count++] = detail::arena_of(p.pool()).offset_of(memory);
    b->turn = 1;
    BOOST_TEST(other.wait() == 0);
    p.expect_pristine();
    for (char* memory : mine) BOOST_CHECK_THROW(p.pool().deallocate(memory), std::logic_error);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_forked_child_has_none_of_its_parents_and_may_give_it_back) {
    const watchdog dog(60);
    const pool_name name("fork");
    const started_pool p(name);
    std::vector<char*> mine = some(p.pool(), 20);
    child other([&] {
        for (std::size_t i = 0; i < 10; ++i) p.pool().deallocate(mine[i]);
        some(p.pool(), 7);
        return 0;  // without freeing its memory, which must be reclaimed
    });
    BOOST_TEST(other.wait() == 0);
    p.recover();
    BOOST_TEST(check(p.pool()).raw_bytes == 10u * 128u);
    for (std::size_t i = 10; i < 20; ++i) p.pool().deallocate(mine[i]);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(forks_and_threads_with_raw_memory_do_not_disturb_each_other) {
    const watchdog dog(120);
    const pool_name name("threads");
    const started_pool p(name);
    std::atomic<bool> is_done{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] {
            std::array<char*, 20> kept{};
            while (!is_done) {
                for (char*& memory : kept) memory = p.pool().allocate(100);
                for (char* const memory : kept) *memory = 1;
                for (char* const memory : kept) p.pool().deallocate(memory);
            }
        });
    for (int i = 0; i < 60; ++i) {
        Val held = Shared(p.main.pool(), Tab{{"i", i}});
        child other([&] {
            const std::vector<char*> own = some(p.pool(), 30);
            for (std::size_t n = 0; n < 20; ++n) p.pool().deallocate(own[n]);
            return held("i") == i ? 0 : 1;
        });
        BOOST_TEST(other.wait() == 0);
    }
    is_done = true;
    for (auto& thread : threads) thread.join();
    p.recover();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_process_whose_first_value_finds_the_pool_full_is_told_so) {
    const watchdog dog(60);
    const pool_name name("full");
    SHMMain main(name, 300000);
    main.start();
    std::vector<char*> pieces;
    for (std::size_t size = 20000; size != 0; size /= 2) try {
            for (;;) pieces.push_back(main.pool()->allocate(size));
        } catch (const PoolExhausted&) {
        }
    // Pipes also use up the reserve for ledgers.
    for (const int capacity : {64, 1}) try {
            for (int i = 0;; ++i)
                ServerSide(name, std::to_string(capacity) + "," + std::to_string(i), capacity)
                    .start();
        } catch (const PoolExhausted&) {
        }
    BOOST_CHECK_THROW(Shared(main.pool(), Tab{{"a", 1}}), PoolExhausted);
    for (char* const piece : pieces) main.pool()->deallocate(piece);
    BOOST_TEST(Shared(main.pool(), Tab{{"a", 1}})("a") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
