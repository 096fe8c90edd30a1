// The middle of the pipeline: takes packets from one pipe, marks them, and passes them on. The
// packets themselves stay where they are.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <iostream>

using namespace valpool;

namespace {

const char usage[] =
    "usage: middleside_ex POOL INPUT OUTPUT CAPACITY [options]\n"
    "Waits for the memory pool POOL and the pipe INPUT in it; passes every packet on to the\n"
    "pipe OUTPUT, which it makes with room for CAPACITY packets, until the end mark comes by.\n"
    "  --timeout S     how long to wait before saying so (default 5)\n"
    "example: middleside_ex mempool pipe1 pipe2 4\n";

int pass_on(const command_line& line) {
    line.expect(4);
    const int capacity = line.capacity(3);
    const double timeout_s = line.real("--timeout", 5);

    watch_for_interrupts();
    ClientSide client(line.word(0), line.word(1), true, nullptr, was_interrupted);
    if (client.start() != STARTED) return exit_interrupted;
    ServerSide server(line.word(0), line.word(2), capacity, true, nullptr, was_interrupted);
    if (server.start() != STARTED) return exit_interrupted;
    CQ& input = client.pipe();
    CQ& output = server.pipe();

    long long count = 0;
    while (!was_interrupted()) {
        Val packet;
        if (!input.dequeue(timeout_s, packet)) {
            if (!was_interrupted()) std::cerr << "Nothing came for " << timeout_s << " seconds\n";
            continue;
        }
        const bool is_end = packet.isNone();
        if (!is_end) packet["middle"] = ++count;
        // A packet that finds no room stays in `packet`. NOLINTNEXTLINE(bugprone-use-after-move)
        while (!was_interrupted() && !output.enqueue(std::move(packet), timeout_s))
            if (!was_interrupted()) std::cerr << "No room for " << timeout_s << " seconds\n";
        if (!is_end) continue;
        std::cout << "passed " << count << " packets on\n";
        return 0;
    }
    return exit_interrupted;
}

}  // namespace

int main(int argc, char** argv) { return run_sample(usage, argc, argv, {"--timeout"}, pass_on); }
