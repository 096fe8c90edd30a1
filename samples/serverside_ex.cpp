// The head of the pipeline: creates the memory pool and sends tables through a pipe.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

using namespace valpool;

namespace {

const char usage[] =
    "usage: serverside_ex POOL BYTES PIPE CAPACITY [options]\n"
    "Creates the memory pool POOL with BYTES bytes, and in it PIPE with room for CAPACITY\n"
    "packets; sends tables until it is interrupted.\n"
    "  --packets N     send N packets, then the end mark (None); 0, the default: no end\n"
    "  --interval S    seconds between two packets (default 0)\n"
    "  --timeout S     how long to wait for room in the pipe before saying so (default 3.2)\n"
    "  --address A     force the pool to this address, such as 0x700000000000\n"
    "example: serverside_ex mempool 1000000 pipe1 4\n";

void sleep_for(double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

/// Builds a packet in the pool. A full pool is back-pressure, like a full pipe: wait and try again.
/// None when interrupted.
Val make_packet(StreamingPool* pool, int_8 sequence_number) {
    for (int tries = 0; !was_interrupted(); ++tries) {
        try {
            Val packet = Shared(pool, Tab());
            packet["sequence_number"] = sequence_number;
            packet["name"] = "serverside packet";
            packet["samples"] = Arr{0.5, 1.5, 2.5};
            return packet;
        } catch (const PoolExhausted&) {
            if (tries % 300 == 0) std::cerr << "The pool is full ... waiting for consumers ...\n";
            sleep_for(0.01);
        }
    }
    return Val();
}

/// False when interrupted.
bool send(CQ& pipe, Val packet, double timeout_s) {
    while (!was_interrupted()) {
        // A packet that finds no room stays in `packet`. NOLINTNEXTLINE(bugprone-use-after-move)
        if (pipe.enqueue(std::move(packet), timeout_s)) return true;
        if (!was_interrupted())
            std::cerr << "Failed to enqueue after " << timeout_s
                      << " seconds ... trying again ...\n";
    }
    return false;
}

/// The pool's name must stay until every reader has attached and taken its packets.
void wait_until_taken(const StreamingPool* pool) {
    for (int turns = 0; !pool->isPristine() && !was_interrupted(); ++turns) {
        if (turns % 100 == 10)
            std::cerr << "Waiting until the packets in the pool have been taken: "
                      << valpool::check(pool).boxes << " are left\n";
        sleep_for(0.01);
    }
}

struct settings {
    std::string pool, pipe;
    long long bytes = 0;
    int capacity = 0;
    long long packets = 0;
    double interval_s = 0;
    double timeout_s = 3.2;
    long long address = 0;
};

int serve(const settings& s) {
    if (s.bytes < 0) throw usage_error("BYTES cannot be negative");
    auto* const address = reinterpret_cast<void*>(s.address);

    watch_for_interrupts();
    SHMMain pool(s.pool, static_cast<std::size_t>(s.bytes), true, address, was_interrupted);
    pool.start();
    ServerSide server(s.pool, s.pipe, s.capacity, true, nullptr, was_interrupted);
    if (server.start() != STARTED) return exit_interrupted;
    CQ& pipe = server.pipe();

    for (int_8 i = 0; s.packets == 0 || i < s.packets; ++i) {
        if (!send(pipe, make_packet(server.pool(), i), s.timeout_s)) break;
        if (s.interval_s > 0) sleep_for(s.interval_s);
    }
    if (s.packets != 0 && send(pipe, None, s.timeout_s))
        std::cout << "sent " << s.packets << " packets\n";
    wait_until_taken(pool.pool());
    return was_interrupted() ? exit_interrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.integer("BYTES", s.bytes);
    line.text("PIPE", s.pipe);
    line.integer("CAPACITY", s.capacity);
    line.integer("--packets", s.packets, 0LL);
    line.real("--interval", s.interval_s);
    line.real("--timeout", s.timeout_s);
    line.integer("--address", s.address);
    return run_program(line, argc, argv, [&] { return serve(s); });
}
