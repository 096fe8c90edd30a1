#include "queue/directory.hpp"
#include "queue/taps.hpp"
#include "support/started_pool.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Taps: what passes a pipe is seen and stays in the pipe.

using namespace valpool;
using namespace valpool::test;

namespace {

const std::string long_text(3000, 'x');

/// A pool with a pipe in it.
struct tapped_pool : started_pool {
    explicit tapped_pool(std::size_t bytes = 1000000)
        : started_pool("taps", bytes), side(name, "orders", 8) {
        side.start();
        warm_up();
        used_before = pool()->usedBytes();
    }
    ~tapped_pool() { BOOST_TEST(pool()->isPristine()); }

    /// What stays once it has been made: the ledger.
    void warm_up() const {
        put(0);
        drain();
    }
    Tap tap(std::size_t depth = 8, std::size_t most_bytes = 0) const {
        return Tap(name, "orders", depth, most_bytes);
    }
    void put(int i) const { side.pipe().enq(share(i)); }
    void put_and_take(int from, int to) const {
        for (int i = from; i < to; ++i) {
            put(i);
            side.pipe().deq();
        }
    }
    void drain() const {
        Val packet;
        while (side.pipe().dequeue(0.0, packet)) {
        }
    }
    void expect_as_before() const {
        BOOST_TEST(pool()->usedBytes() == used_before);
        BOOST_TEST(pool()->isPristine());
        expect_sound();
    }

