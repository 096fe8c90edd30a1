#include "unit/queue/both_kinds.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

using namespace valpool;
using queue_test::both_kinds;
using queue_test::seconds_of;

BOOST_FIXTURE_TEST_SUITE(cq, both_kinds)

BOOST_AUTO_TEST_CASE(packets_come_out_in_the_order_they_went_in) {
    for (const int capacity : {1, 2, 3, 4, 5, 64})
        each(capacity, [&](CQ& queue) {
            int in = 0;
            int out = 0;
            for (int round = 0; round < 20; ++round) {
                while (queue.enqueue(in, 0.0)) ++in;
                BOOST_TEST(queue.full());
                BOOST_TEST(queue.length() == static_cast<std::size_t>(capacity));
                for (int i = 0; i <= round % capacity; ++i) BOOST_TEST(queue.deq() == out++);
            }
            while (!queue.empty()) BOOST_TEST(queue.deq() == out++);
            BOOST_TEST(in == out);
        });
}

BOOST_AUTO_TEST_CASE(capacities_below_one_are_refused) {
    for (const int capacity : {0, -1, std::numeric_limits<int>::min()}) {
        BOOST_CHECK_THROW(CQ{capacity}, std::logic_error);
        BOOST_CHECK_THROW((CQ{capacity, pool, true}), std::logic_error);
    }
    BOOST_CHECK_THROW((CQ{std::numeric_limits<int>::max(), pool, true}), PoolExhausted);
    BOOST_CHECK_THROW((CQ{1000000, pool, true}), PoolExhausted);
    BOOST_TEST(pool->isPristine());
}

BOOST_AUTO_TEST_CASE(an_empty_queue_times_out_and_leaves_the_result_alone) {
    each(2, [](CQ& queue) {
        Val out = "before";
        bool got = true;
        BOOST_TEST(seconds_of([&] { got = queue.dequeue(0.05, out); }) >= 0.05);
        BOOST_TEST(!got);
        BOOST_TEST(out == "before");
    });
}

BOOST_AUTO_TEST_CASE(a_full_queue_times_out_and_leaves_the_value_alone) {
    each(1, [](CQ& queue) {
        queue.enq(1);
        Val value = "mine";
        bool done = true;
        BOOST_TEST(seconds_of([&] { done = queue.enqueue(std::move(value), 0.05); }) >= 0.05);
        BOOST_TEST(!done);
        BOOST_TEST(value == "mine");
        BOOST_TEST(queue.deq() == 1);
        BOOST_TEST(queue.empty());
    });
}

