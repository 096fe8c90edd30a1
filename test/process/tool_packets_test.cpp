#include "support/started_pool.hpp"
#include "support/tool.hpp"

#include <csignal>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

/// What `valpool` does with packets, pipes and pools: put, get, peek, echo, pipe, main, rm, clean.

using namespace valpool;
using namespace valpool::test;

namespace {

struct served : started_pool {
    served() : started_pool("tool"), server(name, "q", 8) { server.start(); }

    tool_result put(const std::string& json) { return run_tool({"put", name, "q", json}); }

    watchdog dog{300};
    ServerSide server;
};

bool exists(const pool_name& name) { return access(name.path().c_str(), F_OK) == 0; }

}  // namespace

BOOST_AUTO_TEST_SUITE(tool_alone)

BOOST_AUTO_TEST_CASE(a_packet_goes_through_a_pool_that_shells_alone_have_made) {
    const watchdog dog(120);
    const pool_name name("tool_alone");
    running_tool main({"main", name, "4000000"});
    BOOST_TEST(run_tool({"put", name, "q", "-"}, "{\"a\":[1,2.5,\"x\"]}\n").code == 0);
    BOOST_TEST(run_tool({"peek", name, "q"}).out == "{'a': [1, 2.5, 'x']}\n");
    BOOST_TEST(run_tool({"get", name, "q", "-n", "1"}).out == "{\"a\":[1,2.5,\"x\"]}\n");
    main.signal(SIGTERM);
    BOOST_TEST(main.wait().code == 0);
    BOOST_TEST(!exists(name));
}

BOOST_AUTO_TEST_CASE(whoever_waits_for_a_pool_that_never_comes_gives_up_in_time) {
    const pool_name name("tool_never");
    const tool_result r = run_tool({"put", name, "q", "1", "--timeout", "0.2"});
    BOOST_TEST(r.code == 3);
    BOOST_TEST(r.complains("there was no memory pool"), r.err);
    BOOST_TEST(run_tool({"get", name, "q", "-n", "1", "--timeout", "0.2"}).code == 3);
}

BOOST_AUTO_TEST_CASE(a_wait_for_a_pool_ends_by_a_signal) {
    const watchdog dog(60);
    const pool_name name("tool_signal");
    for (const int signal : {SIGINT, SIGTERM}) {
        running_tool put({"put", name, "q", "1"});
        BOOST_TEST(put.has_complained("waiting for memory pool"));
        put.signal(signal);
        BOOST_TEST(put.wait().code == 128 + signal);
    }
}

BOOST_AUTO_TEST_CASE(a_kept_pool_stays_and_rm_removes_it) {
    const watchdog dog(60);
    const pool_name name("tool_kept");
    running_tool main({"main", name, "100k", "--keep"});
    BOOST_TEST(main.has_complained("it stays"));
    BOOST_TEST(run_tool({"rm", name}).complains("is in use"));
    main.signal(SIGINT);
    BOOST_TEST(main.wait().code == 0);
    BOOST_TEST(exists(name));
    BOOST_TEST(run_tool({"ls"}).says("kept"));
    BOOST_TEST(!run_tool({"clean"}).says(name));
    BOOST_TEST(run_tool({"rm", name}).says("removed"));
    BOOST_TEST(!exists(name));
}

BOOST_AUTO_TEST_CASE(what_a_killed_main_leaves_is_listed_and_removed_only_when_told) {
    const watchdog dog(60);
    const pool_name name("tool_left");
    running_tool main({"main", name, "100k"});
    BOOST_TEST(main.has_complained("it goes"));
    BOOST_TEST(run_tool({"pipe", "make", name, "pipe2", "4"}).code == 0);
    running_tool reader({"get", name, "pipe2", "-n", "1"});
    BOOST_TEST(eventually([&] { return run_tool({"stat", name}).says("1 r"); }));
    reader.signal(SIGKILL);
    main.signal(SIGKILL);
    BOOST_TEST(reader.wait().code == -SIGKILL);
    BOOST_TEST(main.wait().code == -SIGKILL);
    const tool_result why = run_tool({"why", name, "--after", "0"});
    BOOST_TEST(why.says("left over"), why.out);
    // Nobody waits there any more, and nobody could clean up.
    BOOST_TEST(!why.says("waits"), why.out);
    BOOST_TEST(!why.says("valpool gc"), why.out);
    BOOST_TEST(!run_tool({"stat", name}).says("valpool gc"));
    BOOST_TEST(run_tool({"clean"}).says(name));
    BOOST_TEST(exists(name));
    BOOST_TEST(run_tool({"clean", "--yes", name}).says("removed"));
    BOOST_TEST(!exists(name));
}

