#include "support/started_pool.hpp"
#include "unit/queue/both_kinds.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What happens at a full queue: WhenFull, and multicast.

using namespace valpool;
using namespace valpool::test;
using queue_test::both_kinds;

namespace {

constexpr double at_once = 0;

std::vector<int> rest_of(CQ& queue) {
    std::vector<int> rest;
    Val packet;
    while (queue.try_dequeue(packet)) rest.push_back(packet);
    return rest;
}

void fill(CQ& queue) {
    for (int i = 0; queue.try_enqueue(i);) ++i;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(when_full, both_kinds)

BOOST_AUTO_TEST_CASE(with_room_every_policy_puts_the_packet_in) {
    for (const WhenFull policy : {WhenFull::Wait, WhenFull::DropNewest, WhenFull::DropOldest})
        each(1, [&](CQ& queue) {
            BOOST_TEST(queue.enqueue(Val(7), policy));
            BOOST_TEST(rest_of(queue) == std::vector<int>{7});
            BOOST_TEST(queue.enqueue(Val(8), policy, at_once));
            BOOST_TEST(queue.counters().dropped == 0u);
            BOOST_TEST(rest_of(queue) == std::vector<int>{8});
        });
}

BOOST_AUTO_TEST_CASE(wait_gives_up_at_its_time_out_and_drops_nothing) {
    each(2, [](CQ& queue) {
        fill(queue);
        Val packet(9);
        BOOST_TEST(!queue.enqueue(packet, WhenFull::Wait, 0.01));
        BOOST_TEST(!queue.enqueue(std::move(packet), WhenFull::Wait, 0.01));
        BOOST_TEST(packet == 9);  // NOLINT(bugprone-use-after-move)
        BOOST_TEST(queue.counters().dropped == 0u);
        BOOST_TEST(rest_of(queue) == (std::vector<int>{0, 1}));
    });
}

BOOST_AUTO_TEST_CASE(wait_without_a_time_out_waits_for_room) {
    each(1, [](CQ& queue) {
        fill(queue);
        std::thread reader([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(30));
            queue.deq();
        });
        BOOST_TEST(queue.enqueue(Val(9), WhenFull::Wait));
        reader.join();
        BOOST_TEST(rest_of(queue) == std::vector<int>{9});
    });
}

BOOST_AUTO_TEST_CASE(the_newest_packet_is_dropped_and_counted) {
    each(2, [](CQ& queue) {
        fill(queue);
        Val packet(9);
        BOOST_TEST(!queue.enqueue(packet, WhenFull::DropNewest));
        BOOST_TEST(!queue.enqueue(std::move(packet), WhenFull::DropNewest, 0.01));
        BOOST_TEST(packet == 9);  // NOLINT(bugprone-use-after-move)
        BOOST_TEST(queue.counters().dropped == 2u);
        BOOST_TEST(rest_of(queue) == (std::vector<int>{0, 1}));
    });
}

BOOST_AUTO_TEST_CASE(the_oldest_packets_are_dropped_and_counted) {
    each(3, [](CQ& queue) {
        fill(queue);
        for (int i = 3; i < 10; ++i) BOOST_TEST(queue.enqueue(Val(i), WhenFull::DropOldest));
        BOOST_TEST(queue.counters().dropped == 7u);
        BOOST_TEST(rest_of(queue) == (std::vector<int>{7, 8, 9}));
    });
}

BOOST_AUTO_TEST_CASE(a_queue_of_one_that_drops_the_oldest_has_the_latest_value) {
    each(1, [](CQ& queue) {
        for (int i = 0; i < 100; ++i) {
            BOOST_TEST(queue.enqueue(Val(i), WhenFull::DropOldest));
            if (i % 7 == 0) BOOST_TEST(queue.deq() == i);
        }
        BOOST_TEST(queue.deq() == 99);
    });
}

BOOST_AUTO_TEST_CASE(before_it_drops_it_waits_for_its_time_out) {
    each(1, [](CQ& queue) {
        fill(queue);
        std::thread reader([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            queue.deq();
        });
        BOOST_TEST(queue.enqueue(Val(9), WhenFull::DropOldest, 60.0));
        reader.join();
        BOOST_TEST(queue.counters().dropped == 0u);
        BOOST_TEST(rest_of(queue) == std::vector<int>{9});
    });
}

BOOST_AUTO_TEST_CASE(a_moved_value_is_none_once_it_is_in) {
    each(1, [this](CQ& queue) {
        fill(queue);
        Val shared = Shared(pool, Tab{{"a", 1}});
        BOOST_TEST(queue.enqueue(std::move(shared), WhenFull::DropOldest));
        BOOST_TEST(shared == None);  // NOLINT(bugprone-use-after-move)
        BOOST_TEST(queue.deq()["a"] == 1);
    });
}

BOOST_AUTO_TEST_CASE(what_is_leased_cannot_be_dropped_and_what_came_back_is_the_oldest) {
    each(2, [](CQ& queue) {
        fill(queue);
        Lease first = queue.lease(at_once);
        Lease second = queue.lease(at_once);
        BOOST_TEST(!queue.enqueue(Val(9), WhenFull::DropOldest));
        BOOST_TEST(second.value() == 1);
        second.give_back();
        BOOST_TEST(queue.enqueue(Val(9), WhenFull::DropOldest));
        BOOST_TEST(rest_of(queue) == std::vector<int>{9});
        BOOST_TEST(first.ack());
        BOOST_TEST(queue.counters().packets_out == 3u);
    });
}

BOOST_AUTO_TEST_CASE(writers_that_drop_never_wait_for_each_other) {
    each(4, [](CQ& queue) {
        constexpr int writers = 4;
        constexpr int packets = 500;
        std::vector<std::thread> threads;
        for (int w = 0; w < writers; ++w)
            threads.emplace_back([&queue, w] {
                for (int i = 0; i < packets; ++i)
                    queue.enqueue(Val(w * packets + i), WhenFull::DropOldest);
            });
        for (std::thread& t : threads) t.join();
        const PipeCounters passed = queue.counters();
        BOOST_TEST(passed.packets_in + (passed.dropped - passed.packets_out) ==
                   static_cast<std::uint64_t>(writers * packets));
        BOOST_TEST(queue.length() == passed.packets_in - passed.packets_out);
        // Each writer's packets are in their order, and the last one of some writer is there.
        std::vector<int> last(writers, -1);
        for (const int i : rest_of(queue)) {
            BOOST_TEST(i > last[static_cast<std::size_t>(i / packets)]);
            last[static_cast<std::size_t>(i / packets)] = i;
        }
    });
}

BOOST_AUTO_TEST_CASE(a_time_out_that_is_no_number_is_refused) {
    each(1, [](CQ& queue) {
        BOOST_CHECK_THROW(queue.enqueue(Val(1), WhenFull::DropOldest, std::nan("")),
                          std::logic_error);
        BOOST_TEST(queue.empty());
        BOOST_TEST(
            queue.enqueue(Val(1), WhenFull::DropOldest, -std::numeric_limits<double>::infinity()));
        BOOST_TEST(queue.enqueue(Val(2), WhenFull::DropOldest, -1.0));
        BOOST_TEST(rest_of(queue) == std::vector<int>{2});
    });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_the_pool_drops_nothing) {
    CQ queue(2, pool, true);
    fill(queue);
    Array<real_8> large(1 << 20);
    large.expandTo(1 << 20);
    BOOST_CHECK_THROW(queue.enqueue(Val(large), WhenFull::DropOldest), PoolExhausted);
    BOOST_TEST(rest_of(queue) == (std::vector<int>{0, 1}));
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct several_queues : both_kinds {
    several_queues() {
        for (int i = 0; i < 3; ++i) queues.push_back(std::make_unique<CQ>(2, pool, true));
        queues.push_back(std::make_unique<CQ>(2));
    }
    std::vector<CQ*> all() const {
        std::vector<CQ*> result;
        for (const auto& queue : queues) result.push_back(queue.get());
        return result;
    }
    std::vector<std::unique_ptr<CQ>> queues;
};

using indexes = std::vector<std::size_t>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(multicasting, several_queues)

BOOST_AUTO_TEST_CASE(to_no_queue_reaches_all_of_them) { BOOST_TEST(multicast(Val(1), {}).empty()); }

BOOST_AUTO_TEST_CASE(every_queue_of_a_pool_gets_the_same_packet) {
    BOOST_TEST(multicast(Tab{{"a", 1}}, all()).empty());
    const Val first = queues[0]->deq();
    BOOST_TEST(is(first, queues[1]->deq()));
    BOOST_TEST(is(first, queues[2]->deq()));
    BOOST_TEST(queues[3]->deq() == first);
}

BOOST_AUTO_TEST_CASE(a_shared_value_is_not_copied) {
    const Val shared = Shared(pool, Tab{{"a", 1}});
    const std::size_t before = pool->usedBytes();
    BOOST_TEST(multicast(shared, {queues[0].get(), queues[1].get()}).empty());
    for (const std::size_t i : {0u, 1u}) BOOST_TEST(is(queues[i]->deq(), shared));
    BOOST_TEST(pool->usedBytes() - before < 1000u);
}

BOOST_AUTO_TEST_CASE(what_stayed_full_is_told_by_index) {
    fill(*queues[1]);
    fill(*queues[3]);
    const indexes full{1, 3};
    BOOST_TEST(multicast(Val(9), all()) == full);
    BOOST_TEST(multicast(Val(9), all(), WhenFull::Wait, 0.01) == full);
    BOOST_TEST(multicast(Val(9), all(), WhenFull::DropNewest) == (indexes{0, 1, 2, 3}));
    BOOST_TEST(queues[0]->counters().dropped == 1u);
    BOOST_TEST(rest_of(*queues[0]) == (std::vector<int>{9, 9}));
    BOOST_TEST(rest_of(*queues[1]) == (std::vector<int>{0, 1}));
}

BOOST_AUTO_TEST_CASE(the_oldest_are_dropped_where_there_is_no_room) {
    fill(*queues[0]);
    BOOST_TEST(multicast(Val(9), all(), WhenFull::DropOldest).empty());
    BOOST_TEST(rest_of(*queues[0]) == (std::vector<int>{1, 9}));
    BOOST_TEST(queues[0]->counters().dropped == 1u);
    BOOST_TEST(rest_of(*queues[2]) == std::vector<int>{9});
}

BOOST_AUTO_TEST_CASE(a_slow_reader_delays_none_of_the_others) {
    fill(*queues[0]);
    std::thread waiting([&] { BOOST_TEST(multicast(Val(9), all(), WhenFull::Wait, 60).empty()); });
    BOOST_TEST(queues[2]->deq() == 9);  // although queue 0 is still full
    BOOST_TEST(queues[0]->full());
    queues[0]->deq();
    waiting.join();
    BOOST_TEST(rest_of(*queues[0]) == (std::vector<int>{1, 9}));
}

BOOST_AUTO_TEST_CASE(the_same_queue_twice_gets_it_twice) {
    BOOST_TEST(multicast(Val(9), {queues[0].get(), queues[0].get()}).empty());
    BOOST_TEST(rest_of(*queues[0]) == (std::vector<int>{9, 9}));
}

BOOST_AUTO_TEST_CASE(bad_arguments_are_refused_before_anything_is_done) {
    BOOST_CHECK_THROW(multicast(Val(1), {queues[0].get(), nullptr}), std::logic_error);
    BOOST_CHECK_THROW(multicast(Val(1), all(), WhenFull::Wait, std::nan("")), std::logic_error);
    BOOST_TEST(queues[0]->empty());
}

BOOST_AUTO_TEST_CASE(a_queue_whose_pool_is_too_small_is_not_reached) {
    std::vector<char> little(200000);
    StreamingPool* const small = StreamingPool::CreateStreamingPool(little.data(), little.size());
    {
        CQ in_small(2, small, true);
        const Val large = Tab{{"text", std::string(300000, 'x')}};
        BOOST_TEST(multicast(large, {&in_small, queues[0].get()}) == indexes{0});
        BOOST_TEST(queues[0]->deq() == large);
    }
    StreamingPool::Clean(small);
}

BOOST_AUTO_TEST_SUITE_END()
