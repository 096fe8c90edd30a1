#include "support/started_pool.hpp"
#include "unit/queue/both_kinds.hpp"

#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

/// What a queue counts.

using namespace valpool;
using namespace valpool::test;
using queue_test::both_kinds;

BOOST_FIXTURE_TEST_SUITE(counters, both_kinds)

BOOST_AUTO_TEST_CASE(a_new_queue_has_counted_nothing) {
    each(4, [](CQ& queue) {
        const PipeCounters none = queue.counters();
        BOOST_TEST(none.packets_in == 0u);
        BOOST_TEST(none.packets_out == 0u);
        BOOST_TEST(none.bytes_in == 0u);
        BOOST_TEST(none.bytes_out == 0u);
        BOOST_TEST(none.dropped == 0u);
        BOOST_TEST(none.enqueue_waits == 0u);
        BOOST_TEST(none.dequeue_waits == 0u);
        BOOST_TEST(none.high_water == 0u);
        BOOST_TEST(std::isinf(none.since_last_enqueue_s));
        BOOST_TEST(std::isinf(none.since_last_dequeue_s));
    });
}

BOOST_AUTO_TEST_CASE(packets_are_counted_in_and_out) {
    for (const int capacity : {1, 4, 100})
        each(capacity, [&](CQ& queue) {
            int in = 0;
            int out = 0;
            for (int round = 0; round < 7; ++round) {
                while (queue.try_enqueue(in)) ++in;
                for (int i = 0; i <= round % capacity; ++i, ++out) queue.deq();
            }
            const PipeCounters passed = queue.counters();
            BOOST_TEST(passed.packets_in == static_cast<unsigned>(in));
            BOOST_TEST(passed.packets_out == static_cast<unsigned>(out));
            BOOST_TEST(passed.high_water == static_cast<unsigned>(capacity));
            BOOST_TEST(passed.since_last_enqueue_s < 60);
            BOOST_TEST(passed.since_last_dequeue_s < 60);
        });
}

BOOST_AUTO_TEST_CASE(the_high_water_mark_is_near_to_the_most_that_waited) {
    each(128, [](CQ& queue) {
        for (int i = 0; i < 100; ++i) queue.enq(i);
        for (int i = 0; i < 100; ++i) queue.deq();
        for (int i = 0; i < 300; ++i) {
            queue.enq(i);
            queue.deq();
        }
        BOOST_TEST(queue.counters().high_water <= 100u);
        BOOST_TEST(queue.counters().high_water >= 100u - 16u);
    });
}

BOOST_AUTO_TEST_CASE(bytes_are_those_of_the_packets_in_the_pool) {
    CQ queue(4, pool, true);
    const auto bytes_of = [&](const Val& packet) {
        const std::uint64_t before = queue.counters().bytes_in;
        queue.enq(packet);
        queue.deq();
        const PipeCounters passed = queue.counters();
        BOOST_TEST(passed.bytes_out == passed.bytes_in);
        return passed.bytes_in - before;
    };
    BOOST_TEST(bytes_of(Tab()) > 0u);
    BOOST_TEST(bytes_of(Tab{{"a", 1}, {"b", 2}}) < 600u);
    const std::uint64_t text = bytes_of(Tab{{"text", std::string(100000, 'x')}});
    BOOST_TEST(text > 100000u);
    BOOST_TEST(text < 200000u);
    Val grown = Shared(pool, Tab());
    for (int i = 0; i < 1000; ++i) grown[std::to_string(i)] = i;
    BOOST_TEST(bytes_of(grown) > 64000u);
    const std::uint64_t full = bytes_of(grown);
    static_cast<Tab&>(grown).clear();
    BOOST_TEST(bytes_of(grown) < full / 10);
}

BOOST_AUTO_TEST_CASE(what_others_own_is_not_a_packets_own) {
    CQ queue(4, pool, true);
    const Val large = Shared(pool, Tab{{"text", std::string(100000, 'x')}});
    queue.enq(Tab{{"other", large}});
    BOOST_TEST(queue.counters().bytes_in < 2000u);
}

BOOST_AUTO_TEST_CASE(a_lease_goes_out_once_and_is_delivered_again_each_time_after) {
    each(4, [](CQ& queue) {
        queue.enq(1);
        queue.enq(2);
        for (int i = 0; i < 3; ++i) queue.lease(0.0).give_back();
        queue.lease(0.0).ack();
        BOOST_TEST(queue.counters().packets_out == 1u);
        BOOST_TEST(queue.counters().redelivered == 3u);
        queue.lease(0.0).give_back();
        queue.deq();
        BOOST_TEST(queue.counters().packets_out == 2u);
        BOOST_TEST(queue.counters().redelivered == 4u);
        BOOST_TEST(queue.counters().bytes_out == queue.counters().bytes_in);
    });
}

