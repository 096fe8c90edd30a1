#include "support/started_pool.hpp"
#include "support/tool.hpp"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

/// `valpool bridge`: over ZeroMQ, from a file, and what it refuses.

using namespace valpool;
using namespace valpool::test;

namespace {

struct two_pools {
    two_pools() : near("bridge_near"), far("bridge_far"), near_side(near.name, "lab", 64) {
        near_side.start();
    }

    /// A name that no other run uses.
    std::string endpoint() const { return "ipc:///tmp/" + std::string(near.name) + ".socket"; }
    running_tool way(const std::string& direction, const started_pool& pool) const {
        return running_tool({"bridge", direction, pool.name, "lab", "--zeromq", endpoint()});
    }
    void send(int first, int last) {
        for (int i = first; i <= last; ++i) near_side.pipe().enq(near.share(i));
    }
    void expect(int first, int last) {
        ClientSide side(far.name, "lab");
        side.start();
        for (int i = first; i <= last; ++i) {
            Val packet;
            BOOST_REQUIRE_MESSAGE(side.pipe().dequeue(20.0, packet), "packet " << i);
            BOOST_TEST(packet("i") == i);
        }
    }

    watchdog dog{200};
    started_pool near;
    started_pool far;
    ServerSide near_side;
};

/// A file that goes with the object.
class config {
public:
    explicit config(const std::string& text)
        : name_("/tmp/valpool_bridge_test_" + std::to_string(getpid()) + ".toml") {
        std::ofstream(name_) << text;
    }
    ~config() { std::remove(name_.c_str()); }
    config(const config&) = delete;
    config& operator=(const config&) = delete;
    const std::string& name() const { return name_; }

private:
    std::string name_;
};

void expect_refused(const std::string& text, const std::string& line, const std::string& why) {
    const config file(text);
    const tool_result r = run_tool({"bridge", "run", file.name()});
    BOOST_TEST(r.code == 1);
    BOOST_TEST(r.complains(file.name() + ":" + line + ": "), r.err);
    BOOST_TEST(r.complains(why), r.err);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bridge_over_zeromq, two_pools)

BOOST_AUTO_TEST_CASE(packets_cross_to_a_pipe_that_the_bridge_makes) {
    running_tool in = way("in", far);
    running_tool out = way("out", near);
    BOOST_TEST(in.has_complained("carries"));
    send(1, 50);
    expect(1, 50);
    out.signal(SIGTERM);
    in.signal(SIGINT);
    BOOST_TEST(out.wait().code == 128 + SIGTERM);
    BOOST_TEST(in.wait().code == 128 + SIGINT);
    near.expect_sound();
    far.expect_sound();
}

BOOST_AUTO_TEST_CASE(a_file_has_many_routes) {
    const config file("[[route]]\ndirection = \"out\"\npool = \"" + std::string(near.name) +
                      "\"\npipe = \"lab\"\nzeromq = \"" + endpoint() +
                      "\"\n\n[[route]]\ndirection = \"in\"\npool = \"" + std::string(far.name) +
                      "\"\npipe = \"lab\"\nzeromq = \"" + endpoint() + "\"\ncapacity = 100\n");
    running_tool both({"bridge", "run", file.name()});
    send(1, 20);
    expect(1, 20);
    both.signal(SIGTERM);
    BOOST_TEST(both.wait().code == 128 + SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_tap_sends_copies_and_leaves_the_packets) {
    running_tool in = way("in", far);
    running_tool out({"bridge", "out", near.name, "lab", "--zeromq", endpoint(), "--tap", "100"});
    BOOST_TEST(out.has_complained("carries"));
    // The tap is there once the route tells how it is.
    BOOST_TEST(eventually([&] { return run_tool({"stat", near.name, "--json"}).says("\"tap\""); }));
    send(1, 5);
    expect(1, 5);
    BOOST_TEST(near_side.pipe().length() == 5u);
}

BOOST_AUTO_TEST_CASE(a_second_bridge_takes_over_when_the_first_one_dies) {
    running_tool in = way("in", far);
    running_tool first = way("out", near);
    BOOST_TEST(first.has_complained("carries"));
    running_tool second = way("out", near);
    BOOST_TEST(second.has_complained("waits: process " + std::to_string(first.pid())));
    first.signal(SIGKILL);
    first.wait();
    BOOST_TEST(second.has_complained("carries"));
    send(1, 5);
    expect(1, 5);
}

BOOST_AUTO_TEST_CASE(a_bridge_waits_for_its_pool_and_goes_on_with_the_next_one) {
    const pool_name late("bridge_late");
    running_tool waiting({"bridge", "out", late, "lab", "--zeromq", endpoint() + "2"});
    BOOST_TEST(waiting.has_complained("waits for memory pool"));
    waiting.signal(SIGINT);
    BOOST_TEST(waiting.wait().code == 128 + SIGINT);
    running_tool in({"bridge", "in", late, "lab", "--zeromq", endpoint(), "--capacity", "64"});
    running_tool out = way("out", near);
    send(1, 3);
    for (int round = 0; round < 2; ++round) {
        SHMMain main(late, 1000000);
        main.start();
        ClientSide side(late, "lab");
        side.start();
        Val packet;
        BOOST_TEST(eventually([&] {
            send(7, 7);  // what is on its way when a pool ends is lost, over ZeroMQ
            return side.pipe().dequeue(0.2, packet);
        }));
    }
}

BOOST_AUTO_TEST_CASE(stat_top_and_why_show_routes_and_not_their_pipes) {
    running_tool in = way("in", far);
    running_tool out = way("out", near);
    send(1, 10);
    expect(1, 10);
    BOOST_TEST(eventually([&] {
        const tool_result r = run_tool({"stat", near.name, "--json"});
        return r.says("\"routes\":[{") && r.says("\"packets\":10") &&
               !r.says("\"name\":\"valpool.bridge");
    }));
    BOOST_TEST(run_tool({"stat", far.name}).says("lab <- ipc:"));
    BOOST_TEST(run_tool({"top", near.name, "--count", "1"}).code == 0);
    // The far pipe's reader is slow.
    send(11, 200);
    BOOST_TEST(eventually([&] {
        return run_tool({"why", far.name, "--after", "0.1"})
            .says("has waited for room in pipe lab");
    }));
    BOOST_TEST(run_tool({"why", far.name}).out.find("valpool.bridge") == std::string::npos);
    in.signal(SIGKILL);
    BOOST_TEST(eventually([&] {
        near_side.pipe().try_enqueue(near.share(201));
        return run_tool({"why", near.name, "--after", "0.3"}).says("confirmed for");
    }));
}

BOOST_AUTO_TEST_CASE(a_route_tells_how_it_is_in_a_pipe_that_goes_with_it) {
    running_tool in = way("in", far);
    running_tool out = way("out", near);
    send(1, 10);
    expect(1, 10);
    BOOST_TEST(eventually([&] {
        return run_tool({"peek", near.name, "valpool.bridge/out/lab"}).says("'acknowledged': 10");
    }));
    out.signal(SIGKILL);
    out.wait();
    BOOST_TEST(eventually([&] {
        near.pool()->isPristine();
        return run_tool({"peek", near.name, "valpool.bridge/out/lab"}).code != 0;
    }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(bridge_refuses)

BOOST_AUTO_TEST_CASE(two_routes_of_a_file_that_would_be_in_each_others_way) {
    const auto route = [](const std::string& way, const std::string& pipe,
                          const std::string& over) {
        return "[[route]]\ndirection = \"" + way + "\"\npool = \"a\"\npipe = \"" + pipe + "\"\n" +
               over + "\n";
    };
    const std::string broker = "[nats]\nurl = \"nats://h\"\n";
    const std::string one = "zeromq = \"tcp://h:1\"";
    const std::string other = "zeromq = \"tcp://h:2\"";
    const std::string tap = "\ntap = 5";
    expect_refused(route("out", "b", one) + route("out", "b", one), "6", "the same route");
    expect_refused(route("in", "b", one) + route("in", "b", one), "6", "the same route");
    expect_refused(route("out", "b", one + tap) + route("out", "b", one + tap), "7",
                   "the same route");
    expect_refused(route("out", "b", one) + route("out", "b", other), "6", "by one route");
    for (const char* const way : {"in", "out"})
        expect_refused(
            broker + route(way, "b", "subject = \"s\"") + route(way, "c", "subject = \"s\""), "8",
            "a subject belongs to one route");
    // These may stand together: what is wrong is the last one.
    expect_refused(route("out", "b", one) + route("in", "b", one) + route("out", "b", other + tap) +
                       route("in", "b", other) + "[[route]]\n",
                   "22", "\"direction\" is missing");
}

BOOST_AUTO_TEST_CASE(command_lines_that_make_no_sense) {
    const auto complaint = [](std::vector<std::string> words) {
        words.insert(words.begin(), "bridge");
        const tool_result r = run_tool(words);
        BOOST_TEST(r.code == 2, r.err);
        return r.err;
    };
    const auto says = [](const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    };
    BOOST_TEST(says(complaint({"out", "p", "q"}), "--nats URL --subject"));
    BOOST_TEST(says(complaint({"out", "p", "q", "--nats", "nats://h", "--subject", "a", "--zeromq",
                               "tcp://h:1"}),
                    "or over"));
    BOOST_TEST(says(complaint({"out", "p", "q", "--nats", "http://h", "--subject", "a"}),
                    "no address of a broker"));
    BOOST_TEST(says(complaint({"out", "p", "q", "--nats", "nats://me:secret@h", "--subject", "a"}),
                    "does not belong"));
    for (const char* const url : {"nats://", "nats://h:", "nats://h:0", "nats://h:99999",
                                  "nats://h:x", "nats://h h", "nats://h/x"})
        BOOST_TEST(says(complaint({"out", "p", "q", "--nats", url, "--subject", "a"}),
                        "no address of a broker"));
    BOOST_TEST(says(complaint({"out", "p", "q", "--nats", "nats://h/?token=x", "--subject", "a"}),
                    "does not belong"));
    for (const char* const subject :
         {"a b", "a..b", ".a", "a.*", "a.>", "$JS.a", "_INBOX.a", "a\n"})
        BOOST_TEST(says(complaint({"out", "p", "q", "--nats", "nats://h", "--subject", subject}),
                        "is no subject"));
    BOOST_TEST(says(complaint({"in", "p", "q", "--zeromq", "udp://h:1"}), "is no endpoint"));
    BOOST_TEST(says(complaint({"in", "p", "q", "--zeromq", "tcp://h:1", "--when-full", "x"}),
                    "--when-full is"));
    BOOST_TEST(says(complaint({"in", "a/b", "q", "--zeromq", "tcp://h:1"}), "a/b"));
    BOOST_TEST(says(complaint({"out", "p", "q", "--zeromq", "tcp://h:1", "--tap", "0"}), "--tap"));
    BOOST_TEST(says(complaint({"out", "p", "q", "--nats", "nats://h", "--subject", "a",
                               "--credentials", "/no/such/file"}),
                    "there is no file"));
}

BOOST_AUTO_TEST_CASE(a_file_of_secrets_that_others_can_read) {
    const config secrets("secret");
    const std::vector<std::string> words = {
        "bridge", "out",           "p",           "q", "--nats", "nats://127.0.0.1:1", "--subject",
        "a",      "--credentials", secrets.name()};
    const tool_result r = run_tool(words);
    BOOST_TEST(r.code == 2);
    BOOST_TEST(r.complains("chmod 600"), r.err);
}

BOOST_AUTO_TEST_CASE(files_that_make_no_sense_with_their_line) {
    const std::string route = "[[route]]\ndirection = \"out\"\npool = \"a\"\npipe = \"b\"\n";
    expect_refused("x = [", "1", "");
    expect_refused("[[route]]\n", "1", "\"direction\" is missing");
    expect_refused("\n[nat]\n", "2", "there is no \"nat\"");
    expect_refused("[nats]\nurl = 5\n" + route, "2", "\"url\" is a text");
    expect_refused("[nats]\nurl = \"nats://h\"\nsecret = \"s\"\n", "3", "there is no \"secret\"");
    expect_refused("[nats]\nurl = \"nats://h\"\n", "1", "needs routes");
    expect_refused(route + "subject = \"s\"\n", "1", "needs a broker");
    expect_refused(route, "1", "either a \"subject\"");
    expect_refused(route + "zeromq = \"tcp://h:1\"\nwindow = 0\n", "6", "a whole number from 1");
    const std::string in = "[[route]]\ndirection = \"in\"\npool = \"a\"\npipe = \"c\"\n";
    expect_refused(in + "zeromq = \"tcp://h:1\"\nwhen_full = \"never\"\n", "6", "\"wait\"");
    expect_refused("[[route]]\ndirection = \"up\"\npool = \"a\"\npipe = \"b\"\n", "2", "\"in\" or");
    expect_refused(route + "zeromq = \"h\"\n", "1", "is no endpoint");
    expect_refused(route + "zeromq = \"tcp://h:1\"\ntap = 0\n", "6", "a whole number from 1");
    const std::string endpoint = "zeromq = \"tcp://h:1\"\n";
    for (const char* const key : {"capacity = 5", "when_full = \"wait\"", "most_packet_bytes = 5"})
        expect_refused(route + endpoint + key + "\n", "6", "is for routes \"in\"");
    for (const char* const key : {"tap = 5", "window = 5"})
        expect_refused(in + endpoint + key + "\n", "6", "is for routes \"out\"");
    for (const char* const key : {"stream = \"s\"", "most_messages = 5", "most_bytes = 5",
                                  "replicas = 1", "in_memory = true"})
        expect_refused(route + endpoint + key + "\n", "6", "is for routes over a broker");
    const tool_result r = run_tool({"bridge", "run", "/no/such/file.toml"});
    BOOST_TEST(r.code == 1);
    BOOST_TEST(r.complains("/no/such/file.toml"), r.err);
}

BOOST_AUTO_TEST_SUITE_END()
