#include "support/watched_pool.hpp"

#include <csignal>
#include <string>
#include <vector>

/// What `valpool why` finds, and what it says to try.

using namespace valpool;
using namespace valpool::test;

BOOST_FIXTURE_TEST_SUITE(tool_why, watched)

BOOST_AUTO_TEST_CASE(a_full_pipe_is_seen_full_and_its_stopped_reader_is_named) {
    const child reader = reader_that([] { raise(SIGSTOP); });
    BOOST_REQUIRE(eventually([&] { return state_of(reader.pid()) == "T"; }));
    fill_pipe();
    const tool_result r = why();
    BOOST_TEST(r.code == 4);
    BOOST_TEST(r.says("pipe2 is full (4 of 4) and nobody has read it for"), r.out);
    BOOST_TEST(r.says("its last reader, pid " + std::to_string(reader.pid())), r.out);
    BOOST_TEST(r.says("is stopped (T)"), r.out);
    BOOST_TEST(r.says("kill -CONT " + std::to_string(reader.pid())), r.out);
    BOOST_TEST(run_tool({"stat", name}).says("4 of 4"));
}

BOOST_AUTO_TEST_CASE(a_reader_that_has_left_is_told_from_one_that_does_something_else) {
    {
        const child reader = reader_that([] {});
        fill_pipe();
        BOOST_TEST(why().says("is alive and does something else"));
    }
    BOOST_TEST(run_tool({"gc", name}).code == 0);
    BOOST_TEST(why().says("has left the pool"), why().out);
}

BOOST_AUTO_TEST_CASE(a_reader_that_waits_at_another_full_pipe_is_named_with_it) {
    const child reader = reader_that([this] {
        ServerSide next(name, "next", 1);
        next.start();
        for (;;) next.pipe().enq(1);
    });
    fill_pipe();
    BOOST_TEST(eventually([this] { return why().says("itself waits for room in next"); }));
}

BOOST_AUTO_TEST_CASE(a_full_pipe_that_nobody_ever_read_says_who_has_it_open) {
    fill_pipe();
    const tool_result r = why();
    BOOST_TEST(r.says("nobody has ever read it"), r.out);
    BOOST_TEST(r.says("nobody reads it: it is open only in pid " + std::to_string(getpid())),
               r.out);
}

BOOST_AUTO_TEST_CASE(an_empty_pipe_with_a_waiting_reader_says_so) {
    const child reader([this] {
        ClientSide client(name, "pipe2");
        client.start();
        client.pipe().deq();
        return 0;
    });
    BOOST_TEST(eventually([this] { return why().says("pipe2 is empty"); }));
    const tool_result r = why();
    BOOST_TEST(r.says("nobody has ever written to it"), r.out);
    BOOST_TEST(r.says("waits for a packet"), r.out);
}

BOOST_AUTO_TEST_CASE(a_full_pipe_that_only_its_stopped_writer_has_open_says_that_nobody_reads_it) {
    // The server of this test has the pipe open, so the pipe is another one.
    const child writer([this] {
        ServerSide mine(name, "mine", 2);
        mine.start();
        for (;;) mine.pipe().enq(1);
        return 0;
    });
    const std::string pid = std::to_string(writer.pid());
    const auto why_mine = [this] { return run_tool({"why", name, "mine", "--after", "0"}); };
    BOOST_REQUIRE(eventually([&] { return why_mine().says("waits for room"); }));
    writer.signal(SIGSTOP);
    BOOST_REQUIRE(eventually([&] { return state_of(writer.pid()) == "T"; }));
    const tool_result r = why_mine();
    BOOST_TEST(r.says("mine is full (2 of 2)"), r.out);
    BOOST_TEST(r.says("nobody reads it: it is open only in pid " + pid), r.out);
    BOOST_TEST(r.says("which writes to it and is stopped (T)"), r.out);
    BOOST_TEST(r.says("try: start its reader; `valpool get"), r.out);
    BOOST_TEST(!r.says("kill -CONT"), r.out);
}

