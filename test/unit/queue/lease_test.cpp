#include <valpool/valpool.hpp>

#include "queue/directory.hpp"
#include "queue/leases.hpp"
#include "queue/queue_core.hpp"
#include "unit/queue/both_kinds.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace valpool;
using queue_test::both_kinds;
using queue_test::seconds_of;

namespace {

int number_in(const Lease& lease) { return static_cast<int>(lease.value()); }

std::vector<int> drain(CQ& queue) {
    std::vector<int> numbers;
    for (Val packet; queue.dequeue(0.0, packet);) numbers.push_back(static_cast<int>(packet));
    return numbers;
}

LeaseOptions with_deadline(double seconds) {
    LeaseOptions options;
    options.deadline_s = seconds;
    return options;
}

LeaseOptions with_most_deliveries(unsigned most) {
    LeaseOptions options;
    options.most_deliveries = most;
    return options;
}

/// The one lease table in the pool.
detail::lease_table& table_in(std::vector<char>& memory, const StreamingPool& pool) {
    detail::arena& a = detail::arena_of(const_cast<StreamingPool&>(pool));
    for (std::size_t o = a.pages_offset; o + sizeof(detail::lease_table) < memory.size(); o += 64) {
        auto& t = *a.at<detail::lease_table>(o);
        if (t.root.magic == detail::magic_box && t.root.root_tag == detail::lease_table_tag)
            return t;
    }
    throw std::logic_error("no lease table is there");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(leases, both_kinds)

BOOST_AUTO_TEST_CASE(a_lease_on_an_empty_queue_times_out) {
    each(3, [](CQ& queue) {
        BOOST_TEST(!queue.lease(0.0));
        BOOST_TEST(!queue.lease(-1));
        BOOST_TEST(seconds_of([&] { BOOST_TEST(!queue.lease(0.02)); }) >= 0.02);
        BOOST_TEST(queue.leased() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(an_acknowledged_packet_is_gone) {
    each(3, [](CQ& queue) {
        queue.enq(7);
        Lease lease = queue.lease(0.0);
        BOOST_REQUIRE(lease);
        BOOST_TEST(number_in(lease) == 7);
        BOOST_TEST(lease.deliveries() == 1u);
        BOOST_TEST(queue.length() == 0u);
        BOOST_TEST(queue.leased() == 1u);
        BOOST_TEST(lease.ack());
        BOOST_TEST(queue.leased() == 0u);
        BOOST_TEST(lease.ack());
        lease.give_back();
        BOOST_TEST(number_in(lease) == 7);
        BOOST_TEST(!queue.lease(0.0));
    });
}

BOOST_AUTO_TEST_CASE(a_packet_that_is_given_back_comes_before_later_ones) {
    each(5, [](CQ& queue) {
        for (const int i : {1, 2, 3}) queue.enq(i);
        Lease first = queue.lease(0.0);
        Lease second = queue.lease(0.0);
        second.give_back();
        first.give_back();
        BOOST_TEST(!first.ack());
        BOOST_TEST(queue.length() == 3u);
        Lease again = queue.lease(0.0);
        BOOST_TEST(number_in(again) == 1);
        BOOST_TEST(again.deliveries() == 2u);
        BOOST_TEST(again.ack());
        BOOST_TEST((drain(queue) == std::vector<int>{2, 3}));
    });
}

BOOST_AUTO_TEST_CASE(the_destructor_gives_back_and_a_move_does_not) {
    each(2, [](CQ& queue) {
        queue.enq(1);
        {
            Lease lease = queue.lease(0.0);
            Lease moved = std::move(lease);
            BOOST_TEST(!lease);
            BOOST_TEST(queue.leased() == 1u);
            Lease assigned;
            assigned = std::move(moved);
            BOOST_TEST(number_in(assigned) == 1);
        }
        BOOST_TEST(queue.leased() == 0u);
        BOOST_TEST((drain(queue) == std::vector<int>{1}));
    });
}

BOOST_AUTO_TEST_CASE(leased_packets_keep_their_place_in_the_capacity) {
    for (const int capacity : {1, 2, 3, 4, 17, 64, 70})
        each(capacity, [&](CQ& queue) {
            std::vector<Lease> leases;
            for (int i = 0; i < capacity; ++i) {
                BOOST_REQUIRE(queue.enqueue(i, 0.0));
                leases.push_back(queue.lease(0.0));
                BOOST_REQUIRE(number_in(leases.back()) == i);
            }
            BOOST_TEST(queue.full());
            BOOST_TEST(!queue.enqueue(-1, 0.0));
            BOOST_TEST(leases.back().ack());
            BOOST_TEST(!queue.full());
            BOOST_TEST(queue.enqueue(capacity, 0.0));
            BOOST_TEST(!queue.enqueue(-1, 0.0));
            leases.clear();
            BOOST_TEST(queue.length() == static_cast<std::size_t>(capacity));
            std::vector<int> wanted;
            for (int i = 0; i <= capacity; ++i)
                if (i != capacity - 1) wanted.push_back(i);
            BOOST_TEST(drain(queue) == wanted);
        });
}

BOOST_AUTO_TEST_CASE(leases_and_plain_dequeues_wrap_around_together) {
    for (const int capacity : {1, 2, 3, 4, 5, 64})
        each(capacity, [&](CQ& queue) {
            int in = 0;
            int out = 0;
            for (int round = 0; round < 60; ++round) {
                while (queue.enqueue(in, 0.0)) ++in;
                Lease lease = queue.lease(0.0);
                BOOST_REQUIRE(number_in(lease) == out);
                if (round % 3 == 0) {
                    lease.give_back();
                    BOOST_REQUIRE(static_cast<int>(queue.deq()) == out);
                } else {
                    BOOST_REQUIRE(lease.ack());
                }
                ++out;
            }
            BOOST_TEST(in == out + capacity - 1);
        });
}

BOOST_AUTO_TEST_CASE(a_lease_expires_at_its_deadline_and_not_before) {
    each(3, [](CQ& queue) {
        queue.enq(5);
        Lease slow = queue.lease(0.0, with_deadline(0.03));
        BOOST_TEST(!queue.lease(0.0));
        Lease next;
        BOOST_TEST(seconds_of([&] { next = queue.lease(5.0); }) >= 0.02);
        BOOST_TEST(number_in(next) == 5);
        BOOST_TEST(next.deliveries() == 2u);
        BOOST_TEST(!slow.ack());
        BOOST_TEST(number_in(slow) == 5);
        slow.give_back();
        BOOST_TEST(queue.leased() == 1u);
        BOOST_TEST(next.ack());
        BOOST_TEST(queue.empty());
    });
}

BOOST_AUTO_TEST_CASE(an_expired_lease_can_be_acknowledged_until_somebody_else_has_the_packet) {
    each(3, [](CQ& queue) {
        queue.enq(5);
        Lease lease = queue.lease(0.0, with_deadline(0));
        BOOST_TEST(queue.length() == 1u);
        BOOST_TEST(queue.leased() == 0u);
        BOOST_TEST(lease.ack());
        BOOST_TEST(queue.empty());
        queue.enq(6);
        Lease other = queue.lease(0.0, with_deadline(0));
        BOOST_TEST(static_cast<int>(queue.deq()) == 6);
        BOOST_TEST(!other.ack());
    });
}

BOOST_AUTO_TEST_CASE(a_lease_of_no_length_is_over_at_once) {
    each(1, [](CQ& queue) {
        queue.enq(5);
        // So often that some come in the same microsecond as the look at them.
        constexpr int times = 10000;
        int over = 0;
        for (int i = 0; i < times; ++i) {
            const Lease lease = queue.lease(0.0, with_deadline(0));
            if (queue.length() == 1u) ++over;
        }
        BOOST_TEST(over == times);
    });
}

BOOST_AUTO_TEST_CASE(a_sleeper_is_woken_by_a_packet_that_is_given_back) {
    each(3, [](CQ& queue) {
        queue.spin(0);
        queue.enq(5);
        Lease mine = queue.lease(0.0);
        std::thread sleeper([&] {
            Lease lease = queue.lease(20.0);
            BOOST_TEST(lease.deliveries() == 2u);
            BOOST_TEST(lease.ack());
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        mine.give_back();
        sleeper.join();
    });
}

BOOST_AUTO_TEST_CASE(a_sleeping_dequeue_gets_a_packet_whose_lease_expires) {
    each(3, [](CQ& queue) {
        queue.spin(0);
        queue.enq(6);
        Lease slow = queue.lease(0.0, with_deadline(0.05));
        std::thread sleeper([&] { BOOST_TEST(static_cast<int>(queue.deq()) == 6); });
        sleeper.join();
        BOOST_TEST(!slow.ack());
    });
}

BOOST_AUTO_TEST_CASE(a_packet_is_delivered_so_many_times_and_then_dropped) {
    each(4, [](CQ& queue) {
        queue.enq(1);
        queue.enq(2);
        for (unsigned i = 1; i <= 3; ++i) {
            Lease lease = queue.lease(0.0, with_most_deliveries(3));
            BOOST_TEST(number_in(lease) == 1);
            BOOST_TEST(lease.deliveries() == i);
        }
        Lease next = queue.lease(0.0, with_most_deliveries(3));
        BOOST_TEST(number_in(next) == 2);
        BOOST_TEST(queue.length() == 0u);
        next.give_back();
        // Another consumer, with no limit, still gets it.
        BOOST_TEST(queue.lease(0.0).deliveries() == 2u);
    });
}

BOOST_AUTO_TEST_CASE(misuse_is_refused) {
    each(2, [](CQ& queue) {
        queue.enq(1);
        BOOST_CHECK_THROW(queue.lease(std::nan("")), std::logic_error);
        BOOST_CHECK_THROW(queue.lease("soon"), std::logic_error);
        BOOST_CHECK_THROW(queue.lease(0.0, with_deadline(std::nan(""))), std::logic_error);
        BOOST_CHECK_THROW(queue.lease(0.0, with_deadline(-1)), std::logic_error);
        LeaseOptions invalid;
        invalid.dead_letters = std::string("a\0b", 3);
        BOOST_CHECK_THROW(queue.lease(0.0, invalid), std::logic_error);
        Lease none;
        BOOST_CHECK_THROW(none.value(), std::logic_error);
        BOOST_CHECK_THROW(none.deliveries(), std::logic_error);
        BOOST_CHECK_THROW(none.ack(), std::logic_error);
        BOOST_CHECK_THROW(none.give_back(), std::logic_error);
        BOOST_TEST(queue.length() == 1u);
    });
    LeaseOptions letters;
    letters.dead_letters = "letters";
    CQ heap(1);
    BOOST_CHECK_THROW(heap.lease(0.0, letters), std::logic_error);
}

BOOST_AUTO_TEST_CASE(none_waits_for_ever) {
    each(2, [](CQ& queue) {
        std::thread producer([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            queue.enq(3);
        });
        BOOST_TEST(number_in(queue.lease(Val())) == 3);
        producer.join();
    });
}

BOOST_AUTO_TEST_CASE(a_producer_that_waits_for_room_goes_on_after_an_acknowledgement) {
    for (const int capacity : {1, 20})
        each(capacity, [&](CQ& queue) {
            std::vector<Lease> leases;
            for (int i = 0; i < capacity; ++i) {
                queue.enq(i);
                leases.push_back(queue.lease(0.0));
            }
            std::atomic<bool> is_done{false};
            std::thread producer([&] {
                queue.enq(-1);
                is_done = true;
            });
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            BOOST_TEST(!is_done);
            BOOST_TEST(leases.front().ack());
            producer.join();
            leases.clear();
        });
}

BOOST_AUTO_TEST_CASE(a_lease_may_outlive_the_queue) {
    std::vector<Lease> leases;
    each(2, [&](CQ& queue) {
        queue.enq(Tab{{"a", 1}});
        leases.push_back(queue.lease(0.0));
        leases.back().give_back();
        leases.clear();
    });
    {
        auto queue = std::make_unique<CQ>(2, pool, true);
        queue->enq(Shared(pool, Tab{{"a", 1}}));
        Lease lease = queue->lease(0.0);
        queue.reset();
        BOOST_TEST(static_cast<int>(lease.value()("a")) == 1);
        BOOST_TEST(lease.ack());
    }
    BOOST_TEST(pool->isPristine());
    auto queue = std::make_unique<CQ>(2);
    queue->enq(4);
    Lease lease = queue->lease(0.0);
    queue.reset();
    BOOST_TEST(number_in(lease) == 4);
}

BOOST_AUTO_TEST_CASE(the_value_stays_valid_after_the_lease) {
    CQ queue(2, pool, true);
    queue.enq(Shared(pool, Tab{{"a", 1}}));
    Lease lease = queue.lease(0.0);
    const Val kept = lease.value();
    BOOST_TEST(check(pool).packets == 1u);
    BOOST_TEST(lease.ack());
    BOOST_TEST(check(pool).packets == 0u);
    BOOST_TEST(static_cast<int>(lease.value()("a")) == 1);
    lease = Lease();
    BOOST_TEST(static_cast<int>(kept("a")) == 1);
    const pool_report report = check(pool);
    BOOST_TEST(report.is_sound(), report);
}

BOOST_AUTO_TEST_CASE(a_lease_that_ends_in_a_thread_that_the_pool_has_no_place_for_comes_back) {
    const queue_test::small_pool small;
    CQ queue(4, small.pool, true);
    for (int i = 0; i < 3; ++i) queue.enq(i);
    Lease acknowledged = queue.lease(0.0);
    Lease given_back = queue.lease(0.0);
    Lease ended = queue.lease(0.0);
    {
        const queue_test::crowd others(queue);
        std::thread one_more([&] {
            BOOST_CHECK_THROW(acknowledged.ack(), std::runtime_error);
            given_back.give_back();
            const Lease last(std::move(ended));
        });
        one_more.join();
    }
    BOOST_TEST(acknowledged.ack());
    BOOST_TEST(!given_back.ack());
    for (const int i : {1, 2}) {
        Lease again = queue.lease(10.0);
        BOOST_REQUIRE(again);
        BOOST_TEST(again.value() == i);
        BOOST_TEST(again.deliveries() == 2u);
        BOOST_TEST(again.ack());
    }
    BOOST_TEST(queue.leased() == 0u);
}

BOOST_AUTO_TEST_CASE(limits_of_deliveries_beyond_what_is_counted_are_refused) {
    each(4, [](CQ& queue) {
        queue.enq(1);
        LeaseOptions options;
        options.most_deliveries = LeaseOptions::highest_limit + 1;
        BOOST_CHECK_THROW(queue.lease(0.0, options), std::logic_error);
        options.most_deliveries = LeaseOptions::highest_limit;
        BOOST_TEST(queue.lease(0.0, options).ack());
    });
}

BOOST_AUTO_TEST_CASE(who_only_looks_knows_the_next_deadline_too) {
    detail::arena& a = detail::arena_of(*pool);
    detail::hold* const h = detail::make_unnamed_pipe(a, 4);
    const detail::pipe& p = detail::pipe_in(*h->target);
    {
        CQ queue(detail::make_pool_queue(h, {}));
        const auto lease_for = [&](double seconds) {
            LeaseOptions options;
            options.deadline_s = seconds;
            queue.enq(1);
            return queue.lease(0.0, options);
        };
        BOOST_TEST((detail::until_next_expiry(p) == std::chrono::nanoseconds::max()));
        // An earlier deadline than the next one, of a lease that has ended.
        BOOST_TEST(lease_for(0.01).ack());
        const Lease lease = lease_for(100);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        BOOST_TEST((detail::until_next_expiry(p) <= std::chrono::seconds(100)));
        BOOST_TEST((detail::until_next_expiry(p) > std::chrono::seconds(1)));
    }
    BOOST_TEST(pool->isPristine());
}

BOOST_AUTO_TEST_CASE(check_survives_a_damaged_table) {
    CQ queue(3, pool, true);
    queue.enq(Tab{{"a", 1}});
    queue.enq(Tab{{"a", 2}});
    std::vector<Lease> leases;
    leases.push_back(queue.lease(0.0));
    detail::lease_table& t = table_in(memory, *pool);
    detail::lease_entry& e = t.entry(0);
    const auto is_refused = [&](auto& word, std::uint64_t wrong) {
        const auto right = word.load();
        word = static_cast<std::decay_t<decltype(right)>>(wrong);
        const pool_report report = check(pool);
        word = right;
        return !report.is_sound();
    };
    BOOST_TEST(is_refused(e.reference, 0));
    BOOST_TEST(is_refused(e.reference, 12345));
    BOOST_TEST(is_refused(e.reference, ~std::uint64_t{0}));
    BOOST_TEST(is_refused(e.low, detail::lease_state::returned) == false);
    is_refused(e.low, ~std::uint64_t{0});
    is_refused(e.low, detail::lease_state::taking);
    is_refused(e.position, ~std::uint64_t{0});
    is_refused(t.used, UINT32_MAX);
    is_refused(t.earliest, ~std::uint64_t{0});
    const std::uint64_t count = t.count;
    for (const std::uint64_t wrong : {std::uint64_t{0}, ~std::uint64_t{0}}) {
        t.count = wrong;
        check(pool);
    }
    t.count = count;
    const pool_report report = check(pool);
    BOOST_TEST(report.is_sound(), report);
}

BOOST_AUTO_TEST_CASE(threads_lease_give_back_and_acknowledge_each_packet_once) {
    constexpr int packets = 4000;
    each(7, [&](CQ& queue) {
        std::vector<std::atomic<int>> done(packets);
        std::atomic<int> all{0};
        const auto work = [&](int which) {
            for (unsigned turn = 0; all < packets; ++turn) {
                Lease lease = queue.lease(0.01, with_deadline(turn % 5 == 0 ? 0.0001 : 60));
                if (!lease) continue;
                if ((turn + static_cast<unsigned>(which)) % 3 == 0) continue;  // gives back
                const int number = number_in(lease);
                if (!lease.ack()) continue;
                ++done[static_cast<std::size_t>(number)];
                ++all;
            }
        };
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) threads.emplace_back(work, i);
        threads.emplace_back([&] {
            for (Val packet; all < packets;)
                if (queue.dequeue(0.001, packet)) {
                    ++done[static_cast<std::size_t>(static_cast<int>(packet))];
                    ++all;
                }
        });
        for (int first : {0, 1})
            threads.emplace_back([&, first] {
                for (int i = first; i < packets; i += 2) queue.enq(i);
            });
        for (std::thread& t : threads) t.join();
        BOOST_TEST(std::all_of(done.begin(), done.end(), [](const auto& n) { return n == 1; }));
        BOOST_TEST(queue.empty());
        BOOST_TEST(queue.leased() == 0u);
    });
}

BOOST_AUTO_TEST_SUITE_END()
