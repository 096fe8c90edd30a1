#include "support/started_pool.hpp"
#include "support/tool.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/// `valpool dashboard`, asked by clients of all kinds.

using namespace valpool;
using namespace valpool::test;

namespace {

/// A connection to the server. Everything that waits ends after ten seconds.
class client {
public:
    explicit client(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        is_connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    ~client() { close(fd_); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    bool is_connected() const { return is_connected_; }
    void send(const std::string& text) const {
        static_cast<void>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL));
    }
    /// Reads until it has come, or until the server closes.
    std::string read_until(const std::string& end) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (text_.find(end) == std::string::npos &&
               std::chrono::steady_clock::now() < deadline) {
            pollfd ready{fd_, POLLIN, 0};
            if (poll(&ready, 1, 100) <= 0) continue;
            char buffer[4096];
            const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
            if (count <= 0) break;
            text_.append(buffer, static_cast<std::size_t>(count));
        }
        return text_;
    }
    std::string read_all() { return read_until("\xff never comes"); }

private:
    int fd_;
    bool is_connected_ = false;
    std::string text_;
};

struct dashboard : started_pool {
    dashboard() : started_pool("dash"), server(name, "pipe2", 4), tool(arguments()) {
        server.start();
        BOOST_REQUIRE(tool->has_said("/\n"));
        const std::string said = tool->said();
        port = std::atoi(said.c_str() + said.rfind(':') + 1);
        BOOST_REQUIRE(port > 0);
    }
    static std::unique_ptr<running_tool> arguments() {
        return std::make_unique<running_tool>(std::vector<std::string>{"dashboard", "--port", "0"});
    }

