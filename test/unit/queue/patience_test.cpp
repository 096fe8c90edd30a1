#include "queue/patience.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <sched.h>
#include <sys/resource.h>

using namespace valpool;
using namespace valpool::detail;
using namespace std::chrono_literals;

namespace {

using verdict = yield_budget::verdict;
constexpr yield_budget::duration a_switch = 2us;
constexpr yield_budget::duration no_switch = 100ns;
constexpr yield_budget::duration a_slice = 4ms;  // the time slice of a thread that computes

std::chrono::nanoseconds time_since(steady_time began) {
    return std::chrono::steady_clock::now() - began;
}

/// A yield_budget on a clock of its own.
struct thread_that_waits {
    unsigned turns() const { return budget.turns_at(now); }
    verdict gives_way(yield_budget::duration took, std::uint64_t found) {
        now += took;
        return budget.gave_way(now, took, found, took > no_switch);
    }
    /// How long it rests from yielding.
    yield_budget::duration rests() {
        const steady_time began = now;
        while (turns() == 0) now += 1ms;
        return now - began;
    }

    yield_budget budget;
    steady_time now{1h};
};

/// Keeps everything in this process on one processor meanwhile.
class one_processor {
public:
    one_processor() {
        sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t one;
        CPU_ZERO(&one);
        for (std::size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
            if (CPU_ISSET(i, &before_)) CPU_SET(i, &one);
        sched_setaffinity(0, sizeof one, &one);
    }
    ~one_processor() { sched_setaffinity(0, sizeof before_, &before_); }
    one_processor(const one_processor&) = delete;
    one_processor& operator=(const one_processor&) = delete;

private:
    cpu_set_t before_;
};

/// Two threads that wait in turn for each other's packet, on one processor.
class ping_pong {
public:
    ping_pong()
        : memory_(4 << 20),
          pool_(StreamingPool::CreateStreamingPool(memory_.data(), memory_.size())),
          queues_(std::make_unique<pair_of_queues>(pool_)) {}
    ~ping_pong() {
        queues_.reset();
        StreamingPool::Clean(pool_);
    }
    ping_pong(const ping_pong&) = delete;
    ping_pong& operator=(const ping_pong&) = delete;