BOOST_AUTO_TEST_CASE(all_threads_are_counted) {
    each(16, [](CQ& queue) {
        constexpr int packets = 1000;
        std::vector<std::thread> threads;
        for (int t = 0; t < 20; ++t)
            threads.emplace_back([&, t] {
                Val packet;
                for (int i = 0; i < packets; ++i)
                    if (t % 2 == 0)
                        queue.enq(i);
                    else
                        packet = queue.deq();
            });
        for (std::thread& t : threads) t.join();
        const PipeCounters passed = queue.counters();
        BOOST_TEST(passed.packets_in == 10u * packets);
        BOOST_TEST(passed.packets_out == 10u * packets);
        BOOST_TEST(passed.bytes_out == passed.bytes_in);
        BOOST_TEST(passed.high_water >= 1u);
        BOOST_TEST(passed.high_water <= 16u);
    });
}

BOOST_AUTO_TEST_CASE(waits_are_counted_with_their_time) {
    each(1, [](CQ& queue) {
        queue.spin(0);
        Val packet;
        BOOST_TEST(!queue.dequeue(0.02, packet));
        PipeCounters passed = queue.counters();
        BOOST_TEST(passed.dequeue_waits >= 1u);
        BOOST_TEST(passed.dequeue_wait_s >= 0.015);
        BOOST_TEST(passed.enqueue_waits == 0u);
        queue.enq(1);
        BOOST_TEST(!queue.enqueue(2, 0.02));
        passed = queue.counters();
        BOOST_TEST(passed.enqueue_waits >= 1u);
        BOOST_TEST(passed.enqueue_wait_s >= 0.015);
    });
}

BOOST_AUTO_TEST_CASE(the_time_of_the_last_packet_is_that_of_the_last_packet) {
    each(4, [](CQ& queue) {
        queue.enq(1);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        BOOST_TEST(queue.counters().since_last_enqueue_s >= 0.03);
        BOOST_TEST(std::isinf(queue.counters().since_last_dequeue_s));
        queue.deq();
        const PipeCounters passed = queue.counters();
        BOOST_TEST(passed.since_last_dequeue_s < passed.since_last_enqueue_s);
    });
}

BOOST_AUTO_TEST_CASE(without_memory_for_counting_a_queue_works_on) {
    CQ queue(4, pool, true);
    std::vector<char*> rest;
    for (std::size_t size = pool->biggestFree(); size != 0; size = pool->biggestFree())
        rest.push_back(pool->allocate(size));
    for (int i = 0; i < 3000; ++i) {
        try {
            if (queue.try_enqueue(i)) queue.deq();
        } catch (const PoolExhausted&) {
        }
    }
    for (char* const piece : rest) pool->deallocate(piece);
    const std::uint64_t before = queue.counters().packets_in;
    for (int i = 0; i < 3000; ++i) {
        queue.enq(i);
        queue.deq();
    }
    BOOST_TEST(queue.counters().packets_in == before + 3000);
    BOOST_TEST(queue.counters().bytes_in > 0u);  // from some packet on
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(counters_of_pipes)

BOOST_AUTO_TEST_CASE(both_sides_of_a_pipe_see_the_same_figures) {
    const started_pool shm("counters");
    ServerSide server(shm.name, "pipe", 4);
    server.start();
    ClientSide client(shm.name, "pipe");
    client.start();
    child producer([&] {
        ServerSide own(shm.name, "pipe", 4);
        own.start();
        for (int i = 0; i < 100; ++i) own.pipe().enq(shm.share(i));
        return 0;
    });
    for (int i = 0; i < 100; ++i) client.pipe().deq();
    BOOST_TEST(producer.wait() == 0);
    for (const PipeCounters& passed : {server.pipe().counters(), client.pipe().counters()}) {
        BOOST_TEST(passed.packets_in == 100u);
        BOOST_TEST(passed.packets_out == 100u);
        BOOST_TEST(passed.bytes_in == passed.bytes_out);
    }
    shm.expect_sound();
}

BOOST_AUTO_TEST_CASE(what_the_dead_have_counted_stays) {
    const started_pool shm("counters");
    ServerSide server(shm.name, "pipe", 1000);
    server.start();
    const phases at;
    child producer([&] {
        ServerSide own(shm.name, "pipe", 1000);
        own.start();
        for (int i = 0; i < 100; ++i) own.pipe().enq(shm.share(i));
        at.reach(1);
        for (;;) pause();
        return 0;
    });
    at.await(1);
    const std::uint64_t bytes = server.pipe().counters().bytes_in;
    BOOST_TEST(bytes > 100u * 100u);
    producer.kill_and_wait();
    for (int i = 0; i < 100; ++i) server.pipe().deq();
    shm.expect_pristine();
    BOOST_TEST(server.pipe().counters().bytes_in == bytes);
    BOOST_TEST(server.pipe().counters().packets_in == 100u);
}

BOOST_AUTO_TEST_CASE(records_go_with_their_pipe) {
    started_pool shm("counters");
    const auto use = [&](const char* pipe) {
        ServerSide side(shm.name, pipe, 4);
        side.start();
        side.pipe().enq(1);
        side.pipe().deq();
    };
    use("first use");
    BOOST_TEST(shm.main.removePipe("first use"));
    const std::size_t before = shm.pool()->usedBytes();
    use("pipe");
    BOOST_TEST(shm.pool()->usedBytes() > before);
    BOOST_TEST(shm.pool()->isPristine());
    BOOST_TEST(shm.main.removePipe("pipe"));
    BOOST_TEST(shm.pool()->usedBytes() == before);
    shm.expect_sound();
}

BOOST_AUTO_TEST_SUITE_END()
