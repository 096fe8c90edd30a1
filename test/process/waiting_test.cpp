#include "base/clock.hpp"
#include "process/lane.hpp"
#include "queue/ring.hpp"
#include "recovery/recovery.hpp"
#include "support/child.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace valpool;
using namespace valpool::test;

/// A waiter gets its share, whatever other threads do or no longer do. A thread that waits, or asks
/// in a loop, notices deaths.

namespace {

using detail::arena;
using detail::seat;
using std::chrono::steady_clock;

constexpr std::uint32_t nobody = UINT32_MAX;
constexpr std::size_t most_workers = 6;

struct waiting_board {
    std::atomic<int> ready;
    std::array<std::atomic<long>, most_workers> done;
    std::atomic<int> got;
    std::atomic<bool> stop;
};

/// A pool, with access to its internals.
struct waiting_pool {
    explicit waiting_pool(std::size_t bytes = 4000000) : name("waiting"), main(name, bytes) {
        main.start();
        user = detail::find_attachment(detail::arena_of(*main.pool()));
    }

    arena& inside() const { return *user->pool; }
    std::uint64_t recoveries() const { return inside().entrance.recoveries; }

    /// The lane whose seat a thread of that process sleeps on.
    std::uint32_t lane_asleep(pid_t pid) const {
        arena& a = inside();
        for (std::uint32_t i = 0; i < a.lane_count; ++i) {
            const seat& s = a.seat_at(i);
            if (s.asleep == 0) continue;
            const std::uint32_t slot = s.slot;
            if (slot < a.lane_count && a.slot(slot).pid == pid) return i;
        }
        return nobody;
    }
    bool sleeps(const child& one) const {
        const std::uint32_t lane = lane_asleep(one.pid());
        return lane != nobody && !list_of(lane).nobody_waits() && list_of(lane).has(lane);
    }
    /// The wait list that has the sleeper on that seat.
    detail::wait_list& list_of(std::uint32_t lane) const {
        const std::uint64_t topic = inside().seat_at(lane).topic;
        auto& p = *inside().at<detail::pipe>(topic - topic % 16);
        return topic == p.room_topic() ? p.producers : p.consumers;
    }
    /// Leaves the list as a waker does that dies right after it has taken the sleeper from the
    /// list.
    void lose_wake_up(const child& sleeper) const {
        const std::uint32_t lane = lane_asleep(sleeper.pid());
        BOOST_REQUIRE(lane != nobody);
        list_of(lane).remove(lane);
    }
    std::size_t asleep() const {
        std::size_t count = 0;
        for (std::uint32_t i = 0; i < inside().lane_count; ++i) count += inside().seat_at(i).asleep;
        return count;
    }

    /// A process that is attached and holds a value until it is killed.
    child idler() {
        const int before = board->ready;
        child one([this] {
            ServerSide made(name, "idler", 1);
            made.start();
            const Val held = Shared(made.pool(), Tab{{"text", std::string(3000, 'x')}});
            ++board->ready;
            for (;;) pause();
            return 0;
        });
        BOOST_REQUIRE(eventually([&] { return board->ready == before + 1; }));
        return one;
    }
    /// A process that sleeps in the pipe until it gets a packet.
    child sleeper(const std::string& pipe) {
        child one([this, pipe] {
            ServerSide side(name, pipe, 4);
            side.start();
            side.pipe().spin(0);
            const Val packet = side.pipe().deq();
            ++board->got;
            return 0;
        });
        BOOST_REQUIRE(eventually([&] { return sleeps(one); }));
        return one;
    }
    /// Kills an attached process. Returns whether the death is noticed while the caller does
    /// nothing but `only`.
    bool notices_a_death(const std::function<void()>& only) {
        child victim = idler();
        const std::uint64_t before = recoveries();
        BOOST_REQUIRE_EQUAL(victim.kill_and_wait(), -SIGKILL);
        return eventually([&] {
            only();
            return recoveries() != before;
        });
    }

    pool_name name;
    SHMMain main;
    detail::attachment_user user;
    shared<waiting_board> board;
};

/// Six processes that enqueue into, or dequeue from, a pipe whose other side is slow.
struct crowd : waiting_pool {
    static constexpr int capacity = 2;
    static constexpr auto pace = std::chrono::microseconds(300);
    static constexpr auto length = std::chrono::milliseconds(1500);

    crowd() : other_side(name, "pipe", capacity) { other_side.start(); }

