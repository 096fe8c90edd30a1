// Questions and answers: each client has a pipe of its own for replies, which goes with the client.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <iostream>
#include <string>

#include <unistd.h>

using namespace valpool;

namespace {

const char usage[] =
    "usage: request_reply_ex POOL ROLE [options]\n"
    "ROLE is serve, which makes the memory pool POOL and adds up what it is asked to, or ask, "
    "which\n"
    "asks for the sums of 0, 0 and 1, 0 to 2, and so on.\n"
    "  --requests N    end after N requests (default: serve until Ctrl-C; ask for 10 sums)\n"
    "  --timeout S     how long a client waits for a reply (default 5)\n"
    "example: request_reply_ex sums serve, and in another terminal: request_reply_ex sums ask\n";

struct settings {
    std::string pool, role;
    long long requests = -1;  // -1: the default
    double timeout_s = 5;
};

/// For one look whether a pipe is there.
bool at_once() { return true; }

/// Clients die, and their reply pipes with them: that must not stop the server.
void answer(const std::string& pool, const Val& request) {
    int_8 sum = 0;
    for (const Val& number : static_cast<const Arr&>(request("numbers"))) sum += int_8(number);
    ClientSide replies(pool, request("reply to"), false, nullptr, at_once);
    if (replies.start() != STARTED) return;
    Val reply = Shared(replies.pool(), Tab{{"id", request("id")}, {"sum", sum}});
    replies.pipe().enqueue(std::move(reply), 0.0);  // a client that does not read misses it
}

int serve(const settings& s) {
    SHMMain main(s.pool, 1000000, false, nullptr, was_interrupted);
    if (main.start() != STARTED) return exit_interrupted;
    ServerSide server(s.pool, "requests", 16, false, nullptr, was_interrupted);
    if (server.start() != STARTED) return exit_interrupted;
    long long served = 0;
    while (!was_interrupted() && served != s.requests) {
        // A lease: were this one of many servers and killed now, another one would answer.
        Lease request = server.pipe().lease(1.0);
        if (!request) continue;
        answer(s.pool, request.value());
        request.ack();
        ++served;
    }
    std::cout << "answered " << served << " requests\n";
    return was_interrupted() ? exit_interrupted : 0;
}

int ask(const settings& s) {
    ClientSide client(s.pool, "requests", false, nullptr, was_interrupted);
    if (client.start() != STARTED) return exit_interrupted;
    const std::string own = "replies to " + std::to_string(getpid());
    ServerSide replies(s.pool, own, 4, false, nullptr, was_interrupted);
    replies.temporary(true);
    if (replies.start() != STARTED) return exit_interrupted;

    const long long count = s.requests < 0 ? 10 : s.requests;
    Arr numbers;
    for (long long id = 0; id < count; ++id) {
        numbers.append(id);
        Val request =
            Shared(client.pool(), Tab{{"id", id}, {"numbers", numbers}, {"reply to", own}});
        client.pipe().enqueue(std::move(request), s.timeout_s);
        Val reply;
        do {
            if (replies.pipe().dequeue(s.timeout_s, reply)) continue;
            std::cerr << "no reply after " << s.timeout_s << " seconds\n";
            return 1;
        } while (reply("id") != id);  // an answer that was given up already
        std::cout << "the sum of 0 to " << id << " is " << reply("sum") << "\n";
    }
    return 0;
}

int run(const settings& s) {
    watch_for_interrupts();
    if (s.role == "serve") return serve(s);
    if (s.role == "ask") return ask(s);
    throw usage_error("ROLE is serve or ask, not " + s.role);
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.text("ROLE", s.role);
    line.integer("--requests", s.requests, 0LL);
    line.real("--timeout", s.timeout_s);
    return run_program(line, argc, argv, [&] { return run(s); });
}
