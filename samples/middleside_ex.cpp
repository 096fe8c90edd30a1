// The middle of the pipeline: takes packets from one pipe, marks them, and passes them on. The
// packets themselves stay where they are.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <iostream>
#include <string>
#include <utility>

using namespace valpool;

namespace {

const char usage[] =
    "usage: middleside_ex POOL INPUT OUTPUT CAPACITY [options]\n"
    "Waits for the memory pool POOL and the pipe INPUT in it; passes every packet on to the\n"
    "pipe OUTPUT, which it makes with room for CAPACITY packets, until the end mark comes by.\n"
    "  --timeout S     how long to wait before saying so (default 5)\n"
    "example: middleside_ex mempool pipe1 pipe2 4\n";

struct settings {
    std::string pool, input, output;
    int capacity = 0;
    double timeout_s = 5;
};

int pass_on(const settings& s) {
    watch_for_interrupts();
    ClientSide client(s.pool, s.input, true, nullptr, was_interrupted);
    if (client.start() != STARTED) return exit_interrupted;
    ServerSide server(s.pool, s.output, s.capacity, true, nullptr, was_interrupted);
    if (server.start() != STARTED) return exit_interrupted;
    CQ& input = client.pipe();
    CQ& output = server.pipe();

    long long count = 0;
    while (!was_interrupted()) {
        Val packet;
        if (!input.dequeue(s.timeout_s, packet)) {
            if (!was_interrupted()) std::cerr << "Nothing came for " << s.timeout_s << " seconds\n";
            continue;
        }
        const bool is_end = packet.isNone();
        if (!is_end) packet["middle"] = ++count;
        // A packet that finds no room stays in `packet`. NOLINTNEXTLINE(bugprone-use-after-move)
        while (!was_interrupted() && !output.enqueue(std::move(packet), s.timeout_s))
            if (!was_interrupted()) std::cerr << "No room for " << s.timeout_s << " seconds\n";
        if (!is_end) continue;
        std::cout << "passed " << count << " packets on\n";
        return 0;
    }
    return exit_interrupted;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.text("INPUT", s.input);
    line.text("OUTPUT", s.output);
    line.integer("CAPACITY", s.capacity);
    line.real("--timeout", s.timeout_s);
    return run_program(line, argc, argv, [&] { return pass_on(s); });
}