    void spin(double seconds) {
        queues_->there.spin(seconds);
        queues_->back.spin(seconds);
    }
    /// How often the two threads slept in so many rounds.
    long sleeps(int rounds) {
        const auto asleep = [] {
            rusage usage{};
            getrusage(RUSAGE_SELF, &usage);
            return usage.ru_nvcsw;
        };
        const one_processor here;
        std::thread far([&] {
            for (int i = 0; i <= rounds; ++i) queues_->back.enq(queues_->there.deq());
        });
        const auto round_trip = [&] {
            queues_->there.enq(1);
            queues_->back.deq();
        };
        round_trip();  // the other thread has started
        const long before = asleep();
        for (int i = 0; i < rounds; ++i) round_trip();
        const long times = asleep() - before;
        far.join();
        return times;
    }

private:
    struct pair_of_queues {
        explicit pair_of_queues(StreamingPool* pool) : there(1, pool, true), back(1, pool, true) {}
        CQ there;
        CQ back;
    };
    std::vector<char> memory_;
    StreamingPool* pool_;
    std::unique_ptr<pair_of_queues> queues_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(patience, thread_that_waits)

BOOST_AUTO_TEST_CASE(who_finds_work_after_giving_way_does_so_more_often) {
    const unsigned before = turns();
    BOOST_TEST(before > 0U);
    BOOST_CHECK(gives_way(a_switch, 1) == verdict::done);
    BOOST_TEST(turns() > before);
    for (int i = 0; i < 100; ++i) gives_way(a_switch, 1);
    BOOST_TEST(turns() <= 16U);
}

BOOST_AUTO_TEST_CASE(who_gives_way_in_vain_does_so_less_often_but_never_gives_up) {
    const unsigned before = turns();
    BOOST_CHECK(gives_way(a_switch, 0) == verdict::go_on);
    budget.was_in_vain();
    BOOST_TEST(turns() < before);
    for (int i = 0; i < 100; ++i) budget.was_in_vain();
    BOOST_TEST(turns() == 1U);
}

BOOST_AUTO_TEST_CASE(who_is_alone_on_the_processor_stops_giving_way) {
    gives_way(a_switch, 1);
    BOOST_TEST(budget.is_crowded());
    BOOST_CHECK(gives_way(no_switch, 0) == verdict::nobody_else);
    BOOST_TEST(!budget.is_crowded());
}

BOOST_AUTO_TEST_CASE(who_came_too_late_rests_many_times_as_long) {
    BOOST_CHECK(gives_way(a_slice, 1) == verdict::too_long);
    BOOST_TEST(turns() == 0U);
    BOOST_TEST(!budget.is_crowded());
    BOOST_CHECK(rests() >= 8 * a_slice);
}

BOOST_AUTO_TEST_CASE(who_comes_too_late_again_and_again_rests_longer_and_longer) {
    yield_budget::duration before = 0ms;
    for (int i = 0; i < 5; ++i) {
        gives_way(a_slice, 1);
        const yield_budget::duration now_rests = rests();
        BOOST_CHECK(now_rests > before);
        before = now_rests;
    }
    BOOST_CHECK(before >= 100 * a_slice);
    for (int i = 0; i < 100; ++i) {
        gives_way(a_slice, 1);
        BOOST_CHECK(rests() <= 1s);
    }
    now += 10s;
    gives_way(a_slice, 1);
    BOOST_CHECK(rests() < 10 * a_slice);  // the last long rest was long ago
}

BOOST_AUTO_TEST_CASE(who_was_away_for_long_but_missed_nothing_rests_no_longer_each_time) {
    for (int i = 0; i < 5; ++i) {
        BOOST_CHECK(gives_way(a_slice, 0) == verdict::too_long);
        BOOST_CHECK(rests() < 10 * a_slice);
    }
}

BOOST_AUTO_TEST_CASE(a_large_batch_excuses_a_long_time_where_each_packet_wakes_a_sleeper) {
    for (int i = 0; i < 100; ++i) budget.slept(1);
    BOOST_CHECK(gives_way(a_slice, 1000) == verdict::done);
    BOOST_TEST(turns() > 0U);
    BOOST_CHECK(gives_way(10 * a_slice, 1000000000) == verdict::too_long);
}

BOOST_AUTO_TEST_CASE(a_large_batch_excuses_little_where_a_sleeper_is_woken_for_many_packets) {
    for (int i = 0; i < 100; ++i) budget.slept(100);
    BOOST_CHECK(gives_way(a_slice, 1000) == verdict::too_long);
}

BOOST_AUTO_TEST_CASE(many_spared_wake_ups_excuse_one_long_time) {
    for (int i = 0; i < 100; ++i) budget.slept(1);
    for (int i = 0; i < 2000; ++i) gives_way(a_switch, 1);
    BOOST_CHECK(gives_way(a_slice, 1) == verdict::done);
    BOOST_CHECK(gives_way(a_slice, 1) == verdict::done);
    BOOST_CHECK(gives_way(a_slice, 1) == verdict::too_long);  // the credit has been used up
}

BOOST_AUTO_TEST_CASE(who_was_stopped_for_hours_rests_for_a_second_at_most) {
    gives_way(100h, 1);
    BOOST_CHECK(rests() <= 1s);
}

BOOST_AUTO_TEST_CASE(who_has_a_processor_to_himself_tries_now_and_then_whether_looking_pays) {
    const auto longest_of_16_waits = [](bool is_crowded) {
        spin_budget spins;
        spins.woken_after(1ms);
        std::chrono::nanoseconds longest{0};
        for (int i = 0; i < 32; ++i) {
            const steady_time began = std::chrono::steady_clock::now();
            spins.spin([] { return false; }, is_crowded);
            // In the first half it learns that looking is in vain.
            if (i >= 16) longest = std::max(longest, time_since(began));
        }
        return longest;
    };
    BOOST_CHECK(longest_of_16_waits(false) >= 50us);
    int looks = 0;
    spin_budget crowded;
    for (int i = 0; i < 16; ++i) crowded.spin([&] { return ++looks < 0; }, true);
    BOOST_TEST(looks <= 100);
}

BOOST_AUTO_TEST_CASE(who_explores_looks_for_as_long_as_wake_ups_take_here) {
    const auto longest_wait = [](std::chrono::nanoseconds wake_up) {
        spin_budget spins;
        for (int i = 0; i < 100; ++i) spins.woken_after(wake_up);
        auto shortest = std::chrono::nanoseconds::max();  // of the longest waits: without mishaps
        for (int n = 0; n < 20; ++n) {
            std::chrono::nanoseconds longest{0};
            for (int i = 0; i < 16; ++i) {
                const steady_time began = std::chrono::steady_clock::now();
                spins.spin([] { return false; }, false);
                longest = std::max(longest, time_since(began));
            }
            shortest = std::min(shortest, longest);
        }
        return shortest;
    };
    const auto where_quick = longest_wait(10us);
    const auto where_slow = longest_wait(120us);
    BOOST_CHECK(where_quick >= 10us);
    BOOST_CHECK(where_slow >= 120us);
    BOOST_CHECK(where_slow > 2 * where_quick);
    // No wake-up is believed to take as long as that: a clock is wrong.
    BOOST_CHECK(longest_wait(-1h) >= 10us);
    BOOST_CHECK(longest_wait(1h) >= 10us);
}

BOOST_AUTO_TEST_CASE(who_was_answered_late_once_looks_for_long_next_time) {
    spin_budget spins;
    for (int i = 0; i < 100; ++i) spins.woken_after(100us);
    const auto answered_after = [&](std::chrono::nanoseconds time) {
        const steady_time began = std::chrono::steady_clock::now();
        return spins.spin([&] { return time_since(began) >= time; }, false);
    };
    for (int i = 0; i < 20; ++i) spins.spin([] { return false; }, false);
    // One of 16 waits explores. A hog may take the processor right then.
    int tries = 0;
    while (!answered_after(60us) && tries < 1000) ++tries;
    BOOST_TEST(tries < 1000);
    int answered = 0;
    for (int i = 0; i < 100; ++i) answered += answered_after(60us) ? 1 : 0;
    BOOST_TEST(answered >= 50);
}

BOOST_AUTO_TEST_CASE(who_has_learned_to_look_for_long_looks_briefly_in_a_crowd) {
    spin_budget spins;
    int looks = 0;
    const auto found_at = [&](int n) {
        looks = 0;
        return [&looks, n] { return ++looks == n; };
    };
    while (!spins.spin(found_at(100), false)) {
    }
    BOOST_TEST(!spins.spin(found_at(100), true));
    BOOST_TEST(looks <= 4);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_batch_looks_less_often) {
    const auto looks = [](std::chrono::nanoseconds pause) {
        spin_budget spins;
        int count = 0;
        for (int i = 0; i < 160; ++i)
            spins.spin([&] { return ++count < 0; }, false, {.pause = pause});
        return count;
    };
    BOOST_TEST(looks(2us) < looks(0us) / 2);
}

BOOST_AUTO_TEST_CASE(a_processor_is_crowded_only_when_others_have_run_on_it) {
    const one_processor here;
    switch_watch alone;
    alone.others_ran(1ms);  // the first question counts from the thread's beginning
    int crowded = 0;
    // However long it took: system calls may be slow here.
    for (int i = 0; i < 100; ++i) crowded += alone.others_ran(1ms) ? 1 : 0;
    BOOST_TEST(crowded < 50);

    std::atomic<bool> ends{false};
    std::thread other([&] {
        while (!ends) std::this_thread::yield();
    });
    crowded = 0;
    for (int i = 0; i < 100; ++i) {
        const steady_time before = std::chrono::steady_clock::now();
        std::this_thread::yield();
        crowded += alone.others_ran(std::max<std::chrono::nanoseconds>(1us, time_since(before)));
    }
    ends = true;
    other.join();
    BOOST_TEST(crowded > 50);
}

BOOST_AUTO_TEST_CASE(two_on_one_processor_pass_packets_without_sleeping) {
    constexpr int rounds = 200;
    ping_pong game;
    long fewest = rounds;
    // Another thread that computes on this processor makes them rest from yielding for a while.
    for (int tries = 0; tries < 1000 && fewest > rounds / 10; ++tries) {
        fewest = std::min(fewest, game.sleeps(rounds));
        std::this_thread::sleep_for(1ms);
    }
    BOOST_TEST(fewest <= rounds / 10);
}

/// Two processors, a pipe for one packet, and both threads used to sleep: each answer comes only
/// after a wake-up. They must find out that looking pays now.
BOOST_AUTO_TEST_CASE(two_who_have_both_slept_find_out_that_looking_pays) {
    if (std::thread::hardware_concurrency() < 2) return;
    constexpr int slow = 40;
    constexpr int quick = 4000;
    std::vector<char> memory(4 << 20);
    StreamingPool* const pool = StreamingPool::CreateStreamingPool(memory.data(), memory.size());
    const auto sleeps = [pool] {
        CQ pipe(1, pool, true);
        const auto so_far = [&] {
            return pipe.counters().enqueue_waits + pipe.counters().dequeue_waits;
        };
        std::thread reader([&] {
            for (int i = 0; i < slow; ++i) {
                std::this_thread::sleep_for(200us);
                pipe.deq();
            }
            for (int i = 0; i < slow + quick; ++i) pipe.deq();
        });
        for (int i = 0; i < slow; ++i) pipe.enq(i);
        for (int i = 0; i < slow; ++i) {
            std::this_thread::sleep_for(200us);
            pipe.enq(i);
        }
        const std::uint64_t before = so_far();
        for (int i = 0; i < quick; ++i) pipe.enq(i);
        reader.join();
        return so_far() - before;
    };
    std::uint64_t fewest = quick;
    // Others may want the processors for a while.
    for (int tries = 0; tries < 200 && fewest >= quick / 10; ++tries)
        fewest = std::min(fewest, sleeps());
    BOOST_TEST(fewest < quick / 10);
    StreamingPool::Clean(pool);
}

BOOST_AUTO_TEST_CASE(two_on_one_processor_who_are_told_not_to_look_sleep_each_time) {
    constexpr int rounds = 200;
    ping_pong game;
    game.spin(0);
    BOOST_TEST(game.sleeps(rounds) >= rounds);
}

BOOST_AUTO_TEST_CASE(who_is_out_of_time_does_not_give_way) {
    const auto looks_until = [](deadline until, std::chrono::nanoseconds period) {
        valpool::detail::patience waits;
        int looks = 0;
        const auto in_vain = [&] {
            ++looks;
            return std::uint64_t{0};
        };
        BOOST_TEST(!waits.wait_for(in_vain, {until, period}));
        return looks;
    };
    const int with_time = looks_until(deadline::never(), 1h);
    BOOST_TEST(looks_until(deadline::in(0ns), 1h) < with_time);
    BOOST_TEST(looks_until(deadline::never(), 0ns) < with_time);
}

BOOST_AUTO_TEST_SUITE_END()