BOOST_AUTO_TEST_CASE(an_empty_pipe_that_only_its_stopped_reader_has_open_says_that_nobody_writes) {
    const child reader([this] {
        ServerSide mine(name, "mine", 2);
        mine.start();
        mine.pipe().deq();
        return 0;
    });
    const auto why_mine = [this] { return run_tool({"why", name, "mine", "--after", "0"}); };
    BOOST_REQUIRE(eventually([&] { return why_mine().says("waits for a packet"); }));
    reader.signal(SIGSTOP);
    BOOST_REQUIRE(eventually([&] { return state_of(reader.pid()) == "T"; }));
    const tool_result r = why_mine();
    BOOST_TEST(r.says("nobody writes to it: it is open only in pid"), r.out);
    BOOST_TEST(r.says("try: start its writer; `valpool put"), r.out);
    BOOST_TEST(!r.says("kill -CONT"), r.out);
}

BOOST_AUTO_TEST_CASE(a_reader_that_waits_for_room_in_the_pipe_it_should_read_is_no_reader) {
    // It has read once, and fills the pipe now.
    const child both([this] {
        ServerSide mine(name, "mine", 2);
        mine.start();
        mine.pipe().enq(1);
        mine.pipe().deq();
        for (;;) mine.pipe().enq(1);
        return 0;
    });
    const auto why_mine = [this] { return run_tool({"why", name, "mine", "--after", "0"}); };
    BOOST_TEST(eventually([&] { return why_mine().says("waits for room there itself"); }));
    BOOST_TEST(why_mine().says("try: start its reader"), why_mine().out);
}

BOOST_AUTO_TEST_CASE(where_the_last_reader_has_left_those_that_may_read_are_named) {
    {
        const child reader = reader_that([] {});
        fill_pipe();
    }
    BOOST_TEST(run_tool({"gc", name}).code == 0);
    const phases is_open;
    const child next([&] {
        ClientSide client(name, "pipe2");
        client.start();
        client.pipe();
        is_open.reach(1);
        raise(SIGSTOP);
        return 0;
    });
    BOOST_REQUIRE(is_open.is_reached(1));
    BOOST_REQUIRE(eventually([&] { return state_of(next.pid()) == "T"; }));
    const tool_result r = why();
    BOOST_TEST(r.says("has left the pool; it is open in pid " + std::to_string(next.pid())), r.out);
    BOOST_TEST(r.says("kill -CONT " + std::to_string(next.pid())), r.out);
}

BOOST_AUTO_TEST_CASE(a_stopped_process_that_nobody_waits_for_is_told_as_well) {
    const child reader = reader_that([] { raise(SIGSTOP); });
    BOOST_REQUIRE(eventually([&] { return state_of(reader.pid()) == "T"; }));
    const tool_result r = run_tool({"why", name, "--json"});
    const Val found = from_json(r.out)("findings");
    BOOST_REQUIRE(found.length() == 1u);
    BOOST_TEST(found[0]("kind") == "process_stopped");
    BOOST_TEST(found[0]("pids")[0] == reader.pid());
}

