// The end of the pipeline: takes packets and prints them.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace valpool;

namespace {

const char usage[] =
    "usage: clientside_ex POOL PIPE [options]\n"
    "Waits for the memory pool POOL and the pipe PIPE in it; prints the packets that come, until\n"
    "the end mark. Exit code 1 when a packet is missing or out of order.\n"
    "  --timeout S     how long to wait before saying so (default 5.5)\n"
    "  --print N       print the first N packets only (default: all)\n"
    "example: clientside_ex mempool pipe2\n";

struct settings {
    std::string pool, pipe;
    double timeout_s = 5.5;
    long long most = -1;  // packets to print; -1: all
};

/// False when no packet came. When the server's run has ended, it moves on to the pool of the next
/// run.
bool take(ClientSide& client, double timeout_s, Val& packet) {
    try {
        if (client.pipe().dequeue(timeout_s, packet)) return true;
        if (!was_interrupted())
            std::cerr << "Couldn't dequeue after " << timeout_s << " seconds ... trying again\n";
    } catch (const PoolRetired& e) {
        std::cerr << e.what() << "\n";
        client.restart();
    }
    return false;
}

int consume(const settings& s) {
    watch_for_interrupts();
    ClientSide client(s.pool, s.pipe, true, nullptr, was_interrupted);
    if (client.start() != STARTED) return exit_interrupted;

    int_8 count = 0;
    int_8 last = -1;
    bool in_order = true;
    auto began = std::chrono::steady_clock::now();
    while (!was_interrupted()) {
        Val packet;
        if (!take(client, s.timeout_s, packet)) continue;
        if (packet.isNone()) break;
        const int_8 sequence_number = packet("sequence_number");
        if (count == 0)
            began = std::chrono::steady_clock::now();
        else
            in_order = in_order && sequence_number == last + 1;
        last = sequence_number;
        if (s.most < 0 || count < s.most) std::cout << packet << "\n";
        ++count;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::cout << "got " << count << " packets";
    if (count > 1)
        std::cout << ", " << static_cast<long long>(static_cast<double>(count) / took.count())
                  << " a second";
    std::cout << (in_order ? "" : ", NOT in order") << "\n";
    if (was_interrupted()) return exit_interrupted;
    return in_order ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.text("PIPE", s.pipe);
    line.real("--timeout", s.timeout_s);
    line.integer("--print", s.most);
    return run_program(line, argc, argv, [&] { return consume(s); });
}
