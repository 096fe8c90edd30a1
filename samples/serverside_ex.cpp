// The head of the pipeline: creates the memory pool and sends tables through a pipe.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <chrono>
#include <iostream>
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

int serve(const command_line& line) {
    line.expect(4);
    const long long bytes = line.integer(1, "BYTES");
    if (bytes < 0) throw usage_error("BYTES cannot be negative");
    const int capacity = line.capacity(3);
    const long long packets = line.integer("--packets", 0);
    const double interval_s = line.real("--interval", 0);
    const double timeout_s = line.real("--timeout", 3.2);
    auto* const address = reinterpret_cast<void*>(line.integer("--address", 0));

    watch_for_interrupts();
    SHMMain pool(line.word(0), static_cast<std::size_t>(bytes), true, address, was_interrupted);
    pool.start();
    ServerSide server(line.word(0), line.word(2), capacity, true, nullptr, was_interrupted);
    if (server.start() != STARTED) return exit_interrupted;
    CQ& pipe = server.pipe();

    for (int_8 i = 0; packets == 0 || i < packets; ++i) {
        if (!send(pipe, make_packet(server.pool(), i), timeout_s)) break;
        if (interval_s > 0) sleep_for(interval_s);
    }
    if (packets != 0 && send(pipe, None, timeout_s))
        std::cout << "sent " << packets << " packets\n";
    wait_until_taken(pool.pool());
    return was_interrupted() ? exit_interrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
    return run_sample(usage, argc, argv, {"--packets", "--interval", "--timeout", "--address"},
                      serve);
}
