#include "support/started_pool.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <thread>

/// Retiring a pool that others still use: its SHMMain has ended in order, or has begun anew.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr std::size_t megabyte = 1000000;

struct fixture {
    watchdog dog{120};
    pool_name name{"retirement"};
    std::optional<SHMMain> main;

    fixture() { start_main(); }
    void start_main() {
        main.emplace(name, megabyte);
        main->start();
    }
    void end_main() { main.reset(); }

    /// Starts a ServerSide in this process.
    std::unique_ptr<ServerSide> serve(const char* pipe = "pipe", int capacity = 4) const {
        auto side = std::make_unique<ServerSide>(name, pipe, capacity);
        side->start();
        return side;
    }

    /// A process that waits. It returns 1 when PoolRetired ends the wait, 0 otherwise.
    child waiter(const std::function<void(CQ&)>& wait, phases& at) const {
        return child([this, &wait, &at] {
            auto side = serve();
            at.reach(1);
            try {
                wait(side->pipe());
            } catch (const PoolRetired&) {
                return 1;
            }
            return 0;
        });
    }
    void expect_end_of(const std::function<void(CQ&)>& wait) {
        phases at;
        child process = waiter(wait, at);
        BOOST_TEST(at.is_reached(1));
        usleep(50000);  // so that it most likely sleeps; the test is valid either way
        end_main();
        BOOST_TEST(process.wait() == 1);
        start_main();
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(retirement, fixture)

BOOST_AUTO_TEST_CASE(every_kind_of_wait_for_a_packet_ends) {
    Val packet;
    expect_end_of([](CQ& pipe) { pipe.deq(); });
    expect_end_of([&](CQ& pipe) { pipe.dequeue(None, packet); });
    expect_end_of([&](CQ& pipe) { pipe.dequeue(1000.0, packet); });
    expect_end_of([](CQ& pipe) {
        std::vector<Val> packets;
        pipe.dequeue_many(packets, 4, 1000);
    });
    expect_end_of([&](CQ& pipe) {
        pipe.spin(std::numeric_limits<double>::infinity());
        pipe.dequeue(1000.0, packet);
    });
}

BOOST_AUTO_TEST_CASE(every_kind_of_wait_for_room_ends) {
    const auto fill = [](CQ& pipe) {
        while (pipe.try_enqueue(Val(1))) {
        }
    };
    expect_end_of([&](CQ& pipe) {
        fill(pipe);
        pipe.enq(Tab{{"a", 1}});
    });
    expect_end_of([&](CQ& pipe) {
        fill(pipe);
        const Val value = 1;
        pipe.enqueue(value, 1000.0);
    });
    expect_end_of([&](CQ& pipe) {
        std::vector<Val> values(10, Val(1));
        pipe.enqueue_many(values, 1000);
    });
}

BOOST_AUTO_TEST_CASE(the_waits_of_many_threads_end) {
    auto side = serve();
    std::atomic<int> ended{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i)
        threads.emplace_back([&] {
            try {
                side->pipe().deq();
            } catch (const PoolRetired&) {
                ++ended;
            }
        });
    end_main();
    for (auto& thread : threads) thread.join();
    BOOST_TEST(ended == 20);
}

BOOST_AUTO_TEST_CASE(what_was_put_in_before_can_be_taken_out_still) {
    auto side = serve();
    for (int i = 0; i < 4; ++i) side->pipe().enq(Tab{{"i", i}});
    end_main();
    Val packet;
    for (int i = 0; i < 2; ++i) {
        BOOST_TEST(side->pipe().dequeue(1.0, packet));
        BOOST_TEST(packet("i") == i);
    }
    std::vector<Val> rest;
    BOOST_TEST(side->pipe().dequeue_many(rest, 10) == 2u);
    BOOST_TEST(rest[1]("i") == 3);
    BOOST_CHECK_THROW(side->pipe().dequeue_many(rest, 10), PoolRetired);
    BOOST_TEST(rest.size() == 2u);
}

BOOST_AUTO_TEST_CASE(who_only_tries_learns_it_too) {
    auto side = serve();
    end_main();
    Val packet;
    BOOST_CHECK_THROW(side->pipe().try_dequeue(packet), PoolRetired);
    BOOST_CHECK_THROW(side->pipe().dequeue(0.0, packet), PoolRetired);
    while (!side->pipe().full()) side->pipe().enq(1);
    BOOST_CHECK_THROW(side->pipe().try_enqueue(Val(1)), PoolRetired);
    BOOST_TEST(side->pipe().try_dequeue(packet));
}

BOOST_AUTO_TEST_CASE(what_finds_no_room_is_kept_by_its_sender) {
    auto side = serve();
    Val shared = Shared(side->pool(), Tab{{"a", 1}});
    Val plain = Tab{{"b", 2}};
    end_main();
    for (int i = 0; i < 4; ++i) side->pipe().enq(i);
    BOOST_CHECK_THROW(side->pipe().enq(shared), PoolRetired);
    BOOST_CHECK_THROW(side->pipe().enq(std::move(shared)), PoolRetired);
    BOOST_CHECK_THROW(side->pipe().enqueue(std::move(plain), 1.0), PoolRetired);
    BOOST_TEST(shared("a") == 1);
    BOOST_TEST(plain("b") == 2);
    BOOST_TEST(side->pipe().length() == 4u);
}

BOOST_AUTO_TEST_CASE(values_live_on_in_a_retired_pool) {
    auto side = serve();
    Val value = Shared(side->pool(), Tab{{"a", 1}});
    end_main();
    value["more"] = Arr{1, 2};
    const TransactionLock lock(value);
    BOOST_TEST(value("more").length() == 2u);
    side.reset();
    BOOST_TEST(value("a") == 1);
}

BOOST_AUTO_TEST_CASE(the_message_names_the_pool_and_what_to_do) {
    auto side = serve();
    end_main();
    try {
        side->pipe().deq();
        BOOST_ERROR("nothing was thrown");
    } catch (const PoolRetired& e) {
        const std::string what = e.what();
        BOOST_TEST(what.find(name.str()) != std::string::npos, what);
        BOOST_TEST(what.find("restart()") != std::string::npos, what);
    }
}

BOOST_AUTO_TEST_CASE(restart_goes_on_to_the_next_pool) {
    ServerSide server(name, "pipe", 4);
    server.start();
    ClientSide client(name, "pipe");
    client.start();
    server.pipe().enq(1);
    Val kept = client.pipe().deq();
    Val shared = Shared(server.pool(), Tab{{"old", true}});
    end_main();
    BOOST_CHECK_THROW(client.pipe().deq(), PoolRetired);
    start_main();
    BOOST_TEST(server.restart() == STARTED);
    BOOST_TEST(client.restart() == STARTED);
    BOOST_TEST(client.pool() == main->pool());
    server.pipe().enq(Tab{{"new", shared}});
    BOOST_TEST(client.pipe().deq()("new")("old") == true);
    BOOST_TEST(shared("old") == true);
}

BOOST_AUTO_TEST_CASE(restart_waits_for_the_next_pool) {
    auto side = serve();
    end_main();
    phases at;
    child next([&] {
        at.await(1);
        usleep(50000);
        SHMMain pool(name, megabyte);
        pool.start();
        at.await(2);
        return 0;
    });
    at.reach(1);
    BOOST_TEST(side->restart() == STARTED);
    side->pipe().enq(7);
    BOOST_TEST(side->pipe().deq() == 7);
    at.reach(2);
    BOOST_TEST(next.wait() == 0);
}

BOOST_AUTO_TEST_CASE(restart_without_an_end_attaches_to_the_same_pool) {
    auto side = serve();
    side->pipe().enq(5);
    BOOST_TEST(side->restart() == STARTED);
    BOOST_TEST(side->pipe().deq() == 5);
    ClientSide fresh(name, "pipe");
    BOOST_TEST(fresh.restart() == STARTED);
}

BOOST_AUTO_TEST_CASE(restart_can_be_broken_off) {
    ServerSide side(name, "pipe", 4, false, nullptr, [] { return true; });
    side.start();
    end_main();
    BOOST_TEST(side.restart() == STOPPED);
    BOOST_CHECK_THROW(side.pipe(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(who_starts_in_the_moment_of_the_end_waits_for_the_next_pool) {
    for (int round = 0; round < 20; ++round) {
        phases at;
        child process([&] {
            at.reach(1);
            ServerSide side(name, "pipe", 4);
            side.start();
            try {
                while (at.has_reached(1) && !at.has_reached(2)) {
                    Val packet;
                    side.pipe().dequeue(0.01, packet);
                }
                return 0;
            } catch (const PoolRetired&) {
                side.restart();
                return 0;
            }
        });
        BOOST_TEST(at.is_reached(1));
        usleep(static_cast<unsigned>(round) * 100);
        end_main();
        start_main();
        at.reach(2);
        BOOST_TEST(process.wait() == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_kept_pool_is_not_retired) {
    auto side = serve();
    main->keep(true);
    end_main();
    Val packet;
    BOOST_TEST(!side->pipe().dequeue(0.2, packet));
    side->pipe().enq(3);
    start_main();
    BOOST_TEST(side->pool() == main->pool());
    BOOST_TEST(serve()->pipe().deq() == 3);
}

BOOST_AUTO_TEST_CASE(a_queue_without_a_name_outlives_the_pools_name) {
    // The queue's users are threads of this process, or processes forked from here.
    CQ queue(4, main->pool(), true);
    auto side = serve();  // keeps the pool in use
    end_main();
    Val packet;
    BOOST_TEST(!queue.dequeue(0.01, packet));
    queue.enq(1);
    BOOST_TEST(queue.deq() == 1);
}

BOOST_AUTO_TEST_CASE(the_memory_goes_with_the_last_user) {
    auto side = serve();
    const auto* const old = side->pool();
    end_main();
    start_main();
    BOOST_TEST(main->pool() != old);
    side.reset();
    BOOST_TEST(main->pool()->isPristine());
}

BOOST_AUTO_TEST_SUITE_END()
