#include "support/started_pool.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

/// Request and reply: each client has its own pipe, in pools of a megabyte. Clients start and end,
/// however they end.

using namespace valpool;
using namespace valpool::test;

namespace {

/// A pool with a pipe for requests.
struct service : started_pool {
    service() : started_pool("service"), requests(name, "requests", 16) { requests.start(); }

    std::size_t pipes() const { return check(pool()).queues; }
    /// All pipes but the one for requests are gone, with their packets.
    void expect_clients_gone() const {
        Val nothing;
        while (requests.pipe().dequeue(0.0, nothing)) {
        }
        nothing = None;
        BOOST_TEST(eventually([&] {
            requests.pipe().dequeue(0.05, nothing);  // a waiting thread notices deaths
            return pool()->isPristine() && pipes() == 1;
        }));
        expect_sound();
    }

    ServerSide requests;
};

/// Runs a whole client; false when a reply is wrong.
bool ask(const std::string& pool, const std::string& reply_name, int i) {
    ClientSide requests(pool, "requests");
    requests.start();
    ServerSide replies(pool, reply_name, 2);
    replies.temporary(true);
    replies.start();
    requests.pipe().enq(Tab{{"reply to", reply_name}, {"i", i}});
    return replies.pipe().deq()("i") == 2 * i;
}

/// Answers a client that may have gone meanwhile.
void reply(const std::string& pool, const Val& request) {
    int looks = 0;
    ClientSide replies(
        pool, request("reply to"), [&] { return ++looks > 3; }, 10000);
    if (replies.start() != STARTED) return;
    replies.pipe().enqueue(Tab{{"i", 2 * static_cast<int>(request("i"))}}, 5.0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reply_pipes)

BOOST_AUTO_TEST_CASE(each_of_a_thousand_clients_gets_its_reply_and_leaves_nothing) {
    const watchdog dog(120);
    constexpr int most_clients = 1000;
    constexpr int crowd = 4;
    service s;
    std::vector<child> clients;
    for (int c = 0; c < crowd; ++c)
        clients.emplace_back([&, c] {
            for (int i = 0; i < most_clients / crowd; ++i) {
                const std::string own = "reply " + std::to_string(c) + "." + std::to_string(i);
                if (!ask(s.name, own, i)) return 1;
            }
            return 0;
        });
    for (int i = 0; i < most_clients; ++i) reply(s.name, s.requests.pipe().deq());
    for (child& client : clients) BOOST_TEST(client.wait() == 0);
    s.expect_clients_gone();
}

BOOST_AUTO_TEST_CASE(clients_that_are_killed_at_any_moment_leave_nothing) {
    const watchdog dog(240);
    const auto seed = static_cast<std::uint32_t>(
        from_environment("VALPOOL_SEED", static_cast<long>(std::random_device{}())));
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 random(seed);
    service s;
    std::atomic<bool> stop{false};
    std::thread server([&] {
        Val request;
        while (!stop)
            if (s.requests.pipe().dequeue(0.01, request)) reply(s.name, request);
    });
    const long rounds = from_environment("VALPOOL_RANDOM_ROUNDS", 150);
    for (long round = 0; round < rounds; ++round) {
        std::vector<child> clients;
        for (int c = 0; c < 2; ++c)
            clients.emplace_back([&, c] {
                for (int i = 0;; ++i) {
                    const auto own = "reply " + std::to_string(getpid()) + std::to_string(i % 3);
                    if (!ask(s.name, own, c + i)) return 1;
                }
            });
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 8000));
        for (child& client : clients) BOOST_TEST(client.kill_and_wait() == -SIGKILL);
    }
    stop = true;
    server.join();
    s.expect_clients_gone();
}

BOOST_AUTO_TEST_CASE(processes_open_a_pipe_while_others_remove_it) {
    const watchdog dog(240);
    service s;
    const phases now;
    std::vector<child> openers;
    for (int c = 0; c < 2; ++c)
        openers.emplace_back([&, c] {
            for (int i = 0; !now.has_reached(1); ++i) {
                ServerSide side(s.name, "contested", 2);
                side.temporary(c == 0 && i % 2 == 0);
                side.start();
                if (!side.pipe().enqueue(s.share(i), 5.0)) return 1;
                Val packet;
                if (!side.pipe().dequeue(5.0, packet) || packet.length() != 1) return 2;
            }
            return 0;
        });
    child remover([&] {
        int removed = 0;
        while (removed < 200) removed += s.requests.removePipe("contested");
        return 0;
    });
    BOOST_TEST(remover.wait() == 0);
    now.reach(1);
    for (child& opener : openers) BOOST_TEST(opener.wait() == 0);
    s.main.removePipe("contested");
    s.expect_clients_gone();
}