BOOST_AUTO_TEST_CASE(for_how_long_a_process_has_held_what_it_holds_is_known_to_who_looks_twice) {
    const phases filled;
    const child holder([&] {
        ClientSide client(name, "pipe2");
        client.start();
        std::vector<Val> held;
        try {
            for (;;) held.push_back(Shared(client.pool(), Tab{{"t", std::string(50000, 'x')}}));
        } catch (const PoolExhausted&) {
        }
        filled.reach(1);
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(filled.is_reached(1));
    const tool_result r = run_tool({"why", name, "--watch", "0.5"});
    BOOST_TEST(r.says("boxes for 0.5 s or longer"), r.out);
    BOOST_TEST(!run_tool({"why", name, "--watch", "0"}).says("or longer"));
    running_tool top({"top", name, "--json", "--interval", "0.2", "-n", "3"});
    const std::string lines = top.wait().out;
    const Val last = from_json(lines.substr(lines.rfind('\n', lines.size() - 2) + 1));
    bool is_seen = false;
    for (It it(last("processes")); it();) {
        const Val p = it.value();
        if (p("pid") != holder.pid()) continue;
        is_seen = true;
        BOOST_TEST(static_cast<double>(p("held_for_s")) >= 0.4);
        BOOST_TEST(p("held_for_is_least") == true);
    }
    BOOST_TEST(is_seen);
}

BOOST_AUTO_TEST_CASE(who_holds_most_of_a_full_pool_is_named) {
    const phases filled;
    const child holder([&] {
        ClientSide client(name, "pipe2");
        client.start();
        std::vector<Val> held;
        try {
            for (;;) held.push_back(Shared(client.pool(), Tab{{"t", std::string(50000, 'x')}}));
        } catch (const PoolExhausted&) {
        }
        filled.reach(1);
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(filled.is_reached(1));
    const tool_result r = why();
    BOOST_TEST(r.code == 4);
    BOOST_TEST(r.says("the pool is full"), r.out);
    BOOST_TEST(r.says("pid " + std::to_string(holder.pid())), r.out);
    BOOST_TEST(r.says("boxes"), r.out);
}

BOOST_AUTO_TEST_CASE(a_killed_process_is_told_with_what_it_held_and_gc_takes_it_back) {
    child reader = reader_that([] {});
    const int pid = reader.pid();
    reader.kill_and_wait();
    const tool_result r = why();
    BOOST_TEST(r.says("pid " + std::to_string(pid) + " has died"), r.out);
    BOOST_TEST(r.says("valpool gc"), r.out);
    BOOST_TEST(run_tool({"stat", name}).says("dead"));
    const tool_result collected = run_tool({"gc", name});
    BOOST_TEST(collected.says("repaired after deaths"), collected.out);
    BOOST_TEST(!why().says("has died"));
    expect_sound();
}

BOOST_AUTO_TEST_CASE(children_that_hold_much_of_a_full_pool_are_told_from_their_parent) {
    std::vector<Val> held;
    try {
        for (;;) held.push_back(Shared(pool(), Tab{{"text", std::string(50000, 'x')}}));
    } catch (const PoolExhausted&) {
    }
    child idle([] {
        for (;;) pause();
        return 0;
    });
    held.clear();
    const std::string children = "forked children of pid " + std::to_string(getpid());
    BOOST_TEST(why().says(children + " hold "), why().out);
    BOOST_TEST(run_tool({"stat", name}).says("for children"));
    idle.kill_and_wait();
    const tool_result r = why();
    BOOST_TEST(r.says(children + " have ended"), r.out);
    BOOST_TEST(r.says("valpool gc"), r.out);
    BOOST_TEST(!r.says("has died"), r.out);
    BOOST_TEST(run_tool({"stat", name}).says("children ended"));
    BOOST_TEST(run_tool({"gc", name}).says("repaired after deaths"));
    BOOST_TEST(!why().says(children), why().out);
    expect_sound();
}

BOOST_AUTO_TEST_CASE(a_pool_in_which_all_moves_is_calm) {
    server.pipe().enq(1);
    server.pipe().deq();
    const tool_result r = run_tool({"why", name, "pipe2", "--after", "1000"});
    BOOST_TEST(r.code == 0);
    BOOST_TEST(r.says("nothing stands still"));
    BOOST_TEST(r.says("pipe2: 0 of 4"));
    BOOST_TEST(run_tool({"why", name, "no such pipe"}).complains("its pipes are: pipe2"));
}

BOOST_AUTO_TEST_CASE(a_pool_that_lost_its_main_says_who_it_was) {
    const pool_name other("tool_orphan");
    phases ready;
    child owner([&] {
        SHMMain mine(other, 100000);
        mine.start();
        ready.reach(1);
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(ready.is_reached(1));
    ServerSide user(other, "q", 1);
    user.start();
    const int pid = owner.pid();
    owner.kill_and_wait();
    const tool_result r = run_tool({"why", other});
    BOOST_TEST(r.says("nobody has the pool's main"), r.out);
    BOOST_TEST(r.says(std::to_string(pid)), r.out);
}

BOOST_AUTO_TEST_SUITE_END()
