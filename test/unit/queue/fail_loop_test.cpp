#include "unit/fail_loop.hpp"

#include <valpool/valpool.hpp>

/// Queues, handles and raw memory, in pools of every fill level.

using namespace fail_loop;

BOOST_AUTO_TEST_SUITE(queue_fail_loop)

BOOST_AUTO_TEST_CASE(making_a_queue) {
    run([](Val&, StreamingPool* pool) { CQ queue(300, pool, true); });
}

BOOST_AUTO_TEST_CASE(enqueueing_a_table_of_the_heap) {
    const Tab plain{{"a", longer_text}, {"b", Arr{1, longer_text}}};
    run([&plain](Val&, StreamingPool* pool) {
        CQ queue(2, pool, true);
        try {
            queue.enq(plain);
        } catch (const PoolExhausted&) {
            BOOST_TEST(queue.empty());
            throw;
        }
        BOOST_TEST(text_of(queue.deq()) == text_of(plain));
    });
}

BOOST_AUTO_TEST_CASE(enqueueing_by_moving_what_lies_on_the_heap) {
    run([](Val&, StreamingPool* pool) {
        CQ queue(2, pool, true);
        Val packet = Tab{{"a", longer_text}};
        const std::string before = text_of(packet);
        try {
            queue.enq(std::move(packet));
        } catch (const PoolExhausted&) {
            BOOST_TEST(text_of(packet) == before);
            throw;
        }
        queue.deq();
    });
}

BOOST_AUTO_TEST_CASE(enqueueing_numbers_and_text) {
    run([](Val&, StreamingPool* pool) {
        CQ queue(3, pool, true);
        queue.enq(1);
        queue.enq(longer_text);
        queue.enq(Val());
        BOOST_TEST(static_cast<int>(queue.deq()) == 1);
        BOOST_TEST(std::string(queue.deq()) == longer_text);
        BOOST_TEST(queue.deq().isNone());
    });
}

BOOST_AUTO_TEST_CASE(leasing_a_packet) {
    run([](Val&, StreamingPool* pool) {
        CQ queue(2, pool, true);
        queue.enq(Tab{{"a", longer_text}});
        try {
            queue.lease(0.0).give_back();
        } catch (const PoolExhausted&) {
            BOOST_TEST(queue.length() == 1u);
            throw;
        }
        BOOST_TEST(queue.lease(0.0).deliveries() == 2u);
    });
}

BOOST_AUTO_TEST_CASE(passing_a_part_of_a_shared_value) {
    run([](Val& v, StreamingPool* pool) {
        CQ queue(2, pool, true);
        queue.enq(v["list"]);
        BOOST_TEST(text_of(queue.deq()) == text_of(v["list"]));
    });
}

BOOST_AUTO_TEST_CASE(raw_memory) {
    for (const std::size_t size : {1u, 100u, 5000u, 20000u})
        run([size](Val&, StreamingPool* pool) { pool->deallocate(pool->allocate(size)); });
}

BOOST_AUTO_TEST_CASE(taking_handles_needs_no_room_of_the_values) {
    const pool_memory memory(256 << 10);
    {
        Val v = make_value(memory.get());
        const filler rest(memory.get(), 200);
        use_up_box(v);
        std::vector<Val> handles;
        for (int i = 0; i < 1000; ++i) {
            handles.push_back(v["ref"]);
            handles.push_back(v);
        }
        BOOST_TEST(is(handles.front(), handles[500]));
    }
    BOOST_TEST(memory.get()->isPristine());
}

BOOST_AUTO_TEST_SUITE_END()