BOOST_AUTO_TEST_CASE(zero_and_negative_timeouts_try_once) {
    each(1, [](CQ& queue) {
        for (const double timeout_s :
             {0.0, -1.0, -1e300, -std::numeric_limits<double>::infinity()}) {
            Val out;
            BOOST_TEST(!queue.dequeue(timeout_s, out));
            BOOST_TEST(queue.enqueue(7, timeout_s));
            BOOST_TEST(!queue.enqueue(8, timeout_s));
            BOOST_TEST(queue.dequeue(timeout_s, out));
            BOOST_TEST(out == 7);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_timeout_that_is_no_number_is_refused_and_nothing_changes) {
    each(1, [](CQ& queue) {
        Val out = "before";
        const double nan = std::nan("");
        BOOST_CHECK_THROW(queue.enqueue(1, nan), std::logic_error);
        BOOST_CHECK_THROW(queue.enqueue(1, Val("soon")), std::logic_error);
        BOOST_CHECK_THROW(queue.enqueue(1, Val(Tab())), std::logic_error);
        BOOST_CHECK_THROW(queue.dequeue(nan, out), std::logic_error);
        BOOST_CHECK_THROW(queue.dequeue(Val(Arr{1}), out), std::logic_error);
        BOOST_TEST(queue.empty());
        BOOST_TEST(out == "before");
    });
}

BOOST_AUTO_TEST_CASE(none_and_huge_timeouts_wait_for_ever_and_deliver) {
    each(1, [](CQ& queue) {
        for (const Val& timeout_s :
             {Val(None), Val(1e300), Val(std::numeric_limits<double>::infinity()),
              Val(std::numeric_limits<int_u8>::max())}) {
            std::thread late([&] {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
                queue.enqueue(5, None);
            });
            Val out;
            BOOST_TEST(queue.dequeue(timeout_s, out));
            BOOST_TEST(out == 5);
            late.join();
        }
    });
}

BOOST_AUTO_TEST_CASE(every_kind_of_value_passes_unchanged) {
    const Array<real_8> reals{1.5, 2.5};
    const std::vector<Val> values{None,
                                  true,
                                  int_1(-1),
                                  int_u8(~0ULL),
                                  2.5f,
                                  1e300,
                                  complex_16(1, 2),
                                  "",
                                  "short",
                                  std::string(1000, 'x'),
                                  Tab{{"a", Arr{1, "b"}}},
                                  OTab{{"z", 1}, {"y", 2}},
                                  Tup(1, "two", None),
                                  Arr(),
                                  reals};
    each(4, [&](CQ& queue) {
        for (const Val& value : values) {
            queue.enq(value);
            const Val out = queue.deq();
            BOOST_TEST(out == value);
            BOOST_TEST(out.tag == value.tag);
            BOOST_TEST(out.subtype == value.subtype);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_shared_value_is_passed_without_a_copy) {
    CQ queue(2, pool, true);
    Val shared = Shared(pool, Tab{{"a", 1}});
    queue.enq(shared);
    const Val out = queue.deq();
    BOOST_TEST(is(out, shared));
    queue.enq(std::move(shared));
    BOOST_TEST(shared.isNone());
    BOOST_TEST(is(queue.deq(), out));
}

BOOST_AUTO_TEST_CASE(a_heap_value_is_copied_into_the_pool) {
    CQ queue(2, pool, true);
    Val on_heap = Tab{{"a", Arr{1, 2}}};
    Val adopted = new Tab{{"b", 2}};
    queue.enq(on_heap);
    queue.enq(adopted);
    for (int i = 0; i < 2; ++i) {
        const Val out = queue.deq();
        BOOST_TEST(out.allocator() == pool);
        BOOST_TEST(InSHM(out, pool));
        BOOST_TEST(out == (i == 0 ? on_heap : adopted));
    }
}

BOOST_AUTO_TEST_CASE(the_slot_gives_its_reference_up_at_once) {
    CQ queue(8, pool, true);
    queue.enq(0);
    queue.deq();  // from now on this thread is counted, in a block of its own
    const std::size_t before = pool->usedBytes();
    queue.enq(Shared(pool, Tab{{"long", std::string(10000, 'x')}}));
    queue.deq();
    BOOST_TEST(pool->usedBytes() == before);
}

BOOST_AUTO_TEST_CASE(a_queue_takes_what_is_in_it_along) {
    {
        CQ queue(8, pool, true);
        for (int i = 0; i < 5; ++i) queue.enq(Tab{{"a", i}});
    }
    BOOST_TEST(pool->isPristine());
}

BOOST_AUTO_TEST_CASE(a_full_pool_refuses_a_copy_and_the_queue_stays_as_it_was) {
    CQ queue(8, pool, true);
    queue.enq(1);
    std::vector<char*> filling;
    while (!pool->isFull()) filling.push_back(pool->allocate(pool->biggestFree()));
    Val big = Tab{{"a", std::string(5000, 'x')}};
    BOOST_CHECK_THROW(queue.enqueue(big, 0.0), PoolExhausted);
    BOOST_CHECK_THROW(queue.enqueue(std::move(big), 0.0), PoolExhausted);
    BOOST_TEST(big.length() == 1u);
    BOOST_TEST(queue.length() == 1u);
    for (char* piece : filling) pool->deallocate(piece);
    BOOST_TEST(queue.deq() == 1);
}

BOOST_AUTO_TEST_CASE(a_result_inside_the_pool_is_refused_and_the_packet_stays) {
    CQ queue(2, pool, true);
    queue.enq(1);
    Val shared = Shared(pool, Tab{{"a", 0}});
    BOOST_CHECK_THROW(queue.dequeue(0.0, shared["a"]), std::logic_error);
    BOOST_TEST(queue.deq() == 1);
}

BOOST_AUTO_TEST_CASE(many_threads_pass_every_packet_exactly_once_and_in_order) {
    constexpr int producers = 3;
    constexpr int consumers = 3;
    constexpr int packets = 4000;
    for (const int capacity : {1, 3, 16})
        each(capacity, [&](CQ& queue) {
            std::vector<std::vector<std::pair<int, int>>> got(consumers);
            std::vector<std::thread> threads;
            for (int p = 0; p < producers; ++p)
                threads.emplace_back([&, p] {
                    for (int i = 0; i < packets; ++i) queue.enq(p * packets + i);
                });
            for (int c = 0; c < consumers; ++c)
                threads.emplace_back([&, c] {
                    for (;;) {
                        const int number = queue.deq();
                        if (number < 0) return;
                        got[static_cast<std::size_t>(c)].emplace_back(number / packets,
                                                                      number % packets);
                    }
                });
            for (int p = 0; p < producers; ++p) threads[static_cast<std::size_t>(p)].join();
            for (int c = 0; c < consumers; ++c) queue.enq(-1);
            for (int c = 0; c < consumers; ++c)
                threads[static_cast<std::size_t>(producers + c)].join();
            std::vector<int> times(producers * packets);
            for (const auto& mine : got) {
                std::vector<int> last(producers, -1);
                for (const auto& [p, i] : mine) {
                    ++times[static_cast<std::size_t>(p * packets + i)];
                    BOOST_REQUIRE_LT(last[static_cast<std::size_t>(p)], i);
                    last[static_cast<std::size_t>(p)] = i;
                }
            }
            BOOST_TEST(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
        });
}

BOOST_AUTO_TEST_CASE(tries_never_wait) {
    each(1, [&](CQ& queue) {
        Val out = "untouched";
        BOOST_TEST(!queue.try_dequeue(out));
        BOOST_TEST(out == "untouched");
        BOOST_TEST(queue.try_enqueue(1));
        Val second = "second";
        BOOST_TEST(!queue.try_enqueue(std::move(second)));
        BOOST_TEST(second == "second");
        BOOST_TEST(!queue.try_enqueue(second));
        BOOST_TEST(queue.try_dequeue(out));
        BOOST_TEST(out == 1);
    });
}

BOOST_AUTO_TEST_CASE(many_values_are_handed_over_as_far_as_there_is_room) {
    each(5, [&](CQ& queue) {
        std::vector<Val> values;
        for (int i = 0; i < 8; ++i) values.push_back(i);
        BOOST_TEST(queue.enqueue_many(values, 0.0) == 5u);
        for (int i = 0; i < 5; ++i) BOOST_TEST(values[static_cast<std::size_t>(i)].isNone());
        for (int i = 5; i < 8; ++i) BOOST_TEST(values[static_cast<std::size_t>(i)] == i);
        BOOST_TEST(queue.enqueue_many(values.data() + 5, 3, 0.0) == 0u);
        BOOST_TEST(queue.enqueue_many(values.data(), 0) == 0u);
        std::vector<Val> out{"before"};
        BOOST_TEST(queue.dequeue_many(out, 100) == 5u);
        BOOST_REQUIRE_EQUAL(out.size(), 6u);
        BOOST_TEST(out[0] == "before");
        for (int i = 0; i < 5; ++i) BOOST_TEST(out[static_cast<std::size_t>(i) + 1] == i);
    });
}

BOOST_AUTO_TEST_CASE(many_packets_are_taken_as_far_as_there_are_any) {
    each(8, [&](CQ& queue) {
        std::vector<Val> out;
        BOOST_TEST(queue.dequeue_many(out, 4, 0.0) == 0u);
        BOOST_TEST(seconds_of([&] { queue.dequeue_many(out, 4, 0.05); }) >= 0.05);
        BOOST_TEST(out.empty());
        for (int i = 0; i < 7; ++i) queue.enq(i);
        BOOST_TEST(queue.dequeue_many(out, 0) == 0u);
        BOOST_TEST(queue.dequeue_many(out, 3) == 3u);
        BOOST_TEST(queue.dequeue_many(out, 100) == 4u);
        for (int i = 0; i < 7; ++i) BOOST_TEST(out[static_cast<std::size_t>(i)] == i);
        BOOST_CHECK_THROW(queue.dequeue_many(out, 1, std::nan("")), std::logic_error);
        BOOST_CHECK_THROW(queue.enqueue_many(out, "soon"), std::logic_error);
    });
}

BOOST_AUTO_TEST_CASE(many_values_wait_for_the_room_that_a_reader_makes) {
    each(2, [&](CQ& queue) {
        constexpr int count = 1000;
        std::vector<Val> values;
        for (int i = 0; i < count; ++i) values.push_back(i);
        std::vector<Val> out;
        std::thread reader([&] {
            while (out.size() < count) queue.dequeue_many(out, 7);
        });
        BOOST_TEST(queue.enqueue_many(values) == static_cast<std::size_t>(count));
        reader.join();
        for (int i = 0; i < count; ++i) BOOST_REQUIRE(out[static_cast<std::size_t>(i)] == i);
    });
}

BOOST_AUTO_TEST_CASE(waits_that_only_look_deliver_and_time_out_as_others) {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double time : {0.0, 1e-6, 0.02, 1e300, infinity})
        each(1, [&](CQ& queue) {
            queue.spin(time);
            Val out;
            BOOST_TEST(seconds_of([&] { BOOST_TEST(!queue.dequeue(0.03, out)); }) >= 0.03);
            std::thread writer([&] {
                for (int i = 0; i < 100; ++i) queue.enq(i);
            });
            for (int i = 0; i < 100; ++i) BOOST_REQUIRE(queue.deq() == i);
            writer.join();
        });
    each(1, [&](CQ& queue) {
        for (const double bad : {-1.0, -infinity, std::nan("")})
            BOOST_CHECK_THROW(queue.spin(bad), std::logic_error);
    });
}

BOOST_AUTO_TEST_CASE(a_reader_that_others_have_overtaken_sleeps_instead_of_looking_for_ever) {
    // Two objects for one queue. Each of them remembers what it has seen of the queue.
    const std::string name = "cq_overtaken_" + std::to_string(getpid());
    SHMMain main(name, 1000000);
    main.start();
    ServerSide server(name, "pipe", 3);
    server.start();
    ClientSide one(name, "pipe");
    ClientSide other(name, "pipe");
    one.start();
    other.start();
    for (int i = 0; i < 3; ++i) server.pipe().enq(i);
    BOOST_TEST(one.pipe().deq() == 0);  // and has seen two more packets
    BOOST_TEST(other.pipe().deq() == 1);
    BOOST_TEST(other.pipe().deq() == 2);
    Val out;
    const auto times_asleep = [] {
        rusage usage{};
        getrusage(RUSAGE_THREAD, &usage);
        return usage.ru_nvcsw;
    };
    const long before = times_asleep();
    BOOST_TEST(!one.pipe().dequeue(0.3, out));
    BOOST_TEST(times_asleep() > before);
    for (int i = 3; i < 6; ++i) other.pipe().enq(i);
    BOOST_TEST(!server.pipe().enqueue(6, 0.0));
    for (int i = 3; i < 6; ++i) BOOST_TEST(one.pipe().deq() == i);
    BOOST_TEST(server.pipe().enqueue(6, 0.0));
}

BOOST_AUTO_TEST_SUITE_END()