BOOST_AUTO_TEST_CASE(a_main_restores_the_name_that_others_remove) {
    const watchdog dog(60);
    const pool_name name("tool_name");
    running_tool main({"main", name, "100k"});
    BOOST_TEST(main.has_complained("it goes"));
    unlink(name.path().c_str());
    BOOST_TEST(main.has_complained("restored"));
    BOOST_TEST(exists(name));
    main.signal(SIGTERM);
    BOOST_TEST(main.wait().code == 0);
}

BOOST_AUTO_TEST_CASE(a_link_that_stood_in_for_a_name_is_listed_when_its_main_was_killed) {
    const watchdog dog(60);
    const pool_name name("tool_link"), foreign("tool_foreign_link");
    running_tool main({"main", name, "100k"});
    BOOST_TEST(main.has_complained("it goes"));
    unlink(name.path().c_str());
    BOOST_TEST(main.has_complained("restored"));
    struct stat its {};
    BOOST_REQUIRE(lstat(name.path().c_str(), &its) == 0);
    if (!S_ISLNK(its.st_mode)) return;  // this system gives a file its name back
    BOOST_TEST(!run_tool({"clean"}).says(name));
    main.signal(SIGKILL);
    main.wait();
    // Another link that leads nowhere is somebody else's.
    BOOST_REQUIRE(symlink("/proc/nowhere/fd/1", foreign.path().c_str()) == 0);
    const tool_result r = run_tool({"clean"});
    BOOST_TEST(r.says("link " + name.path() + ": to a pool of a process that has ended"), r.out);
    BOOST_TEST(!r.says(foreign), r.out);
    BOOST_TEST(run_tool({"clean", "--yes", name}).says("removed"));
    BOOST_TEST(lstat(name.path().c_str(), &its) != 0);
    BOOST_TEST(lstat(foreign.path().c_str(), &its) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_no_json_is_told_with_its_line) {
    const watchdog dog(60);
    const pool_name name("tool_json");
    running_tool main({"main", name, "100k"});
    BOOST_TEST(main.has_complained("it goes"));
    const tool_result r = run_tool({"put", name, "q", "-"}, "1\n\n{\"a\": tru}\n2\n");
    BOOST_TEST(r.code == 1);
    BOOST_TEST(r.complains("line 3, column 7: expected a value"), r.err);
    BOOST_TEST(r.complains("{\"a\": tru}"), r.err);
    BOOST_TEST(run_tool({"get", name, "q"}).out == "1\n");
    BOOST_TEST(run_tool({"put", name, "q", "word"}).complains("text needs its quotes"));
}

BOOST_AUTO_TEST_CASE(a_size_that_is_none_is_refused) {
    for (const char* size : {"", "0", "-5", "many", "5X", "1e99"})
        BOOST_TEST(run_tool({"main", "tool_size", size}).code == 2, size);
}

BOOST_AUTO_TEST_CASE(a_command_line_without_sense_has_its_own_exit_code) {
    const std::vector<std::vector<std::string>> lines{{},
                                                      {"no_such_command"},
                                                      {"stat"},
                                                      {"get", "p"},
                                                      {"get", "p", "q", "-n", "0"},
                                                      {"get", "p", "q", "-n", "1", "--follow"},
                                                      {"get", "p", "q", "--timeout", "-1"},
                                                      {"echo", "p", "q", "--every", "0"},
                                                      {"pipe"},
                                                      {"pipe", "make", "p", "q", "0"}};
    for (const auto& words : lines) {
        const tool_result r = run_tool(words);
        BOOST_TEST(r.code == 2, (words.empty() ? "nothing" : words[0]) << ": " << r.err);
        BOOST_TEST(r.complains("--help"), r.err);
    }
    BOOST_TEST(run_tool({"sta"}).complains("there is no command 'sta'; did you mean 'stat'?"));
    BOOST_TEST(run_tool({"pipe", "mak"}).complains("did you mean 'pipe make'?"));
    BOOST_TEST(run_tool({"--help"}).says("Exit codes"));
    BOOST_TEST(run_tool({"get", "--help"}).says("--ack"));
    BOOST_TEST(run_tool({"--version"}).says("valpool"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(tool_packets, served)

BOOST_AUTO_TEST_CASE(each_line_of_the_input_is_a_packet) {
    BOOST_TEST(run_tool({"put", name, "q", "-"}, "1\n\n[2]\n\"three\"\nnull\n").code == 0);
    BOOST_TEST(server.pipe().deq() == Val(1));
    BOOST_TEST(server.pipe().deq() == Val(Arr{2}));
    BOOST_TEST(server.pipe().deq() == Val("three"));
    BOOST_TEST(server.pipe().deq().isNone());
}

BOOST_AUTO_TEST_CASE(a_line_that_is_no_json_is_refused_with_its_number) {
    const tool_result r = run_tool({"put", name, "q", "-"}, "1\n{2\n3\n");
    BOOST_TEST(r.code == 1);
    BOOST_TEST(r.complains("line 2"), r.err);
    BOOST_TEST(server.pipe().length() == 1u);
    BOOST_TEST(put("text without quotes").complains("needs its quotes"));
}

BOOST_AUTO_TEST_CASE(a_pipe_without_room_times_out_or_drops_as_it_is_told) {
    while (server.pipe().try_enqueue(0)) {
    }
    const tool_result r = run_tool({"put", name, "q", "1", "--timeout", "0.1"});
    BOOST_TEST(r.code == 3);
    BOOST_TEST(r.complains("valpool why"), r.err);
    BOOST_TEST(run_tool({"put", name, "q", "5", "--drop-newest"}).code == 0);
    BOOST_TEST(run_tool({"put", name, "q", "7", "--drop-oldest"}).code == 0);
    std::vector<Val> all;
    server.pipe().dequeue_many(all, 99, 0.0);
    BOOST_TEST(all.size() == 8u);
    BOOST_TEST(all.back() == Val(7));
}

BOOST_AUTO_TEST_CASE(a_put_that_waits_for_room_ends_by_a_signal_and_puts_nothing) {
    while (server.pipe().try_enqueue(0)) {
    }
    running_tool put({"put", name, "q", "1"});
    BOOST_TEST(eventually([this] {
        const auto pipes = Monitor(name).pipes();
        return pipes.front().waiting_writers.size() == 1;
    }));
    put.signal(SIGINT);
    BOOST_TEST(put.wait().code == 130);
    BOOST_TEST(server.pipe().length() == 8u);
}

BOOST_AUTO_TEST_CASE(get_takes_what_is_there_and_does_not_wait) {
    server.pipe().enq(1);
    server.pipe().enq(Tab{{"b", None}});
    const tool_result r = run_tool({"get", name, "q"});
    BOOST_TEST(r.out == "1\n{\"b\":null}\n");
    BOOST_TEST(run_tool({"get", name, "q"}).complains("no packet waits"));
    BOOST_TEST(run_tool({"get", name, "other"}).complains("its pipes are: q"));
}

BOOST_AUTO_TEST_CASE(get_follows_until_the_pool_is_retired) {
    running_tool get({"get", name, "q", "--follow"});
    server.pipe().enq("a");
    BOOST_TEST(get.has_said("\"a\"\n"));
    server.pipe().enq("b");
    BOOST_TEST(get.has_said("\"b\"\n"));
    get.signal(SIGINT);
    BOOST_TEST(get.wait().code == 130);
}

BOOST_AUTO_TEST_CASE(get_gives_up_when_nothing_comes) {
    const tool_result r = run_tool({"get", name, "q", "-n", "2", "--timeout", "0.1"});
    BOOST_TEST(r.code == 3);
    BOOST_TEST(r.complains("no packet came"));
}

BOOST_AUTO_TEST_CASE(a_packet_whose_line_was_not_written_stays_with_ack) {
    running_tool get({"get", name, "q", "--follow", "--ack"});
    server.pipe().enq("first");
    BOOST_TEST(get.has_said("first"));
    get.close_output();
    server.pipe().enq("second");
    BOOST_TEST(get.wait().code == 0);
    BOOST_TEST(server.pipe().deq() == Val("second"));
}

BOOST_AUTO_TEST_CASE(an_output_that_nobody_reads_takes_no_packet) {
    running_tool get({"get", name, "q", "--follow"});
    server.pipe().enq("first");
    BOOST_TEST(get.has_said("first"));
    get.close_output();
    BOOST_TEST(get.wait().code == 0);
    server.pipe().enq("second");
    BOOST_TEST(server.pipe().length() == 1u);
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf8_goes_both_ways) {
    const std::string bytes("\xff\x00 abc", 6);
    server.pipe().enq(Tab{{"raw", bytes}, {"text", "\xc3\xa4"}});
    const std::string line = run_tool({"get", name, "q"}).out;
    BOOST_TEST(line == "{\"raw\":{\"$base64\":\"/wAgYWJj\"},\"text\":\"\xc3\xa4\"}\n");
    BOOST_TEST(run_tool({"put", name, "q", "-"}, line).code == 0);
    const Val back = server.pipe().deq();
    BOOST_TEST(back("raw") == Val(bytes));
}

BOOST_AUTO_TEST_CASE(a_packet_that_json_cannot_say_is_not_lost) {
    Tab twice;
    twice[1] = "a";
    twice["1"] = "b";
    server.pipe().enq(twice);
    const tool_result r = run_tool({"get", name, "q"});
    BOOST_TEST(r.code == 1);
    BOOST_TEST(r.complains("{1: 'a', '1': 'b'}"), r.err);
    server.pipe().enq(twice);
    BOOST_TEST(run_tool({"get", name, "q", "--ack"}).code == 1);
    BOOST_TEST(server.pipe().length() == 1u);
    BOOST_TEST(run_tool({"get", name, "q", "--text"}).out == "{1: 'a', '1': 'b'}\n");
}

BOOST_AUTO_TEST_CASE(peek_takes_nothing_and_cuts_what_is_long) {
    server.pipe().enq(Array<int_4>(std::initializer_list<int_4>{1, 2, 3}));
    Arr many;
    for (int i = 0; i < 1000; ++i) many.append(i);
    server.pipe().enq(many);
    const tool_result r = run_tool({"peek", name, "q", "1"});
    BOOST_TEST(r.out == "array([1,2,3], 'i')\n");
    BOOST_TEST(r.complains("1 more waits behind them"), r.err);
    BOOST_TEST(run_tool({"peek", name, "q"}).says("... 900 more]"));
    BOOST_TEST(run_tool({"peek", name, "q", "--all"}).says("998, 999]"));
    BOOST_TEST(run_tool({"peek", name, "q", "--json"}).says("[1,2,3]\n"));
    BOOST_TEST(server.pipe().length() == 2u);
    BOOST_TEST(server.pipe().counters().packets_out == 0u);
}

BOOST_AUTO_TEST_CASE(echo_shows_what_passes_and_takes_nothing) {
    running_tool echo({"echo", name, "q", "-n", "2", "--field", "a.b[1]", "--every", "2"});
    BOOST_REQUIRE(eventually([this] { return Monitor(name).pipes().front().taps == 1; }));
    for (int i = 0; i < 4; ++i) server.pipe().enq(Tab{{"a", Tab{{"b", Arr{0, i}}}}});
    const tool_result r = echo.wait();
    BOOST_TEST(r.code == 0);
    BOOST_TEST(r.out == "0\n2\n");
    BOOST_TEST(r.complains("saw 3 packets, missed 0"), r.err);
    BOOST_TEST(server.pipe().length() == 4u);
}

BOOST_AUTO_TEST_CASE(echo_says_how_many_packets_lack_the_field) {
    running_tool echo({"echo", name, "q", "--field", "a"});
    BOOST_REQUIRE(eventually([this] { return Monitor(name).pipes().front().taps == 1; }));
    server.pipe().enq(Tab{{"b", 1}});
    server.pipe().enq(Tab{{"a", "there"}});
    BOOST_TEST(echo.has_said("'there'"));
    echo.signal(SIGINT);
    const tool_result r = echo.wait();
    BOOST_TEST(r.code == 130);
    BOOST_TEST(r.complains("1 had no field a"), r.err);
    BOOST_TEST(run_tool({"echo", name, "q", "--field", "a["}).code == 2);
}

BOOST_AUTO_TEST_CASE(echo_tells_rates) {
    running_tool echo({"echo", name, "q", "--rate", "-n", "1"});
    BOOST_REQUIRE(eventually([this] { return Monitor(name).pipes().front().taps == 1; }));
    server.pipe().enq(1);
    BOOST_TEST(echo.wait().says("packets/s, 1 seen, 0 missed"));
}

BOOST_AUTO_TEST_CASE(a_pipe_is_made_and_removed_and_one_in_use_is_not) {
    BOOST_TEST(run_tool({"pipe", "make", name, "r", "3"}).says("room for 3 packets"));
    BOOST_TEST(Monitor(name).pipes().size() == 2u);
    BOOST_TEST(run_tool({"pipe", "make", name, "r", "4"}).code == 1);
    BOOST_TEST(run_tool({"pipe", "rm", name, "r"}).says("removed"));
    BOOST_TEST(Monitor(name).pipes().size() == 1u);
    BOOST_TEST(run_tool({"pipe", "rm", name, "q"}).complains("is open in"));
    server.pipe().enq(1);
    BOOST_TEST(run_tool({"pipe", "rm", name, "q"}).complains("1 packet waits in it"));
    BOOST_TEST(run_tool({"pipe", "rm", name, "nowhere"}).complains("its pipes are: q"));
}

BOOST_AUTO_TEST_CASE(what_lives_is_not_left_over) {
    BOOST_TEST(!run_tool({"clean"}).says(name.str() + ","));
    const tool_result r = run_tool({"rm", name});
    BOOST_TEST(r.code == 1);
    BOOST_TEST(r.complains("in use by the living processes " + std::to_string(getpid())), r.err);
}

BOOST_AUTO_TEST_SUITE_END()