    void start(bool are_producers, std::size_t spinners = 0) {
        for (std::size_t i = 0; i < most_workers; ++i)
            workers.push_back(worker(i, are_producers, i < spinners));
        BOOST_REQUIRE(eventually([&] { return board->ready == most_workers; }));
    }
    child worker(std::size_t i, bool is_producer, bool spins) {
        return child([=, this] {
            ServerSide side(name, "pipe", capacity);
            side.start();
            if (spins) side.pipe().spin(std::numeric_limits<double>::infinity());
            ++board->ready;
            Val packet;
            while (!board->stop)
                if (is_producer ? side.pipe().enqueue(Tab{{"who", static_cast<int>(i)}}, 0.1)
                                : side.pipe().dequeue(0.1, packet))
                    ++board->done[i];
            return 0;
        });
    }
    /// Runs the slow side in this process.
    void serve(bool are_producers, steady_clock::duration time = length) {
        Val packet;
        const auto until = steady_clock::now() + time;
        while (steady_clock::now() < until) {
            if (are_producers)
                other_side.pipe().dequeue(0.1, packet);
            else
                other_side.pipe().enqueue(Tab{{"n", 1}}, 0.1);
            std::this_thread::sleep_for(pace);
        }
    }
    void forget_counts() {
        for (auto& count : board->done) count = 0;
    }
    void end() {
        board->stop = true;
        for (child& one : workers) BOOST_TEST(one.wait() == 0);
    }
    /// The smallest count among the workers from `from` on, as a fraction of the fair share.
    double worst_share(std::size_t from = 0) const {
        const auto first = board->done.begin() + static_cast<std::ptrdiff_t>(from);
        const long all = std::accumulate(first, board->done.end(), 0L);
        const long least = *std::min_element(first, board->done.end());
        BOOST_TEST_MESSAGE(all << " packets, the least " << least << " of one");
        BOOST_REQUIRE(all > 100);  // nobody has kept all of them from the pipe
        return static_cast<double>(least) * static_cast<double>(most_workers - from) /
               static_cast<double>(all);
    }

