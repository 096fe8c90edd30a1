#include "base/kill_point.hpp"
#include "support/started_pool.hpp"

#include <string>
#include <vector>

#include <unistd.h>

/// Processes are killed and stopped while they add keys that tables share.

using namespace valpool;
using namespace valpool::test;

namespace {

struct shape_board {
    detail::kill_plan plan;
};

std::vector<unsigned> points_of_shapes() {
    std::vector<unsigned> points;
    for (unsigned p = 0; p < detail::kill_point_count(); ++p)
        if (std::string(detail::kill_point_name(p)).rfind("shape.", 0) == 0) points.push_back(p);
    return points;
}

Val packet_number(int i, StreamingPool* pool) {
    Val packet = Shared(pool, Tab());
    packet["key " + std::to_string(i)] = i;
    packet["text"] = "some text";
    packet["list"] = Arr{i, i + 1};
    return packet;
}

struct packets : started_pool {
    packets() : started_pool("shapes") { detail::use_kill_plan(&board->plan); }
    ~packets() { detail::use_kill_plan(nullptr); }
    packets(const packets&) = delete;
    packets& operator=(const packets&) = delete;

    void arm(unsigned point, int signal, unsigned nth) const {
        auto& order = board->plan.orders[point];
        order.victim = getpid();
        order.signal = signal;
        order.countdown = nth;
    }
    /// Makes packets of twelve kinds, each so often that it is learned. No two rounds have the same.
    int send_all(int round) const {
        ServerSide side(name, "pipe", 4);
        side.start();
        bool is_right = true;
        for (int i = 0; i != 60; ++i) {
            const int kind = 12 * round + i / 5;
            side.pipe().enq(packet_number(kind, side.pool()));
            const Val packet = side.pipe().deq();
            is_right &= packet.length() == 3 && !packet.contains("x") &&
                        packet("key " + std::to_string(kind)) == kind &&
                        packet("list") == Val(Arr{kind, kind + 1});
        }
        return is_right ? 0 : 1;
    }
    shared<shape_board> board;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shape_crash, packets)

BOOST_AUTO_TEST_CASE(who_dies_while_adding_a_shape_costs_the_others_nothing) {
    const watchdog dog(120);
    const auto points = points_of_shapes();
    BOOST_TEST(points.size() == 2u);
    int round = 0;
    for (const unsigned point : points) {
        for (unsigned nth = 1; nth <= 3; ++nth) {
            child victim([&] {
                arm(point, SIGKILL, nth);
                return send_all(round);
            });
            BOOST_TEST(victim.wait() == -SIGKILL);
            child next([&] { return send_all(round); });
            BOOST_TEST(next.wait() == 0);
            expect_pristine();
            ++round;
        }
    }
}

BOOST_AUTO_TEST_CASE(who_is_stopped_while_adding_a_shape_delays_nobody) {
    const watchdog dog(120);
    int round = 0;
    for (const unsigned point : points_of_shapes()) {
        child stopped([&] {
            arm(point, SIGSTOP, 1);
            return send_all(round);
        });
        BOOST_REQUIRE(eventually([&] { return stopped.has_stopped(); }));
        child next([&] { return send_all(round); });
        BOOST_TEST(next.wait() == 0);
        stopped.signal(SIGCONT);
        BOOST_TEST(stopped.wait() == 0);
        expect_pristine();
        ++round;
    }
}

BOOST_AUTO_TEST_SUITE_END()
