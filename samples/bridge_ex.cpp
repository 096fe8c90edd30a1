// Two programs on two hosts, and a bridge between their pools. Neither knows of it: each has a pipe
// of its own pool. Both can be killed and started again at any time.

#include "command_line.hpp"

#include <valpool/valpool.hpp>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace valpool;

namespace {

const char usage[] =
    "usage: bridge_ex send|receive POOL PIPE PACKETS [options]\n"
    "`send` puts numbered packets into the pipe, from where it stopped when it was killed the last\n"
    "time. `receive` takes them, checks each, and ends after the last one. samples/run-bridge.sh\n"
    "runs both, with a bridge between two pools.\n"
    "  --samples N     numbers in each packet's array (default 100)\n"
    "  --log FILE      `receive` writes each packet's number there, and how often the pipe has\n"
    "                  delivered it; it goes on behind the last one\n"
    "example: bridge_ex send near lab 100000\n";

struct settings {
    std::string role, pool, pipe, file;
    int packets = 0;
    int samples = 100;
};

Tab packet_of(std::uint64_t number, int samples) {
    Array<real_4> wave;
    for (int i = 0; i < samples; ++i)
        wave.append(static_cast<real_4>(number) + static_cast<real_4>(i) / 8);
    Tab packet;
    packet["number"] = number;
    packet["text"] = "packet " + std::to_string(number);
    packet["samples"] = wave;
    return packet;
}

void send(const settings& s) {
    constexpr int capacity = 256;
    ServerSide side(s.pool, s.pipe, capacity);
    side.start();
    // The pipe knows the last number that was put in, even if this program was killed right then.
    IdempotentProducer source(side.pipe(), "bridge_ex");
    while (source.last() < static_cast<std::uint64_t>(s.packets)) {
        const std::uint64_t number = source.last() + 1;
        source.enqueue(Shared(side.pool(), packet_of(number, s.samples)), number, 3600.0);
    }
}

/// The number in the file's last line; 0: there is none.
std::uint64_t last_number_in(const std::string& file) {
    std::ifstream lines(file);
    std::uint64_t last = 0;
    std::uint64_t number = 0;
    std::string deliveries;
    while (lines >> number >> deliveries) last = number;
    return last;
}

void receive(const settings& s) {
    const auto packets = static_cast<std::uint64_t>(s.packets);
    std::uint64_t last = last_number_in(s.file);
    std::ofstream log(s.file, std::ios::app);
    ClientSide side(s.pool, s.pipe);
    side.start();
    while (last < packets) {
        Lease lease = side.pipe().lease(1.0);
        if (!lease) continue;
        const std::uint64_t number = lease.value()("number");
        if (lease.value() != Val(packet_of(number, s.samples)))
            throw std::runtime_error("packet " + std::to_string(number) + " is not as it was sent");
        // A consumer that was killed before its acknowledgement gets the packet once more.
        const bool is_again = lease.deliveries() > 1 && number == last;
        if (number != last + 1 && !is_again)
            throw std::runtime_error("packet " + std::to_string(number) + " came after packet " +
                                     std::to_string(last));
        log << number << ' ' << lease.deliveries() << std::endl;
        last = number;
        lease.ack();
    }
}

int run(const settings& s) {
    if (s.role == "send")
        send(s);
    else if (s.role == "receive")
        receive(s);
    else
        throw usage_error("\"" + s.role + "\" is neither send nor receive");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("ROLE", s.role);
    line.text("POOL", s.pool);
    line.text("PIPE", s.pipe);
    line.integer("PACKETS", s.packets, 1);
    line.text("--log", s.file);
    line.integer("--samples", s.samples, 0);
    return run_program(line, argc, argv, [&] { return run(s); });
}