    ServerSide other_side;
    std::vector<child> workers;
};

/// The time of another clock, as on a machine that has been up for longer, or for less.
constexpr std::int64_t eleven_days_ns = 11LL * 24 * 3600 * 1000000000;

std::int64_t now_ns() {
    return std::chrono::nanoseconds(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(waiting)

// --- shares ------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(producers_at_a_full_pipe_get_their_shares, crowd) {
    const watchdog dog(60);
    start(true);
    forget_counts();
    serve(true);
    BOOST_TEST(worst_share() >= 1.0 / 3);
    end();
}

BOOST_FIXTURE_TEST_CASE(consumers_at_an_empty_pipe_get_their_shares, crowd) {
    const watchdog dog(60);
    start(false);
    forget_counts();
    serve(false);
    BOOST_TEST(worst_share() >= 1.0 / 3);
    end();
}

BOOST_FIXTURE_TEST_CASE(a_producer_that_never_sleeps_does_not_keep_sleepers_out, crowd) {
    const watchdog dog(60);
    start(true, 1);
    forget_counts();
    serve(true);
    BOOST_TEST(worst_share() >= 1.0 / 10);
    end();
}

BOOST_FIXTURE_TEST_CASE(a_consumer_that_never_sleeps_does_not_keep_sleepers_out, crowd) {
    const watchdog dog(60);
    start(false, 1);
    forget_counts();
    serve(false);
    BOOST_TEST(worst_share() >= 1.0 / 10);
    end();
}

BOOST_FIXTURE_TEST_CASE(a_stopped_waiter_delays_nobody, crowd) {
    const watchdog dog(60);
    start(true);
    workers[0].signal(SIGSTOP);
    BOOST_REQUIRE(eventually([&] { return other_side.pipe().full(); }));
    forget_counts();
    serve(true);
    BOOST_TEST(worst_share(1) >= 1.0 / 3);
    workers[0].signal(SIGCONT);
    end();
}

BOOST_FIXTURE_TEST_CASE(a_stopped_waiter_that_is_overdue_delays_nobody, crowd) {
    const watchdog dog(60);
    start(true);
    std::uint32_t lane = nobody;
    BOOST_REQUIRE(eventually([&] { return (lane = lane_asleep(workers[0].pid())) != nobody; }));
    detail::wait_list& list = list_of(lane);
    workers[0].signal(SIGSTOP);
    BOOST_REQUIRE(eventually([&] { return other_side.pipe().full(); }));
    forget_counts();
    // Sets the reservation again each time it is removed.
    const auto until = steady_clock::now() + length;
    for (std::uint32_t times = 1; steady_clock::now() < until; ++times) {
        list.overdue = times % 1000 * 8192 + lane + 1;
        serve(true, std::chrono::milliseconds(50));
    }
    BOOST_TEST(worst_share(1) >= 1.0 / 3);
    workers[0].signal(SIGCONT);
    end();
}

BOOST_FIXTURE_TEST_CASE(a_killed_waiter_that_is_overdue_delays_nobody, crowd) {
    const watchdog dog(60);
    start(true);
    std::uint32_t lane = nobody;
    BOOST_REQUIRE(eventually([&] { return (lane = lane_asleep(workers[0].pid())) != nobody; }));
    detail::wait_list& list = list_of(lane);
    list.overdue = 5 * 8192 + lane + 1;
    BOOST_REQUIRE_EQUAL(workers[0].kill_and_wait(), -SIGKILL);
    forget_counts();
    serve(true);
    BOOST_TEST(worst_share(1) >= 1.0 / 3);
    BOOST_TEST(list.overdue != 5 * 8192 + lane + 1);
    BOOST_TEST(eventually([&] {
        serve(true, std::chrono::milliseconds(10));
        return check(main.pool()).dead_processes.empty();
    }));
    end();
}

// --- wake-ups that were lost -------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(whoever_looks_wakes_a_sleeper_whose_wake_up_was_lost) {
    const watchdog dog(120);
    // With so many lanes, the sleeper by itself would wake to look only after the test has given
    // up.
    waiting_pool p(64000000);
    BOOST_REQUIRE(p.inside().lane_count >= 256);
    // The two lookouts of the pool.
    child first = p.sleeper("first");
    child second = p.sleeper("second");
    first.signal(SIGSTOP);
    second.signal(SIGSTOP);
    child lost([&] {
        ServerSide side(p.name, "lost", 4);
        side.start();
        side.pipe().spin(0);
        side.pipe().deq();
        ++p.board->got;
        return 0;
    });
    BOOST_REQUIRE(eventually([&] {
        // Until it sleeps: pretends that somebody has just looked, so that nobody looks, and that
        // many sleep.
        p.inside().looks.last_look = now_ns();
        p.inside().looks.sleepers = p.inside().lane_count;
        return p.sleeps(lost);
    }));
    p.lose_wake_up(lost);
    ServerSide waker(p.name, "lost", 4);
    waker.start();
    waker.pipe().enq(1);
    BOOST_REQUIRE(p.lane_asleep(lost.pid()) != nobody);
    first.signal(SIGCONT);
    second.signal(SIGCONT);
    BOOST_TEST(eventually([&] { return p.board->got == 1; }));
}

BOOST_AUTO_TEST_CASE(a_sleeper_of_an_unnamed_queue_is_woken) {
    const watchdog dog(60);
    waiting_pool p;
    CQ unnamed(2, p.main.pool(), true);
    unnamed.spin(0);
    child one([&] {
        const Val packet = unnamed.deq();
        return packet == 5 ? 0 : 1;
    });
    BOOST_REQUIRE(eventually([&] { return p.sleeps(one); }));
    unnamed.enq(5);
    BOOST_TEST(one.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_producer_that_sleeps_at_a_full_unnamed_queue_is_woken) {
    const watchdog dog(60);
    waiting_pool p;
    CQ unnamed(2, p.main.pool(), true);
    unnamed.spin(0);
    unnamed.enq(1);
    unnamed.enq(2);
    child one([&] {
        unnamed.enq(3);
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return p.sleeps(one); }));
    BOOST_TEST(unnamed.deq() == 1);
    BOOST_TEST(one.wait() == 0);
    BOOST_TEST(unnamed.length() == 2u);
}

BOOST_AUTO_TEST_CASE(a_sleeper_of_an_unnamed_queue_heals_a_lost_wake_up_by_itself) {
    const watchdog dog(60);
    waiting_pool p(64000000);
    CQ unnamed(2, p.main.pool(), true);
    unnamed.spin(0);
    // With two lookouts already and with many lanes, it would sleep for longer than the test may
    // last if it did not wait in its own time slices.
    child first = p.sleeper("first");
    child second = p.sleeper("second");
    first.signal(SIGSTOP);
    second.signal(SIGSTOP);
    child lost([&] {
        unnamed.deq();
        ++p.board->got;
        return 0;
    });
    BOOST_REQUIRE(eventually([&] {
        p.inside().looks.last_look = now_ns();
        p.inside().looks.sleepers = p.inside().lane_count;
        return p.sleeps(lost);
    }));
    // Its bit may be set again by now, in the next time slice of its sleep. Then it is woken as
    // usual.
    p.lose_wake_up(lost);
    unnamed.enq(1);
    BOOST_TEST(lost.wait() == 0);
    BOOST_TEST(p.board->got == 1);
}

// --- seats -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_seat_whose_sleeper_was_killed_works_for_the_next_one) {
    const watchdog dog(60);
    waiting_pool p;
    std::uint32_t lane = nobody;
    for (int i = 0; i < 5; ++i) {
        child one = p.sleeper("pipe");
        const std::uint32_t its_lane = p.lane_asleep(one.pid());
        BOOST_TEST(p.inside().seat_at(its_lane).alive.is_held_by_the_living());
        if (lane != nobody) BOOST_TEST(its_lane == lane);  // otherwise this tests nothing
        lane = its_lane;
        BOOST_REQUIRE_EQUAL(one.kill_and_wait(), -SIGKILL);
        BOOST_TEST(!p.inside().seat_at(lane).alive.is_held_by_the_living());
        BOOST_REQUIRE(eventually([&] {
            p.main.pool()->isPristine();
            return p.inside().lane_at(lane).owner == 0u;
        }));
    }
    child last = p.sleeper("pipe");
    ServerSide waker(p.name, "pipe", 4);
    waker.start();
    waker.pipe().enq(1);
    BOOST_TEST(last.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_seat_is_used_by_one_thread_after_another) {
    const watchdog dog(60);
    waiting_pool p;
    ServerSide side(p.name, "pipe", 4);
    side.start();
    side.pipe().spin(0);
    std::uint32_t lane = nobody;
    for (int i = 0; i < 5; ++i) {
        std::thread waiter([&] { BOOST_TEST(side.pipe().deq() == i); });
        std::uint32_t its_lane = nobody;
        BOOST_REQUIRE(eventually([&] { return (its_lane = p.lane_asleep(getpid())) != nobody; }));
        BOOST_TEST(
            eventually([&] { return p.inside().seat_at(its_lane).alive.is_held_by_the_living(); }));
        if (lane != nobody) BOOST_TEST(its_lane == lane);  // otherwise this tests nothing
        lane = its_lane;
        side.pipe().enq(i);
        waiter.join();
        BOOST_TEST(!p.inside().seat_at(lane).alive.is_held_by_the_living());
    }
}

// --- who notices a death -----------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(asking_whether_the_pool_is_pristine_notices_a_death, waiting_pool) {
    const watchdog dog(60);
    BOOST_TEST(notices_a_death([&] { main.pool()->isPristine(); }));
    BOOST_TEST(main.pool()->isPristine());
}