    ServerSide side;
    std::size_t used_before = 0;
};

/// The numbers that the tap has now.
std::vector<int> seen_by(Tap& tap) {
    std::vector<int> numbers;
    Val packet;
    while (tap.next(0.0, packet)) numbers.push_back(packet("i"));
    return numbers;
}

std::vector<int> numbers(int from, int to) {
    std::vector<int> all;
    for (int i = from; i < to; ++i) all.push_back(i);
    return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(taps, tapped_pool)

BOOST_AUTO_TEST_CASE(a_tap_of_a_pipe_that_nobody_uses_times_out) {
    Tap tap = this->tap();
    Val packet = 5;
    BOOST_TEST(!tap.next(0.0, packet));
    const auto before = std::chrono::steady_clock::now();
    BOOST_TEST(!tap.next(0.05, packet));
    BOOST_TEST((std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(50)));
    BOOST_TEST(static_cast<int>(packet) == 5);
    BOOST_TEST(tap.missed() == 0u);
    BOOST_TEST(tap.depth() == 8u);
}

BOOST_AUTO_TEST_CASE(a_packet_is_seen_and_stays_in_the_pipe) {
    Tap tap = this->tap();
    const Val packet = share(1);
    side.pipe().enq(packet);
    Val seen;
    BOOST_TEST(tap.next(1.0, seen));
    BOOST_TEST(is(seen, packet));
    BOOST_TEST(is(side.pipe().deq(), packet));
    BOOST_TEST(!tap.next(0.0, seen));
}

BOOST_AUTO_TEST_CASE(a_packet_that_a_consumer_has_taken_and_dropped_is_seen) {
    Tap tap = this->tap();
    put_and_take(1, 2);
    put_under_pressure();
    BOOST_TEST(seen_by(tap) == numbers(1, 2), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_was_put_before_the_tap_existed_is_neither_seen_nor_missed) {
    put(1);
    put(2);
    Tap tap = this->tap();
    put(3);
    BOOST_TEST(seen_by(tap) == numbers(3, 4), boost::test_tools::per_element());
    BOOST_TEST(tap.missed() == 0u);
    drain();
}

BOOST_AUTO_TEST_CASE(many_packets_are_seen_in_their_order) {
    Tap tap = this->tap(5);
    for (int i = 0; i < 1000; i += 5) {
        put_and_take(i, i + 5);
        BOOST_TEST(seen_by(tap) == numbers(i, i + 5), boost::test_tools::per_element());
    }
    BOOST_TEST(tap.missed() == 0u);
}

BOOST_AUTO_TEST_CASE(every_way_of_putting_a_packet_is_seen) {
    Tap tap = this->tap();
    CQ& pipe = side.pipe();
    pipe.enq(share(0));  // the last handle goes into the pipe
    const Val kept = share(1);
    pipe.enq(kept);           // another handle stays
    pipe.enq(Tab{{"i", 2}});  // copied into the pool
    BOOST_TEST(pipe.try_enqueue(share(3)));
    pipe.enq(4);  // not even a container
    BOOST_TEST(pipe.length() == 5u);
    Val seen;
    for (int i = 0; i < 4; ++i) {
        BOOST_TEST(tap.next(0.0, seen));
        BOOST_TEST(static_cast<int>(seen("i")) == i);
    }
    BOOST_TEST(tap.next(0.0, seen));
    BOOST_TEST(static_cast<int>(seen) == 4);
    drain();
}

BOOST_AUTO_TEST_CASE(a_packet_for_which_there_is_no_room_is_not_seen) {
    Tap tap = this->tap(20);
    for (int i = 0; i < 8; ++i) put(i);
    BOOST_TEST(!side.pipe().enqueue(share(8), 0.0));
    const Val kept = share(9);
    BOOST_TEST(!side.pipe().enqueue(kept, 0.0));
    BOOST_TEST(seen_by(tap) == numbers(0, 8), boost::test_tools::per_element());
    drain();
}

BOOST_AUTO_TEST_CASE(a_tap_that_is_not_read_has_the_newest_packets_and_counts_the_others) {
    for (const std::size_t depth : {1u, 3u, 8u}) {
        Tap tap = this->tap(depth);
        put_and_take(0, 100);
        const int kept = static_cast<int>(depth);
        BOOST_TEST(seen_by(tap) == numbers(100 - kept, 100), boost::test_tools::per_element());
        BOOST_TEST(tap.missed() == 100 - depth);
        put_and_take(100, 101);
        BOOST_TEST(seen_by(tap) == numbers(100, 101), boost::test_tools::per_element());
        BOOST_TEST(tap.missed() == 100 - depth);
    }
}

BOOST_AUTO_TEST_CASE(a_tap_holds_no_more_packets_than_it_is_deep) {
    Tap tap = this->tap(3);
    put_and_take(0, 3);
    const std::size_t used = pool()->usedBytes();
    put_and_take(3, 100);
    BOOST_TEST(pool()->usedBytes() == used);
    BOOST_TEST(check(pool()).boxes == 3u);
    BOOST_TEST(check(pool()).taps == 1u);
    BOOST_TEST(check(pool()).queues == 1u);
    BOOST_TEST(check(pool()).packets == 0u);
    expect_sound();
}

BOOST_AUTO_TEST_CASE(all_memory_is_back_when_a_tap_ends) {
    for (const std::size_t depth : {1u, 7u, 64u, 65u, 3000u}) {
        {
            Tap tap = this->tap(depth);
            BOOST_TEST(pool()->isPristine());  // a tap is bookkeeping, as a pipe is
            BOOST_TEST(pool()->usedBytes() > used_before);
            put_and_take(0, 100);
            BOOST_TEST(!pool()->isPristine());
            expect_sound();
        }
        BOOST_TEST(check(pool()).taps == 0u);
        expect_as_before();
    }
}

BOOST_AUTO_TEST_CASE(what_came_out_of_a_tap_outlives_it) {
    Val seen;
    {
        Tap tap = this->tap();
        put_and_take(7, 8);
        BOOST_TEST(tap.next(0.0, seen));
    }
    put_under_pressure();
    BOOST_TEST(static_cast<int>(seen("i")) == 7);
    seen = Val();
    BOOST_TEST(pool()->isPristine());  // the ledger has grown
    expect_sound();
}

BOOST_AUTO_TEST_CASE(several_taps_see_the_same_packets) {
    Tap first = tap();
    put_and_take(0, 2);
    Tap second = tap(2);
    put_and_take(2, 5);
    BOOST_TEST(seen_by(first) == numbers(0, 5), boost::test_tools::per_element());
    BOOST_TEST(seen_by(second) == numbers(3, 5), boost::test_tools::per_element());
    BOOST_TEST(second.missed() == 1u);
    expect_sound();
}

BOOST_AUTO_TEST_CASE(taps_end_in_any_order) {
    for (int ends = 0; ends < 3; ++ends) {
        std::vector<std::unique_ptr<Tap>> all;
        for (int i = 0; i < 3; ++i) all.push_back(std::make_unique<Tap>(tap()));
        put_and_take(0, 1);
        all.erase(all.begin() + ends);
        put_and_take(1, 2);
        for (const auto& left : all)
            BOOST_TEST(seen_by(*left) == numbers(0, 2), boost::test_tools::per_element());
    }
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(a_tap_sees_no_other_pipe) {
    ServerSide other(name, "other", 4);
    other.start();
    Tap tap = this->tap();
    other.pipe().enq(share(1));
    other.pipe().deq();
    BOOST_TEST(seen_by(tap).empty());
    put_and_take(2, 3);
    BOOST_TEST(seen_by(tap) == numbers(2, 3), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_tap_waits_for_a_pipe_that_does_not_exist_yet_and_misses_nothing_there) {
    Tap tap(name, "later", 4);
    Val packet;
    BOOST_TEST(!tap.next(0.0, packet));
    ServerSide later(name, "later", 2);
    later.start();
    later.pipe().enq(share(1));
    BOOST_TEST(seen_by(tap) == numbers(1, 2), boost::test_tools::per_element());
    later.pipe().deq();
}

BOOST_AUTO_TEST_CASE(a_tap_goes_on_with_the_next_pipe_of_the_name) {
    Tap tap(name, "reply", 8);
    int i = 0;
    for (int life = 0; life < 4; ++life) {
        const bool is_temporary = life % 2 == 0;
        {
            ServerSide reply(name, "reply", 3);
            reply.temporary(is_temporary);
            reply.start();
            for (int n = 0; n < 3; ++n) reply.pipe().enq(share(i++));
            // What is left in a temporary pipe goes with it, but the tap has it.
            for (int n = is_temporary ? 1 : 0; n < 3; ++n) reply.pipe().deq();
        }
        BOOST_TEST(main.removePipe("reply") == !is_temporary);
        if (life == 1) BOOST_TEST(seen_by(tap) == numbers(0, 6), boost::test_tools::per_element());
    }
    BOOST_TEST(seen_by(tap) == numbers(6, 12), boost::test_tools::per_element());
    BOOST_TEST(tap.missed() == 0u);
    expect_sound();
}

BOOST_AUTO_TEST_CASE(a_removed_pipe_leaves_its_tap_waiting) {
    ServerSide(name, "gone", 2).start();
    Tap tap(name, "gone", 4);
    BOOST_TEST(main.removePipe("gone"));
    BOOST_TEST(check(pool()).taps == 1u);
    Val packet;
    BOOST_TEST(!tap.next(0.0, packet));
    ServerSide again(name, "gone", 2);
    again.start();
    again.pipe().enq(share(1));
    BOOST_TEST(seen_by(tap) == numbers(1, 2), boost::test_tools::per_element());
    again.pipe().deq();
}

BOOST_AUTO_TEST_CASE(packets_that_are_too_large_together_are_dropped_oldest_first) {
    const Val large = Shared(pool(), Tab{{"i", 0}, {"text", long_text}});
    const std::size_t before = pool()->usedBytes();
    Val another = Shared(pool(), Tab{{"i", 0}, {"text", long_text}});
    const std::size_t each = pool()->usedBytes() - before;
    another = Val();
    Tap tap = this->tap(10, 3 * each);
    for (int i = 0; i < 8; ++i) side.pipe().enq(Shared(pool(), Tab{{"i", i}, {"text", long_text}}));
    drain();
    BOOST_TEST(seen_by(tap) == numbers(5, 8), boost::test_tools::per_element());
    BOOST_TEST(tap.missed() == 5u);
    for (int i = 8; i < 11; ++i)
        side.pipe().enq(Shared(pool(), Tab{{"i", i}, {"text", long_text}}));
    drain();
    BOOST_TEST(seen_by(tap) == numbers(8, 11), boost::test_tools::per_element());
    expect_sound();
}

BOOST_AUTO_TEST_CASE(a_packet_that_is_too_large_alone_is_missed) {
    Tap tap = this->tap(10, 2000);
    put(1);
    side.pipe().enq(Shared(pool(), Tab{{"i", 2}, {"text", long_text}}));
    drain();
    BOOST_TEST(seen_by(tap).empty());  // the one before it had to go, too
    BOOST_TEST(tap.missed() == 2u);
    put_and_take(3, 5);
    BOOST_TEST(seen_by(tap) == numbers(3, 5), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_packet_that_grows_in_the_tap_does_not_disturb_the_sum) {
    Tap tap = this->tap(2, 100000);
    for (int i = 0; i < 200; ++i) {
        Val packet = share(i);
        side.pipe().enq(packet);
        packet["text"] = long_text;
        drain();
    }
    BOOST_TEST(seen_by(tap) == numbers(198, 200), boost::test_tools::per_element());
    BOOST_TEST(tap.missed() == 198u);
}

BOOST_AUTO_TEST_CASE(a_gap_is_waited_for_and_then_counted_as_missed) {
    Tap tap = this->tap();
    // Puts a packet as a producer does that is killed before it has written the taps.
    detail::arena& a = detail::arena_of(*pool());
    detail::pipe* orders = nullptr;
    {
        const detail::inside pass(detail::lane_of_thread(a));
        orders = detail::find_pipe(a, "orders");
    }
    const std::uint64_t attention = orders->attention.exchange(0);
    put(1);
    orders->attention = attention;
    Val seen;
    BOOST_TEST(!tap.next(0.05, seen));  // nothing has overtaken it
    BOOST_TEST(tap.missed() == 0u);
    put(2);
    BOOST_TEST(!tap.next(0.0, seen));
    BOOST_TEST(tap.missed() == 0u);
    BOOST_TEST(tap.next(10.0, seen));
    BOOST_TEST(static_cast<int>(seen("i")) == 2);
    BOOST_TEST(tap.missed() == 1u);
    drain();
}

BOOST_AUTO_TEST_CASE(a_tap_is_made_and_ended_although_somebody_has_stopped_in_the_middle) {
    const watchdog dog(60);
    std::atomic<bool> is_inside{false};
    std::atomic<bool> leaves{false};
    std::thread stopped([&] {
        const detail::inside pass(detail::lane_of_thread(detail::arena_of(*pool())));
        is_inside = true;
        while (!leaves) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    while (!is_inside) std::this_thread::yield();
    {
        put(0);
        Tap tap = this->tap();
        put(1);
        BOOST_TEST(seen_by(tap) == numbers(1, 2), boost::test_tools::per_element());
        put(2);
    }
    drain();
    BOOST_TEST(check(pool()).boxes == 0u);  // it is empty, even if it is still there
    leaves = true;
    stopped.join();
    BOOST_TEST(eventually([&] {
        Val nothing;
        side.pipe().dequeue(0.11, nothing);
        return check(pool()).taps == 0;
    }));
    expect_as_before();
}

BOOST_AUTO_TEST_CASE(a_tap_can_be_moved) {
    Tap tap = this->tap();
    put_and_take(0, 1);
    Tap moved = std::move(tap);
    put_and_take(1, 2);
    BOOST_TEST(seen_by(moved) == numbers(0, 2), boost::test_tools::per_element());
    moved = this->tap();
    put_and_take(2, 3);
    BOOST_TEST(seen_by(moved) == numbers(2, 3), boost::test_tools::per_element());
    BOOST_TEST(check(pool()).taps == 1u);
}

BOOST_AUTO_TEST_CASE(bad_arguments_are_refused_and_leave_nothing) {
    BOOST_CHECK_THROW(Tap(name, "orders", 0), std::logic_error);
    BOOST_CHECK_THROW(Tap(name, "", 4), std::logic_error);
    BOOST_CHECK_THROW(Tap(name, std::string(256, 'x'), 4), std::logic_error);
    BOOST_CHECK_THROW(Tap(name, std::string("a\0b", 3), 4), std::logic_error);
    BOOST_CHECK_THROW(Tap("", "orders", 4), std::logic_error);
    BOOST_CHECK_THROW(Tap(name.str() + " is not there", "orders", 4), std::runtime_error);
    BOOST_CHECK_THROW(Tap(name, "orders", std::numeric_limits<std::size_t>::max()), PoolExhausted);
    BOOST_CHECK_THROW(Tap(name, "orders", 1000000), PoolExhausted);
    expect_as_before();
    Tap tap = this->tap();
    Val packet;
    BOOST_CHECK_THROW(tap.next(std::numeric_limits<double>::quiet_NaN(), packet), std::logic_error);
    Val pooled = Shared(pool(), Arr{1});
    put(1);
    BOOST_CHECK_THROW(tap.next(0.0, static_cast<Arr&>(pooled)[0]), std::logic_error);
    BOOST_TEST(seen_by(tap) == numbers(1, 2), boost::test_tools::per_element());
    drain();
}

BOOST_AUTO_TEST_CASE(a_pool_refuses_more_taps_than_producers_can_walk) {
    std::vector<Tap> all;
    for (std::uint32_t i = 0; i < detail::most_taps; ++i) all.push_back(Tap(name, "waits", 1));
    BOOST_CHECK_THROW(tap(), std::runtime_error);
    all.pop_back();
    all.push_back(tap());
    put_and_take(1, 2);
    BOOST_TEST(seen_by(all.back()) == numbers(1, 2), boost::test_tools::per_element());
    all.clear();
    BOOST_TEST(pool()->isPristine());  // the ledger has grown
    expect_sound();
}

BOOST_AUTO_TEST_CASE(a_tap_fits_a_pool_that_is_full_of_values) {
    std::vector<Val> filling;
    try {
        for (;;) filling.push_back(Shared(pool(), Tab{{"i", 1}}));
    } catch (const PoolExhausted&) {
    }
    Tap tap = this->tap(4);
    side.pipe().enq(std::move(filling.back()));
    side.pipe().deq();
    BOOST_TEST(seen_by(tap) == numbers(1, 2), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_tap_is_made_or_refused_cleanly_at_every_fill_level) {
    std::vector<std::unique_ptr<ServerSide>> pipes;  // they take the pages that taps may use
    bool has_failed = false;
    for (const int capacity : {1000, 40, 1}) {
        try {
            for (;;) {
                const std::string pipe = "p" + std::to_string(pipes.size());
                pipes.push_back(std::make_unique<ServerSide>(name, pipe, capacity));
                pipes.back()->start();
            }
        } catch (const PoolExhausted&) {
        }
        pipes.pop_back();
    }
    for (std::size_t given_back = 0;; ++given_back) {
        const std::size_t used = pool()->usedBytes();
        try {
            const Tap tap(name, "orders", 200);
            break;
        } catch (const PoolExhausted&) {
            has_failed = true;
        }
        BOOST_TEST(pool()->usedBytes() == used);
        BOOST_TEST(check(pool()).taps == 0u);
        expect_sound();
        BOOST_REQUIRE(!pipes.empty());
        pipes.pop_back();
        BOOST_TEST(main.removePipe("p" + std::to_string(pipes.size())));
    }
    BOOST_TEST(has_failed);
    while (!pipes.empty()) {
        pipes.pop_back();
        BOOST_TEST(main.removePipe("p" + std::to_string(pipes.size())));
    }
    BOOST_TEST(pool()->isPristine());  // the ledger has grown
    expect_sound();
}

BOOST_AUTO_TEST_CASE(threads_put_and_take_while_taps_come_and_go) {
    const watchdog dog(120);
    constexpr int producers = 3;
    constexpr int packets = 3000;
    std::atomic<bool> stop{false};
    Tap tap = this->tap(64);
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p)
        threads.emplace_back([&, p] {
            for (int i = 0; i < packets; ++i)
                side.pipe().enq(Shared(pool(), Tab{{"i", i}, {"p", p}}));
        });
    threads.emplace_back([&] {
        for (int i = 0; i < producers * packets; ++i) side.pipe().deq();
    });
    threads.emplace_back([&] {
        for (unsigned i = 0; !stop; ++i) {
            Tap other = this->tap(1 + i % 5, i % 2 * 1000);
            Val seen;
            for (int n = 0; n < 10; ++n) other.next(0.0, seen);
        }
    });
    std::vector<int> last(producers, -1);
    std::uint64_t seen_count = 0;
    Val seen;
    while (seen_count + tap.missed() < producers * packets) {
        BOOST_REQUIRE(tap.next(30.0, seen));
        ++seen_count;
        int& before = last[static_cast<std::size_t>(static_cast<int>(seen("p")))];
        BOOST_REQUIRE(static_cast<int>(seen("i")) > before);
        before = seen("i");
    }
    stop = true;
    for (std::thread& t : threads) t.join();
    BOOST_TEST(seen_count + tap.missed() == static_cast<unsigned>(producers * packets));
    BOOST_TEST(seen_count > 0u);
    BOOST_TEST(seen_by(tap).empty());
    expect_sound();
}

BOOST_AUTO_TEST_SUITE_END()
