#include "support/child.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <optional>
#include <random>
#include <vector>

#include <unistd.h>

using namespace valpool;
using namespace valpool::test;

/// Processes are killed while they wait in a pipe, for packets or for room, and the others
/// continue: no packet is lost or seen twice, and no process hangs.

namespace {

constexpr int rounds = 120;
constexpr int packets = 24;
constexpr int capacity = 4;

struct scoreboard {
    std::atomic<int> waiting;                 // consumers or producers about to wait
    std::array<std::atomic<int>, 1000> seen;  // how often each packet arrived
    std::atomic<int> arrived;
    std::atomic<long> background;  // packets of processes unrelated to the victims
    std::atomic<int> disorder;
    std::atomic<bool> stop;

    void clear() {
        waiting = 0;
        arrived = 0;
        for (auto& count : seen) count = 0;
    }
};

struct arena_of_death {
    arena_of_death() : name("waiters"), main(name, 1000000) { main.start(); }

    /// Takes packets from the pipe until it is told to stop, and counts each.
    child consumer(bool notes_waiting) {
        const bool sleeps_at_once = ++children % 2 == 0;
        return child([this, notes_waiting, sleeps_at_once] {
            ClientSide side(name, "pipe");
            side.start();
            if (sleeps_at_once) side.pipe().spin(0);
            if (notes_waiting) ++board->waiting;
            while (!board->stop) {
                Val packet;
                if (!side.pipe().dequeue(1.0, packet)) continue;
                const int number = packet("number");
                ++board->seen[static_cast<std::size_t>(number)];
                ++board->arrived;
            }
            return 0;
        });
    }

    /// Puts packets from `first` on into the pipe, waiting for room.
    child producer(int first, int count) {
        const bool sleeps_at_once = ++children % 2 == 0;
        return child([this, first, count, sleeps_at_once] {
            ServerSide side(name, "pipe", capacity);
            side.start();
            if (sleeps_at_once) side.pipe().spin(0);
            ++board->waiting;
            for (int i = first; i < first + count; ++i) side.pipe().enq(Tab{{"number", i}});
            return 0;
        });
    }

    /// A pair of processes that passes packets through its own pipe all the time.
    std::array<child, 2> background() {
        return {child([this] {
                    ServerSide side(name, "background", 3);
                    side.start();
                    side.pipe().spin(0);
                    for (int_8 i = 0; !board->stop; ++i)
                        while (!side.pipe().enqueue(Tab{{"i", i}}, 0.1) && !board->stop) {
                        }
                    return 0;
                }),
                child([this] {
                    ClientSide side(name, "background");
                    side.start();
                    side.pipe().spin(0);
                    for (int_8 i = 0; !board->stop; ++i) {
                        Val packet;
                        while (!side.pipe().dequeue(0.1, packet))
                            if (board->stop) return 0;
                        if (packet("i") != i) ++board->disorder;
                        ++board->background;
                    }
                    return 0;
                })};
    }

    pool_name name;
    SHMMain main;
    shared<scoreboard> board;
    /// Every other child, and every background process, sleeps at once when it waits. The others
    /// spin and yield first, and are hardly ever killed while they sleep or wake another process.
    int children = 0;
};

/// Some victims are killed at once, some after they have gone to sleep.
void wait_a_little(std::mt19937& random) { usleep(static_cast<useconds_t>(random() % 3000)); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(killed_waiters, arena_of_death)

BOOST_AUTO_TEST_CASE(consumers_killed_while_they_wait_cost_nobody_a_packet) {
    const watchdog dog(240);
    std::mt19937 random(std::random_device{}());
    auto others = background();
    ServerSide server(name, "pipe", capacity);
    server.start();
    for (int round = 0; round < rounds; ++round) {
        board->clear();
        board->stop = false;
        std::vector<child> victims;
        for (int i = 0; i < 2; ++i) victims.push_back(consumer(true));
        std::vector<child> survivors;
        for (int i = 0; i < 2; ++i) survivors.push_back(consumer(true));
        BOOST_REQUIRE(eventually([&] { return board->waiting == 4; }));
        wait_a_little(random);
        for (child& victim : victims) BOOST_REQUIRE_EQUAL(victim.kill_and_wait(), -SIGKILL);
        for (int i = 0; i < packets; ++i)
            BOOST_REQUIRE(server.pipe().enqueue(Tab{{"number", i}}, 10.0));
        BOOST_REQUIRE(eventually([&] { return board->arrived == packets; }));
        for (int i = 0; i < packets; ++i)
            BOOST_REQUIRE_EQUAL(board->seen[static_cast<std::size_t>(i)], 1);
        BOOST_REQUIRE(server.pipe().empty());
        for (child& survivor : survivors) survivor.kill_and_wait();
    }
    board->stop = true;
    for (child& other : others) BOOST_TEST(other.wait() == 0);
    BOOST_TEST(board->disorder == 0);
    BOOST_TEST(board->background > 0);
}

BOOST_AUTO_TEST_CASE(producers_killed_while_they_wait_leave_only_what_they_had_enqueued) {
    const watchdog dog(240);
    std::mt19937 random(std::random_device{}());
    auto others = background();
    ServerSide server(name, "pipe", capacity);
    server.start();
    for (int round = 0; round < rounds; ++round) {
        board->clear();
        board->stop = false;
        for (int i = 0; i < capacity; ++i) server.pipe().enq(Tab{{"number", i}});
        std::vector<child> victims;
        for (int i = 0; i < 2; ++i) victims.push_back(producer(500 + 100 * i, 1));
        child survivor = producer(capacity, packets - capacity);
        BOOST_REQUIRE(eventually([&] { return board->waiting == 3; }));
        wait_a_little(random);
        for (child& victim : victims) BOOST_REQUIRE_EQUAL(victim.kill_and_wait(), -SIGKILL);
        child reader = consumer(false);
        BOOST_REQUIRE_EQUAL(survivor.wait(), 0);
        BOOST_REQUIRE(eventually([&] { return board->arrived == packets; }));
        for (int i = 0; i < packets; ++i)
            BOOST_REQUIRE_EQUAL(board->seen[static_cast<std::size_t>(i)], 1);
        // The pipe was full until they were dead: their packets were never in it.
        BOOST_REQUIRE_EQUAL(board->seen[500], 0);
        BOOST_REQUIRE_EQUAL(board->seen[600], 0);
        reader.kill_and_wait();
        BOOST_REQUIRE(server.pipe().empty());
    }
    board->stop = true;
    for (child& other : others) BOOST_TEST(other.wait() == 0);
    BOOST_TEST(board->disorder == 0);
    Val nothing;
    BOOST_TEST(eventually([&] {
        while (server.pipe().dequeue(0.0, nothing)) {
        }
        server.pipe().dequeue(0.11, nothing);
        const pool_report report = check(main.pool());
        return report.dead_processes.empty() && report.leaked_bytes == 0;
    }));
    BOOST_TEST(check(main.pool()).is_sound());
}

BOOST_AUTO_TEST_SUITE_END()