BOOST_FIXTURE_TEST_CASE(asking_how_much_is_used_notices_a_death, waiting_pool) {
    const watchdog dog(60);
    idler().kill_and_wait();  // creates the idlers' pipe
    BOOST_REQUIRE(eventually([&] { return main.pool()->isPristine(); }));
    const std::size_t before = main.pool()->usedBytes();
    BOOST_TEST(notices_a_death([&] { main.pool()->usedBytes(); }));
    BOOST_TEST(main.pool()->usedBytes() == before);
}

BOOST_FIXTURE_TEST_CASE(asking_for_the_biggest_free_piece_notices_a_death, waiting_pool) {
    const watchdog dog(60);
    BOOST_TEST(notices_a_death([&] { main.pool()->biggestFree(); }));
}

BOOST_FIXTURE_TEST_CASE(asking_whether_the_pool_is_full_notices_a_death, waiting_pool) {
    const watchdog dog(60);
    BOOST_TEST(notices_a_death([&] { main.pool()->isFull(); }));
}

BOOST_FIXTURE_TEST_CASE(who_only_waits_for_milliseconds_notices_a_death, waiting_pool) {
    const watchdog dog(60);
    ServerSide side(name, "short waits", 4);
    side.start();
    Val nothing;
    BOOST_TEST(notices_a_death([&] { side.pipe().dequeue(0.001, nothing); }));
}

BOOST_FIXTURE_TEST_CASE(times_of_another_clock_do_not_keep_recovery_off, waiting_pool) {
    const watchdog dog(60);
    ServerSide side(name, "waits", 4);
    side.start();
    Val nothing;
    for (const std::int64_t wrong_by : {eleven_days_ns, -eleven_days_ns}) {
        BOOST_TEST_CONTEXT(wrong_by)
        BOOST_TEST(notices_a_death([&, is_first = true]() mutable {
            if (std::exchange(is_first, false)) {
                inside().entrance.put_off_until = now_ns() + wrong_by;
                inside().looks.last_look = now_ns() + wrong_by;
            }
            side.pipe().dequeue(0.02, nothing);
        }));
    }
}

// --- lookouts ----------------------------------------------------------------------------------

