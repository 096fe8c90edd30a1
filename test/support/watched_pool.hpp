#pragma once

#include "support/started_pool.hpp"
#include "support/tool.hpp"

#include <fstream>
#include <functional>
#include <string>

#include <unistd.h>

namespace valpool::test {

/// A pool whose pipe a reader has read from once.
struct watched : started_pool {
    watched() : started_pool("tool"), server(name, "pipe2", 4) { server.start(); }

    /// A process that reads one packet and then does something.
    child reader_that(const std::function<void()>& then) {
        server.pipe().enq(1);
        child reader([this, then] {
            ClientSide client(name, "pipe2");
            client.start();
            client.pipe().deq();
            has_read.reach(1);
            then();
            for (;;) pause();
            return 0;
        });
        BOOST_REQUIRE(has_read.is_reached(1));
        return reader;
    }
    void fill_pipe() {
        while (server.pipe().try_enqueue(Tab{{"a", 1}})) {
        }
    }
    tool_result why() const { return run_tool({"why", name, "--after", "0"}); }

    watchdog dog{300};
    phases has_read;
    ServerSide server;
};

/// As in proc(5).
inline std::string state_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    return text.substr(text.rfind(')') + 2, 1);
}

}  // namespace valpool::test