BOOST_AUTO_TEST_CASE(a_pipe_that_a_dead_process_held_can_be_removed_at_once) {
    const watchdog dog(60);
    service s;
    for (int i = 0; i < 20; ++i) {
        const phases now;
        child holder([&] {
            ServerSide side(s.name, "held", 2);
            side.start();
            now.reach(1);
            for (;;) pause();
            return 0;
        });
        BOOST_REQUIRE(now.is_reached(1));
        BOOST_TEST(!s.main.removePipe("held"));
        BOOST_TEST(holder.kill_and_wait() == -SIGKILL);
        BOOST_TEST(s.main.removePipe("held"));
    }
    s.expect_clients_gone();
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_for_a_pipe_finds_it_when_it_is_made_anew) {
    const watchdog dog(60);
    service s;
    const phases now;
    child client([&] {
        {
            ClientSide first(s.name, "reply");
            first.start();
            now.reach(1);
        }
        now.await(2);
        ClientSide second(s.name, "reply");
        second.start();
        return second.pipe().capacity() == 5 && second.pipe().deq() == 7 ? 0 : 1;
    });
    {
        ServerSide side(s.name, "reply", 2);
        side.start();
        BOOST_REQUIRE(now.is_reached(1));
    }
    BOOST_TEST(eventually([&] { return s.main.removePipe("reply"); }));
    now.reach(2);
    {
        ServerSide side(s.name, "reply", 5);
        side.start();
        side.pipe().enq(7);
        BOOST_TEST(client.wait() == 0);
    }
    BOOST_TEST(s.main.removePipe("reply"));
    s.expect_clients_gone();
}

// --- fork --------------------------------------------------------------------------------------

namespace {

/// What a child does with the pipe that it inherited.
enum class use { none, some, some_and_destroys };

void outlive_the_parents_pipe(use what, bool is_killed) {
    service s;
    const phases now;
    auto side = std::make_unique<ServerSide>(s.name, "reply", 2);
    side->temporary(true);
    side->start();
    child heir([&] {
        now.await(1);
        if (what != use::none) {
            side->pipe().enq(3);
            if (side->pipe().deq() != 3) return 1;
            side->pipe().enq(4);
        }
        if (what == use::some_and_destroys) side.reset();
        now.reach(2);
        if (is_killed)
            for (;;) pause();
        return 0;
    });
    side.reset();
    BOOST_TEST(s.pipes() == 2u);
    BOOST_TEST(!s.main.removePipe("reply"));
    now.reach(1);
    BOOST_REQUIRE(now.is_reached(2));
    BOOST_TEST((is_killed ? heir.kill_and_wait() : heir.wait()) == (is_killed ? -SIGKILL : 0));
    s.expect_clients_gone();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_forked_child_keeps_a_temporary_pipe_until_it_ends) {
    const watchdog dog(120);
    for (const use what : {use::none, use::some, use::some_and_destroys})
        for (const bool is_killed : {false, true}) outlive_the_parents_pipe(what, is_killed);
}

BOOST_AUTO_TEST_CASE(a_parent_keeps_a_temporary_pipe_that_its_child_has_let_go_of) {
    const watchdog dog(60);
    service s;
    auto side = std::make_unique<ServerSide>(s.name, "reply", 2);
    side->temporary(true);
    side->start();
    child heir([&] {
        side->pipe().enq(3);
        side.reset();
        return 0;
    });
    BOOST_TEST(heir.wait() == 0);
    BOOST_TEST(side->pipe().deq() == 3);
    side.reset();
    s.expect_clients_gone();
}

// --- a pool full of pipes ----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(further_processes_can_use_a_pool_full_of_pipes) {
    const watchdog dog(120);
    constexpr int most_strangers = 8;
    const phases now;
    const pool_name name("full of pipes");
    // Forked before the pool exists, so they attach like unrelated processes.
    std::vector<child> strangers;
    for (int i = 1; i <= most_strangers; ++i)
        strangers.emplace_back([&, i] {
            now.await(2 * i);
            ClientSide from(name, "to strangers");
            ClientSide to(name, "from strangers");
            from.start();
            to.start();
            const Val packet = from.pipe().deq();
            to.pipe().enq(packet);
            now.reach(2 * i + 1);
            for (;;) pause();
            return 0;
        });
    SHMMain main(name, 1000000);
    main.start();
    ServerSide to(name, "to strangers", 2);
    ServerSide from(name, "from strangers", 2);
    to.start();
    from.start();
    const Val packet = Shared(main.pool(), Tab{{"i", 7}});
    int made = 0;
    BOOST_CHECK_THROW(for (;; ++made) ServerSide(name, "pipe " + std::to_string(made), 2).start(),
                      PoolExhausted);
    for (int i = 1; i <= most_strangers; ++i) {
        to.pipe().enq(packet);
        now.reach(2 * i);
        Val back;
        BOOST_REQUIRE(from.pipe().dequeue(20.0, back));
        BOOST_TEST(is(back, packet));
        BOOST_REQUIRE(now.is_reached(2 * i + 1));
    }
    BOOST_TEST(check(main.pool()).is_sound());
    for (child& stranger : strangers) stranger.kill_and_wait();
    for (int i = 0; i < made; ++i) BOOST_REQUIRE(main.removePipe("pipe " + std::to_string(i)));
    BOOST_TEST(check(main.pool()).queues == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