namespace {

/// Forty processes that sleep in a pool in which nobody else does anything.
struct dormitory : waiting_pool {
    static constexpr std::size_t beds = 40;

    dormitory() : waiting_pool(16000000), waker(name, "beds", beds) {
        waker.start();
        waker.pipe().spin(0);
        for (std::size_t i = 0; i < beds; ++i) sleepers.push_back(start_sleeper());
        BOOST_REQUIRE(eventually([this] { return asleep() >= beds - 2; }));
        BOOST_REQUIRE(eventually([this] { return lookouts().size() == 2; }));
    }
    child start_sleeper() {
        return child([this] {
            ClientSide side(name, "beds");
            side.start();
            side.pipe().spin(0);
            const Val packet = side.pipe().deq();
            ++board->got;
            // Stays busy from here on, and never sleeps in the pool again.
            while (!board->stop) std::this_thread::sleep_for(std::chrono::milliseconds(5));
            return 0;
        });
    }
    /// The lookouts that sleep and are alive.
    std::vector<std::size_t> lookouts() const {
        std::vector<std::size_t> found;
        for (const auto& lookout : inside().looks.lookout)
            for (std::size_t i = 0; i < sleepers.size(); ++i)
                if (sleepers[i].pid() != 0 && lookout != 0 &&
                    lane_asleep(sleepers[i].pid()) == lookout - 1)
                    found.push_back(i);
        return found;
    }
    bool is_lookout(std::size_t i) const {
        const auto now = lookouts();
        return std::find(now.begin(), now.end(), i) != now.end();
    }
    /// Whether the sleepers alone notice a death.
    bool notice_a_death() {
        const auto began = steady_clock::now();
        const bool noticed = notices_a_death([] {});
        BOOST_TEST_MESSAGE(std::chrono::duration<double>(steady_clock::now() - began).count()
                           << " s");
        return noticed;
    }

    ServerSide waker;
    std::vector<child> sleepers;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(sleepers_notice_a_death, dormitory) {
    const watchdog dog(120);
    BOOST_TEST(notice_a_death());
}

BOOST_FIXTURE_TEST_CASE(lookouts_that_are_killed_are_replaced, dormitory) {
    const watchdog dog(120);
    const std::uint64_t before = recoveries();
    for (const std::size_t i : lookouts())
        BOOST_REQUIRE_EQUAL(sleepers[i].kill_and_wait(), -SIGKILL);
    BOOST_TEST(eventually([&] { return recoveries() != before; }));
    BOOST_TEST(eventually([&] { return lookouts().size() == 2; }));
    BOOST_TEST(notice_a_death());
}

BOOST_FIXTURE_TEST_CASE(a_lookout_that_is_stopped_leaves_the_other_one, dormitory) {
    const watchdog dog(120);
    const std::size_t stopped = lookouts().front();
    sleepers[stopped].signal(SIGSTOP);
    BOOST_TEST(notice_a_death());
    sleepers[stopped].signal(SIGCONT);
}

BOOST_FIXTURE_TEST_CASE(lookouts_that_are_stopped_are_replaced, dormitory) {
    const watchdog dog(120);
    const auto stopped = lookouts();
    for (const std::size_t i : stopped) sleepers[i].signal(SIGSTOP);
    BOOST_TEST(notice_a_death());
    BOOST_TEST(eventually([&] {
        return std::none_of(stopped.begin(), stopped.end(),
                            [&](std::size_t i) { return is_lookout(i); });
    }));
    for (const std::size_t i : stopped) sleepers[i].signal(SIGCONT);
}

BOOST_FIXTURE_TEST_CASE(lookouts_that_are_busy_are_replaced, dormitory) {
    const watchdog dog(120);
    const auto busy = lookouts();
    int packets = 0;
    for (const std::size_t i : busy) {
        // Sometimes it is between two sleeps, and another sleeper gets the packet.
        for (std::uint32_t lane; (lane = lane_asleep(sleepers[i].pid())) != nobody;) {
            list_of(lane).overdue = 7 * 8192 + lane + 1;
            waker.pipe().enq(1);
            ++packets;
            BOOST_REQUIRE(eventually([&] { return board->got == packets; }));
        }
    }
    // In a crowd of this size, each of the others wakes to look every eight seconds.
    constexpr int most_seconds = 60;
    BOOST_TEST(eventually(
        [&] {
            const auto now = lookouts();
            return now.size() == 2 && std::none_of(busy.begin(), busy.end(),
                                                   [&](std::size_t i) { return is_lookout(i); });
        },
        most_seconds));
    BOOST_TEST(notice_a_death());
}

BOOST_AUTO_TEST_SUITE_END()
