#include "support/started_pool.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>
#include <csignal>

/// Taps of several processes, some of which are stopped or killed.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr const char* pipe_name = "orders";

struct tapped_pool : started_pool {
    tapped_pool() : started_pool("taps"), side(name, pipe_name, 8) { side.start(); }

    void put(int i) const { side.pipe().enq(share(i)); }
    void put_and_take(int from, int to) const {
        for (int i = from; i < to; ++i) {
            put(i);
            side.pipe().deq();
        }
    }
    /// A process that reads a tap until it is killed, and counts what it has seen.
    child observer(std::size_t depth, std::atomic<int>& seen, std::atomic<bool>& is_there) const {
        return child([this, depth, &seen, &is_there] {
            Tap tap(name, pipe_name, depth);
            is_there = true;
            for (Val packet;;)
                if (tap.next(1.0, packet)) ++seen;
            return 0;
        });
    }

    watchdog dog{120};
    ServerSide side;
};

std::vector<int> seen_by(Tap& tap) {
    std::vector<int> numbers;
    Val packet;
    while (tap.next(0.0, packet)) numbers.push_back(packet("i"));
    return numbers;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(taps_of_processes, tapped_pool)

BOOST_AUTO_TEST_CASE(another_process_sees_what_passes) {
    shared<std::atomic<int>> seen;
    shared<std::atomic<bool>> is_there;
    child other = observer(64, *seen, *is_there);
    BOOST_REQUIRE(eventually([&] { return is_there->load(); }));
    put_and_take(0, 50);
    BOOST_TEST(eventually([&] { return *seen == 50; }));
    other.kill_and_wait();
    expect_pristine();
    BOOST_TEST(check(pool()).taps == 0u);
}

BOOST_AUTO_TEST_CASE(the_memory_of_a_killed_observer_is_back) {
    put_and_take(0, 1);  // from now on this thread is counted, in a block of its own
    for (const std::size_t depth : {1u, 8u, 1000u}) {
        expect_pristine();
        const std::size_t used = pool()->usedBytes();
        shared<std::atomic<bool>> is_there;
        child other([&] {
            const Tap tap(name, pipe_name, depth);
            *is_there = true;
            for (;;) pause();
            return 0;
        });
        BOOST_REQUIRE(eventually([&] { return is_there->load(); }));
        put_and_take(0, 20);
        BOOST_TEST(!pool()->isPristine());
        other.kill_and_wait();
        put_and_take(20, 40);  // into the tap of the dead
        expect_pristine();
        BOOST_TEST(check(pool()).taps == 0u);
        BOOST_TEST(pool()->usedBytes() == used);
    }
}

BOOST_AUTO_TEST_CASE(a_stopped_observer_is_overrun_and_counts_what_it_missed) {
    shared<std::atomic<bool>> is_there;
    shared<std::atomic<bool>> goes_on;
    shared<std::atomic<int>> first;
    shared<std::atomic<int>> missed;
    child other([&] {
        Tap tap(name, pipe_name, 4);
        *is_there = true;
        while (!*goes_on) usleep(100);
        Val packet;
        if (!tap.next(10.0, packet)) return 1;
        *first = packet("i");
        *missed = static_cast<int>(tap.missed());
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return is_there->load(); }));
    other.signal(SIGSTOP);
    for (int i = 0; i < 1000; ++i) {
        BOOST_REQUIRE(side.pipe().enqueue(share(i), 5.0));
        side.pipe().deq();
    }
    *goes_on = true;
    other.signal(SIGCONT);
    BOOST_TEST(other.wait() == 0);
    BOOST_TEST(*first == 996);
    BOOST_TEST(*missed == 996);
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(observers_are_killed_anywhere_and_the_others_see_everything) {
    Tap tap(name, pipe_name, 64);
    int next = 0;
    for (int round = 0; round < 60; ++round) {
        shared<std::atomic<int>> seen;
        shared<std::atomic<bool>> is_there;
        child other = observer(1 + static_cast<std::size_t>(round) % 7, *seen, *is_there);
        std::vector<int> expected;
        for (int i = 0; i < 40; ++i) {
            put_and_take(next, next + 1);
            expected.push_back(next++);
            if (i == round % 40) other.signal(SIGKILL);
        }
        other.kill_and_wait();
        BOOST_TEST(seen_by(tap) == expected, boost::test_tools::per_element());
    }
    BOOST_TEST(tap.missed() == 0u);
    BOOST_TEST(eventually([&] {
        Val nothing;
        side.pipe().dequeue(0.11, nothing);
        return check(pool()).taps == 1;
    }));
    expect_sound();
}

BOOST_AUTO_TEST_CASE(producers_are_killed_anywhere_and_each_packet_is_seen_once_or_counted) {
    Tap tap(name, pipe_name, 5000);
    constexpr int rounds = 60;
    constexpr int each = 1000000;  // more than any producer puts
    int passed = 0;
    int seen = 0;
    int last = -1;
    Val packet;
    for (int round = 0; round < rounds; ++round) {
        child producer([&] {
            ServerSide own(name, pipe_name, 8);
            own.start();
            for (int i = round * each;; ++i) own.pipe().enq(Tab{{"i", i}});
            return 0;
        });
        for (int i = 0; i < 20 + round; ++i) {
            BOOST_REQUIRE(side.pipe().dequeue(10.0, packet));
            ++passed;
        }
        producer.kill_and_wait();
        while (side.pipe().dequeue(0.0, packet)) ++passed;
        // Where the last producer has left a gap, this reads nothing, and more in a later round.
        while (tap.next(0.0, packet)) {
            BOOST_TEST(static_cast<int>(packet("i")) > last);
            last = packet("i");
            ++seen;
        }
    }
    // What was put last may have been missed; only a later packet shows that.
    put_and_take(rounds * each, rounds * each + 1);
    ++passed;
    do {
        BOOST_REQUIRE(tap.next(10.0, packet));
        ++seen;
    } while (static_cast<int>(packet("i")) != rounds * each);
    BOOST_TEST(seen + static_cast<int>(tap.missed()) == passed);
    BOOST_TEST(seen > passed / 2);
    packet = Val();
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_forked_child_leaves_its_parents_tap_alone) {
    auto tap = std::make_unique<Tap>(name, pipe_name, 8);
    put_and_take(0, 3);
    child other([&] {
        Val packet;
        try {
            tap->next(0.0, packet);
            return 1;
        } catch (const std::logic_error&) {
        }
        tap.reset();
        Tap own(name, pipe_name, 8);  // the child may have one of its own
        ClientSide client(name, pipe_name);
        client.start();
        client.pipe().enq(Tab{{"i", 3}});
        return own.next(1.0, packet) && packet("i") == 3 ? 0 : 2;
    });
    BOOST_TEST(other.wait() == 0);
    side.pipe().deq();
    const std::vector<int> expected{0, 1, 2, 3};
    BOOST_TEST(seen_by(*tap) == expected, boost::test_tools::per_element());
    tap.reset();
    expect_pristine();
    BOOST_TEST(check(pool()).taps == 0u);
}

BOOST_AUTO_TEST_CASE(the_packets_in_a_tap_are_back_although_a_child_outlives_its_maker) {
    shared<std::atomic<bool>> is_there;
    shared<std::atomic<bool>> ends;
    family all([&] {
        const auto tap = std::make_unique<Tap>(name, pipe_name, 8);
        child grandchild([&] {
            *is_there = true;
            while (!*ends) usleep(200);
            return 0;
        });
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return is_there->load(); }));
    put_and_take(0, 8);
    BOOST_TEST(check(pool()).boxes == 8u);
    std::thread killer([&] { all.kill_and_wait(); });  // lasts until the other one has ended, too
    Val nothing;
    const bool are_back = eventually([&] {
        side.pipe().dequeue(0.11, nothing);
        return check(pool()).boxes == 0;
    });
    BOOST_TEST(are_back);
    *ends = true;
    killer.join();
    expect_pristine();
    BOOST_TEST(check(pool()).taps == 0u);
}

BOOST_AUTO_TEST_CASE(a_tap_of_a_retired_pool_gives_what_it_has_and_then_says_so) {
    auto own = std::make_unique<SHMMain>(name.str() + "_2", 1000000);
    own->start();
    Val packet;
    std::optional<Tap> tap;
    {
        ServerSide orders(name.str() + "_2", pipe_name, 4);
        orders.start();
        tap.emplace(name.str() + "_2", pipe_name, 4);
        orders.pipe().enq(Tab{{"i", 1}});
        orders.pipe().deq();
    }
    own.reset();
    BOOST_TEST(tap->next(0.0, packet));
    BOOST_CHECK_THROW(tap->next(0.0, packet), PoolRetired);
    BOOST_CHECK_THROW(tap->next(10.0, packet), PoolRetired);
    packet = Val();
}

BOOST_AUTO_TEST_SUITE_END()
