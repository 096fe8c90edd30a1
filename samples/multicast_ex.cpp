// One input, many outputs: every reader sees every packet, and no packet is copied.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

using namespace valpool;

namespace {

const char usage[] =
    "usage: multicast_ex POOL INPUT OUTPUT N CAPACITY [options]\n"
    "Waits for the memory pool POOL and the pipe INPUT in it; gives every packet to the pipes\n"
    "OUTPUT0 ... OUTPUT(N-1), which it makes with room for CAPACITY packets each.\n"
    "  --drop-after S  a reader that is slower than S seconds misses the packet; without this,\n"
    "                  everybody waits for the slowest reader\n"
    "example: multicast_ex mempool pipe1 out 3 4\n";

struct output {
    std::unique_ptr<ServerSide> side;
    long long dropped = 0;
};

struct settings {
    std::string pool, input, output;
    long long count_of_outputs = 0;
    int capacity = 0;
    double drop_after_s = -1;  // -1: never
};

std::vector<output> make_outputs(const settings& s) {
    std::vector<output> outputs;
    for (long long i = 0; i < s.count_of_outputs && !was_interrupted(); ++i) {
        outputs.push_back({std::make_unique<ServerSide>(s.pool, s.output + std::to_string(i),
                                                        s.capacity, true, nullptr, was_interrupted),
                           0});
        if (outputs.back().side->start() != STARTED) break;
    }
    return outputs;
}

/// Without a limit, waits for the slowest reader. The end mark is never dropped.
void deliver(const Val& packet, output& out, double drop_after_s) {
    CQ& pipe = out.side->pipe();
    if (drop_after_s < 0 || packet.isNone())
        pipe.enqueue(packet, None);
    else if (!pipe.enqueue(packet, drop_after_s))
        ++out.dropped;
}

int multicast(const settings& s) {
    if (s.count_of_outputs < 1) throw usage_error("N must be at least 1");
    watch_for_interrupts();
    ClientSide input(s.pool, s.input, true, nullptr, was_interrupted);
    if (input.start() != STARTED) return exit_interrupted;
    std::vector<output> outputs = make_outputs(s);

    long long count = 0;
    while (!was_interrupted()) {
        Val packet;
        if (!input.pipe().dequeue(1.0, packet)) continue;
        for (output& out : outputs) deliver(packet, out, s.drop_after_s);
        if (packet.isNone()) break;
        ++count;
    }
    std::cout << "multicast " << count << " packets to " << outputs.size() << " readers\n";
    for (std::size_t i = 0; i < outputs.size(); ++i)
        if (outputs[i].dropped != 0)
            std::cout << "reader " << i << " was too slow for " << outputs[i].dropped
                      << " packets\n";
    return was_interrupted() ? exit_interrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.text("INPUT", s.input);
    line.text("OUTPUT", s.output);
    line.integer("N", s.count_of_outputs);
    line.integer("CAPACITY", s.capacity);
    line.real("--drop-after", s.drop_after_s);
    return run_program(line, argc, argv, [&] { return multicast(s); });
}
