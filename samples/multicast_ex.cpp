// One input, many outputs: every reader sees every packet, and no packet is copied.

#include "command_line.hpp"
#include "interrupt.hpp"

#include <valpool/valpool.hpp>

#include <iostream>
#include <limits>
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
    "  --keep-newest   with --drop-after: it misses the oldest packets in its pipe instead, and "
    "so\n"
    "                  reads what is new as soon as it goes on\n"
    "example: multicast_ex mempool pipe1 out 3 4\n";

struct settings {
    std::string pool, input, output;
    long long count_of_outputs = 0;
    int capacity = 0;
    double drop_after_s = -1;  // -1: never
    bool keeps_newest = false;
};

using side = std::unique_ptr<ServerSide>;

std::vector<side> make_outputs(const settings& s) {
    std::vector<side> outputs;
    for (long long i = 0; i < s.count_of_outputs && !was_interrupted(); ++i) {
        outputs.push_back(std::make_unique<ServerSide>(s.pool, s.output + std::to_string(i),
                                                       s.capacity, true, nullptr, was_interrupted));
        if (outputs.back()->start() != STARTED) break;
    }
    return outputs;
}

/// Without a limit, waits for the slowest reader. The end mark is never dropped.
void deliver(const Val& packet, const std::vector<CQ*>& pipes, const settings& s) {
    if (s.drop_after_s < 0 || packet.isNone())
        valpool::multicast(packet, pipes, WhenFull::Wait, std::numeric_limits<double>::infinity());
    else
        valpool::multicast(packet, pipes,
                           s.keeps_newest ? WhenFull::DropOldest : WhenFull::DropNewest,
                           s.drop_after_s);
}

int multicast(const settings& s) {
    if (s.count_of_outputs < 1) throw usage_error("N must be at least 1");
    watch_for_interrupts();
    ClientSide input(s.pool, s.input, true, nullptr, was_interrupted);
    if (input.start() != STARTED) return exit_interrupted;
    const std::vector<side> outputs = make_outputs(s);
    if (was_interrupted()) return exit_interrupted;
    std::vector<CQ*> pipes;
    for (const side& out : outputs) pipes.push_back(&out->pipe());

    long long count = 0;
    while (!was_interrupted()) {
        Val packet;
        if (!input.pipe().dequeue(1.0, packet)) continue;
        deliver(packet, pipes, s);
        if (packet.isNone()) break;
        ++count;
    }
    std::cout << "multicast " << count << " packets to " << pipes.size() << " readers\n";
    for (std::size_t i = 0; i < pipes.size(); ++i)
        if (const auto dropped = pipes[i]->counters().dropped)
            std::cout << "reader " << i << " was too slow for " << dropped << " packets\n";
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
    line.flag("--keep-newest", s.keeps_newest);
    return run_program(line, argc, argv, [&] { return multicast(s); });
}
