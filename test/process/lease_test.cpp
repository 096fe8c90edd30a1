#include "support/child.hpp"
#include "support/started_pool.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace valpool;
using namespace valpool::test;

/// Leases between processes that are killed, stopped, or forked while they have them.

namespace {

struct leased_pipe : started_pool {
    leased_pipe() : started_pool("lease"), server(name, "jobs", capacity) { server.start(); }

    CQ& jobs() { return server.pipe(); }
    void fill(int packets) {
        for (int i = 0; i < packets; ++i) jobs().enq(share(i));
    }
    static int number_in(const Lease& lease) { return lease.value()("i"); }

    /// A process that leases so many packets, acknowledges the first `done` of them, and waits.
    child worker(int packets, int done) {
        return child([=, this] {
            ClientSide side(name, "jobs");
            side.start();
            std::vector<Lease> leases;
            for (int i = 0; i < packets; ++i) leases.push_back(side.pipe().lease(5.0));
            for (int i = 0; i < done; ++i) leases[static_cast<std::size_t>(i)].ack();
            stage.reach(1);
            stage.await(2);
            return 0;
        });
    }

    static constexpr int capacity = 8;
    phases stage;
    ServerSide server;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(leases_of_processes, leased_pipe)

BOOST_AUTO_TEST_CASE(what_a_killed_worker_had_leased_is_delivered_again_in_order) {
    const watchdog dog(60);
    fill(6);
    child victim = worker(4, 1);
    BOOST_REQUIRE(stage.is_reached(1));
    BOOST_TEST(jobs().leased() == 3u);
    BOOST_TEST(victim.kill_and_wait() == -SIGKILL);
    // The question notices the death. (A wait does so, too. But until then the packets that nobody
    // has had come first.)
    BOOST_TEST(!pool()->isPristine());
    BOOST_TEST(jobs().leased() == 0u);
    for (int i = 1; i < 6; ++i) {
        Lease lease = jobs().lease(5.0);
        BOOST_REQUIRE(lease);
        BOOST_TEST(number_in(lease) == i);
        BOOST_TEST(lease.deliveries() == (i < 4 ? 2u : 1u));
        BOOST_TEST(lease.ack());
    }
    BOOST_TEST(!jobs().lease(0.0));
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_sleeping_consumer_gets_what_a_killed_worker_had) {
    const watchdog dog(60);
    jobs().spin(0);
    fill(1);
    child victim = worker(1, 0);
    BOOST_REQUIRE(stage.is_reached(1));
    victim.signal(SIGKILL);
    const Val packet = jobs().deq();
    BOOST_TEST(packet("i") == 0);
    expect_sound();
}

BOOST_AUTO_TEST_CASE(a_producer_that_waits_for_room_survives_the_death_of_who_has_it_all) {
    const watchdog dog(60);
    fill(capacity);
    child victim = worker(capacity, 0);
    BOOST_REQUIRE(stage.is_reached(1));
    BOOST_TEST(!jobs().enqueue(share(8), 0.0));
    BOOST_TEST(victim.kill_and_wait() == -SIGKILL);
    BOOST_TEST(!jobs().enqueue(share(8), 0.3));
    BOOST_TEST(jobs().lease(5.0).ack());
    BOOST_TEST(jobs().enqueue(share(8), 5.0));
}

BOOST_AUTO_TEST_CASE(a_stopped_worker_keeps_its_packets_only_until_their_deadline) {
    const watchdog dog(60);
    fill(1);
    child stopped([this] {
        ClientSide side(name, "jobs");
        side.start();
        LeaseOptions brief;
        brief.deadline_s = 0.2;
        Lease lease = side.pipe().lease(5.0, brief);
        stage.reach(1);
        stage.await(2);
        return lease.ack() ? 1 : 0;
    });
    BOOST_REQUIRE(stage.is_reached(1));
    stopped.signal(SIGSTOP);
    Lease lease = jobs().lease(20.0);
    BOOST_REQUIRE(lease);
    BOOST_TEST(lease.deliveries() == 2u);
    BOOST_TEST(lease.ack());
    lease = Lease();
    stage.reach(2);
    stopped.signal(SIGCONT);
    BOOST_TEST(stopped.wait() == 0);
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_forked_child_does_not_own_its_parents_leases) {
    const watchdog dog(60);
    fill(2);
    auto lease = std::make_unique<Lease>(jobs().lease(0.0));
    child forked([&] {
        if (number_in(*lease) != 0) return 1;
        if (lease->ack()) return 2;
        lease->give_back();
        lease.reset();
        return 0;
    });
    BOOST_TEST(forked.wait() == 0);
    BOOST_TEST(jobs().leased() == 1u);
    BOOST_TEST(number_in(jobs().lease(0.0)) == 1);
    BOOST_TEST(lease->ack());
    lease.reset();
    BOOST_TEST(jobs().lease(0.0).ack());
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_forked_child_gets_back_what_its_parent_had_leased_when_that_dies) {
    const watchdog dog(60);
    fill(1);
    shared<std::atomic<int>> got;
    family parent([&] {
        ClientSide side(name, "jobs");
        side.start();
        Lease lease = side.pipe().lease(5.0);
        child forked([&] {
            Lease again = side.pipe().lease(20.0);
            *got = again && again.deliveries() == 2 && again.ack() ? 1 : 2;
            return 0;
        });
        kill(getpid(), SIGKILL);
        return 0;
    });
    parent.wait();
    BOOST_TEST(eventually([&] { return *got != 0; }));
    BOOST_TEST(*got == 1);
}

BOOST_AUTO_TEST_CASE(a_pipe_with_leased_packets_is_not_removed) {
    fill(1);
    ServerSide other(name, "other", 2);
    other.start();
    other.pipe().enq(share(1));
    Lease lease = other.pipe().lease(0.0);
    BOOST_TEST(!server.removePipe("other"));
    lease.give_back();
    BOOST_TEST(!server.removePipe("other"));
    BOOST_TEST(other.pipe().lease(0.0).ack());
}

BOOST_AUTO_TEST_CASE(a_removed_pipe_takes_its_table_with_it) {
    const std::size_t free_before = pool()->biggestFree();
    {
        ServerSide other(name, "other", 100);
        other.start();
        other.pipe().enq(share(1));
        BOOST_TEST(other.pipe().lease(0.0).ack());
        BOOST_TEST(pool()->isPristine());
        expect_sound();
    }
    BOOST_TEST(server.removePipe("other"));
    expect_pristine();
    BOOST_TEST(pool()->biggestFree() >= free_before);
}

BOOST_AUTO_TEST_CASE(a_packet_beyond_its_limit_goes_to_the_dead_letters) {
    ServerSide letters(name, "letters", 1);
    letters.start();
    fill(3);
    LeaseOptions once;
    once.most_deliveries = 1;
    once.dead_letters = "letters";
    for (int i = 0; i < 2; ++i) {
        Lease first = jobs().lease(0.0, once);
        Lease second = jobs().lease(0.0, once);
        BOOST_TEST(number_in(first) == (i == 0 ? 0 : 2));
        if (i == 1) BOOST_TEST(!second);
    }
    // There is room for one only; the others stay where they are.
    BOOST_TEST(!jobs().lease(0.05, once));
    BOOST_TEST(jobs().length() == 2u);
    BOOST_TEST(letters.pipe().deq()("i") == 0);
    BOOST_TEST(!jobs().lease(0.05, once));
    BOOST_TEST(letters.pipe().deq()("i") == 1);
    BOOST_TEST(jobs().deq()("i") == 2);
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_packet_stays_when_there_are_no_dead_letters) {
    fill(1);
    LeaseOptions once;
    once.most_deliveries = 1;
    once.dead_letters = "letters";
    BOOST_TEST(jobs().lease(0.0, once).deliveries() == 1u);
    BOOST_TEST(!jobs().lease(0.05, once));
    BOOST_TEST(jobs().length() == 1u);
    once.dead_letters = "jobs";
    BOOST_CHECK_THROW(jobs().lease(0.0, once), std::logic_error);
    BOOST_TEST(jobs().deq()("i") == 0);
}

BOOST_AUTO_TEST_CASE(a_retired_pool_still_hands_out_what_it_has) {
    const pool_name other("lease_retired");
    auto other_main = std::make_unique<SHMMain>(other, 1000000);
    other_main->start();
    ServerSide side(other, "jobs", 4);
    side.start();
    side.pipe().enq(Shared(side.pool(), Tab{{"i", 1}}));
    Lease lease = side.pipe().lease(0.0);
    other_main.reset();
    lease.give_back();
    BOOST_TEST(side.pipe().lease(0.0).ack());
    BOOST_CHECK_THROW(side.pipe().lease(1.0), PoolRetired);
}

BOOST_AUTO_TEST_CASE(a_break_checker_ends_the_wait_for_a_lease) {
    std::atomic<int> asked{0};
    ServerSide side(
        name, "empty", 2, false, nullptr, [&] { return ++asked > 2; }, 1000);
    side.start();
    BOOST_TEST(!side.pipe().lease(20.0));
}

BOOST_AUTO_TEST_SUITE_END()