    std::string get(const std::string& target, const std::string& more = "") const {
        client c(port);
        c.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more +
               "\r\n");
        return c.read_all();
    }
    std::string pool_path() const { return "/api/v1/pools/" + name.str(); }
    void fill_pipe() {
        while (server.pipe().try_enqueue(Tab{{"a", 1}, {"where", "here"}})) {
        }
    }
    bool still_answers() const { return get("/").find("200 OK") != std::string::npos; }

    watchdog dog{120};
    ServerSide server;
    std::unique_ptr<running_tool> tool;
    int port = 0;
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
std::string status_of(const std::string& response) { return response.substr(0, 12); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(tool_dashboard, dashboard)

BOOST_AUTO_TEST_CASE(the_page_and_its_parts_are_served_with_rules_for_browsers) {
    const std::string page = get("/");
    BOOST_TEST(has(page, "200 OK"));
    BOOST_TEST(has(page, "<title>valpool</title>"));
    BOOST_TEST(has(page, "Content-Security-Policy: default-src 'self'"));
    for (const char* const part :
         {"app.js", "plot.js", "graph.js", "packets.js", "json.js", "style.css", "icon.svg"}) {
        BOOST_TEST(has(page, part));
        BOOST_TEST(has(get(std::string("/") + part), "200 OK"), part);
    }
    BOOST_TEST(status_of(get("/../etc/passwd")) == "HTTP/1.1 404");
    BOOST_TEST(status_of(get("/%2e%2e%2fetc%2fpasswd")) == "HTTP/1.1 404");
}

BOOST_AUTO_TEST_CASE(a_full_pipe_and_what_waits_in_it_are_seen) {
    fill_pipe();
    const std::string pool = get(pool_path());
    BOOST_TEST(has(pool, "\"is_full\":true"));
    BOOST_TEST(has(pool, "pipe2 is full (4 of 4)"));
    const std::string packets = get(pool_path() + "/pipes/pipe2/packets?n=2");
    BOOST_TEST(has(packets,
                   "{\"waiting\":4,\"unreadable\":0,\"too_large\":0,\"packets\":[{\"a\":1,"
                   "\"where\":\"here\"},{\"a\":1,\"where\":\"here\"}]}"));
    BOOST_TEST(has(get("/metrics"),
                   "valpool_pipe_depth_packets{pool=\"" + name.str() + "\",pipe=\"pipe2\"} 4\n"));
}

BOOST_AUTO_TEST_CASE(pipes_whose_names_look_alike_are_told_apart_and_found) {
    const std::string byte = "a\xff", like_it = "a\\xff";
    ServerSide one(name, byte, 1), other(name, like_it, 2);
    one.start();
    other.start();
    const std::string metrics = get("/metrics");
    const std::string start = "valpool_pipe_capacity_packets{pool=\"" + name.str() + "\",pipe=";
    BOOST_TEST(has(metrics, start + "\"a\\\\xff\"} 1\n"), metrics);
    BOOST_TEST(has(metrics, start + "\"a\\\\\\\\xff\"} 2\n"), metrics);
    // As they are in the JSON, they are in an address.
    one.pipe().enq(1);
    BOOST_TEST(has(get(pool_path() + "/pipes/a%5Cxff/packets"), "\"waiting\":1"));
    BOOST_TEST(has(get(pool_path() + "/pipes/a%5C%5Cxff/packets"), "\"waiting\":0"));
}

BOOST_AUTO_TEST_CASE(taps_are_listed_and_how_long_something_has_been_held) {
    const Tap tap(name, "pipe2", 8);
    const Val held = Shared(pool(), Tab{{"t", std::string(1000, 'x')}});
    BOOST_TEST(has(get(pool_path()), "\"taps\":[{\"pipe\":\"pipe2\""));
    // It came after the first look, or before it.
    BOOST_TEST(eventually([&] {
        const std::string seen = get(pool_path());
        return has(seen, "\"held_for_is_least\":true") || has(seen, "\"held_for_is_least\":false");
    }));
    BOOST_TEST(has(get("/"), "id=\"taps\""));
}

BOOST_AUTO_TEST_CASE(a_pool_whose_file_is_cut_ends_nothing_else) {
    const pool_name cut("dash_cut");
    std::ostringstream content;
    content << std::ifstream(name.path(), std::ios::binary).rdbuf();
    // Some of these looks meet the cut in the middle.
    for (int i = 0; i < 20; ++i) {
        std::ofstream(cut.path(), std::ios::binary) << content.str();
        client c(port);
        c.send("GET /api/v1/pools/" + cut.str() +
               " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        usleep(static_cast<unsigned>(i) * 100);
        BOOST_REQUIRE(truncate(cut.path().c_str(), i % 2 == 0 ? 0 : 8192) == 0);
        c.read_all();
    }
    BOOST_TEST(
        eventually([&] { return status_of(get("/api/v1/pools/" + cut.str())) == "HTTP/1.1 404"; }));
    BOOST_TEST(still_answers());
}

BOOST_AUTO_TEST_CASE(a_killed_process_is_seen_to_go) {
    phases has_read;
    fill_pipe();
    child reader([&] {
        ClientSide side(name, "pipe2");
        side.start();
        const Val held = side.pipe().deq();
        has_read.reach(1);
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(has_read.is_reached(1));
    const std::string its = "\"pid\":" + std::to_string(reader.pid());
    BOOST_TEST(has(get(pool_path()), its));
    reader.kill_and_wait();
    BOOST_TEST(eventually([&] {
        Val nothing;
        server.pipe().dequeue(0.11, nothing);
        return !has(get(pool_path()), its);
    }));
}

BOOST_AUTO_TEST_CASE(what_happens_comes_as_events) {
    client c(port);
    c.send("GET /api/v1/events?pool=" + name.str() + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    BOOST_TEST(has(c.read_until("\"depth_packets\":0"), "text/event-stream"));
    fill_pipe();
    BOOST_TEST(has(c.read_until("\"depth_packets\":4"), "\"depth_packets\":4"));
}

BOOST_AUTO_TEST_CASE(what_passes_comes_as_events_and_is_not_taken) {
    client c(port);
    c.send("GET " + pool_path() + "/pipes/pipe2/passing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    BOOST_TEST(has(c.read_until("nothing passes"), "nothing passes"));
    server.pipe().enq(Tab{{"number", 42}});
    BOOST_TEST(has(c.read_until("{\"number\":42}"), "event: packet\ndata: {\"number\":42}\n"));
    BOOST_TEST(server.pipe().deq()["number"] == 42);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_said) {
    BOOST_TEST(status_of(get("/api/v1/pools/none")) == "HTTP/1.1 404");
    BOOST_TEST(has(get("/api/v1/pools/none"), "there is no memory pool"));
    BOOST_TEST(status_of(get(pool_path() + "/pipes/none/packets")) == "HTTP/1.1 404");
    BOOST_TEST(has(get(pool_path() + "/pipes/none/packets"), "pipe2"));
    BOOST_TEST(status_of(get(pool_path() + "/pipes/none/passing")) == "HTTP/1.1 404");
    for (const char* const n : {"0", "-1", "x", "1x", "99999999999999999999"})
        BOOST_TEST(status_of(get(pool_path() + "/pipes/pipe2/packets?n=" + n)) == "HTTP/1.1 400",
                   n);
    for (const char* const where : {"/api", "/api/v1", "/api/v2/pools", "/nothing", "/metrics/x"})
        BOOST_TEST(status_of(get(where)) == "HTTP/1.1 404", where);
    BOOST_TEST(status_of(get("/%zz")) == "HTTP/1.1 400");
}

BOOST_AUTO_TEST_CASE(who_is_not_to_ask_is_refused) {
    BOOST_TEST(status_of(get("/", "Origin: http://evil.example\r\n")) == "HTTP/1.1 403");
    const auto asked = [&](const std::string& text) {
        client c(port);
        c.send(text);
        return status_of(c.read_until("\r\n\r\n"));
    };
    BOOST_TEST(asked("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n") == "HTTP/1.1 403");
    BOOST_TEST(asked("GET / HTTP/1.1\r\n\r\n") == "HTTP/1.1 400");
    BOOST_TEST(asked("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n") == "HTTP/1.1 405");
    // The host in the target is the one that counts.
    BOOST_TEST(asked("GET http://localhost:1/ HTTP/1.1\r\nHost: evil.example\r\n\r\n") ==
               "HTTP/1.1 200");
    BOOST_TEST(asked("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n") ==
               "HTTP/1.1 403");
    BOOST_TEST(asked("GET http://localhost/metrics HTTP/1.1\r\n\r\n") == "HTTP/1.1 400");
    for (const std::string& where :
         {std::string("/"), std::string("/api/v1/events"), pool_path() + "/pipes/pipe2/passing"})
        BOOST_TEST(asked("HEAD " + where + " HTTP/1.1\r\nHost: localhost\r\n\r\n") ==
                   "HTTP/1.1 200");
    BOOST_TEST(asked("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello") ==
               "HTTP/1.1 413");
    BOOST_TEST(asked("GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n") == "HTTP/1.1 413");
    BOOST_TEST(asked("GET /" + std::string(10000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n") ==
               "HTTP/1.1 431");
    BOOST_TEST(asked("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9000, 'a') +
                     "\r\n\r\n") == "HTTP/1.1 431");
    BOOST_TEST(asked(std::string("\x16\x03\x01\x00\xff garbage\r\n\r\n", 18)) == "HTTP/1.1 400");
    BOOST_TEST(still_answers());
}

BOOST_AUTO_TEST_CASE(clients_that_say_nothing_take_a_place_each_and_no_more) {
    std::vector<std::unique_ptr<client>> silent;
    for (int i = 0; i < 64; ++i) silent.push_back(std::make_unique<client>(port));
    BOOST_TEST(eventually([&] { return status_of(get("/")) == "HTTP/1.1 503"; }));
    silent.clear();
    BOOST_TEST(eventually([&] { return still_answers(); }));
}

BOOST_AUTO_TEST_CASE(clients_that_read_nothing_or_go_away_keep_nobody_waiting) {
    fill_pipe();
    std::vector<std::unique_ptr<client>> greedy;
    for (int i = 0; i < 20; ++i) {
        greedy.push_back(std::make_unique<client>(port));
        greedy.back()->send("GET /api/v1/events?pool=" + name.str() +
                            " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    for (int i = 0; i < 5; ++i) BOOST_TEST(still_answers());
    greedy.clear();
    for (int i = 0; i < 20; ++i) {
        client gone(port);
        gone.send("GET / HT");
    }
    BOOST_TEST(still_answers());
}

BOOST_AUTO_TEST_CASE(only_so_many_see_what_passes_at_once) {
    std::vector<std::unique_ptr<client>> viewers;
    const auto view = [&] {
        viewers.push_back(std::make_unique<client>(port));
        viewers.back()->send("GET " + pool_path() +
                             "/pipes/pipe2/passing HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return status_of(viewers.back()->read_until("\r\n\r\n"));
    };
    for (int i = 0; i < 4; ++i) BOOST_TEST(view() == "HTTP/1.1 200");
    BOOST_TEST(view() == "HTTP/1.1 503");
    viewers.clear();
    BOOST_TEST(eventually([&] { return view() == "HTTP/1.1 200"; }));
}

BOOST_AUTO_TEST_CASE(several_requests_go_over_one_connection) {
    client c(port);
    for (int i = 0; i < 3; ++i) {
        c.send("GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n");
        c.read_until("</svg>");
    }
    c.send("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    BOOST_TEST(has(c.read_until("404 Not Found"), "404 Not Found"));
}

BOOST_AUTO_TEST_CASE(who_lets_others_in_gets_a_token) {
    BOOST_TEST(run_tool({"dashboard", "--port", "0", "--listen", "0.0.0.0"}).code == 2);
    BOOST_TEST(run_tool({"dashboard", "--port", "0", "--token-file", "x"}).code == 2);
    running_tool remote({"dashboard", "--port", "0", "--allow-remote"});
    BOOST_REQUIRE(remote.has_said("\n"));
    const std::string said = remote.said();
    const std::size_t at = said.find("token=") + 6;
    const std::string token = said.substr(at, said.find('\n') - at);
    BOOST_TEST(token.size() == 32u);
    port = std::atoi(said.c_str() + said.rfind(':') + 1);
    BOOST_TEST(status_of(get("/")) == "HTTP/1.1 401");
    BOOST_TEST(status_of(get("/?token=" + std::string(32, '0'))) == "HTTP/1.1 401");
    BOOST_TEST(status_of(get("/", "Authorization: Bearer " + token + "\r\n")) == "HTTP/1.1 200");
    const std::string sent_on = get("/?token=" + token);
    BOOST_TEST(status_of(sent_on) == "HTTP/1.1 303");
    BOOST_TEST(has(sent_on, "Set-Cookie: valpool_token=" + token + "; HttpOnly; SameSite=Strict"));
    BOOST_TEST(status_of(get("/", "Cookie: valpool_token=" + token + "\r\n")) == "HTTP/1.1 200");
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_said_and_ctrl_c_ends_it) {
    const tool_result second = run_tool({"dashboard", "--port", std::to_string(port)});
    BOOST_TEST(second.code == 1);
    BOOST_TEST(second.complains("cannot listen at 127.0.0.1"));
    BOOST_TEST(second.complains("--port 0"));
    // Conversations of all kinds end with it.
    client silent(port);
    client viewer(port);
    viewer.send("GET " + pool_path() + "/pipes/pipe2/passing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    viewer.read_until("nothing passes");
    tool->signal(SIGINT);
    BOOST_TEST(tool->wait().code == 130);
}

BOOST_AUTO_TEST_SUITE_END()
