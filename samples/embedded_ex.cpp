// A server and a client inside the main loop of a host program: the host has its own flag for "shut
// down now", and its loop must never be kept waiting.

#include "command_line.hpp"

#include <valpool/valpool.hpp>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

using namespace valpool;

namespace {

const char usage[] =
    "usage: embedded_ex POOL INPUT OUTPUT CAPACITY [options]\n"
    "A host with a main loop of its own, which passes packets from the pipe INPUT to the pipe\n"
    "OUTPUT (with room for CAPACITY packets) between its other duties. Ends with the end mark, or\n"
    "with the host's break flag (Ctrl-C sets it).\n"
    "  --period S      seconds between two turns of the host's loop (default 0.001)\n"
    "example: embedded_ex mempool pipe1 pipe2 4\n";

// --- the host: somebody else's code, which knows nothing of valpool -----------------------------

struct host_state {
    volatile std::sig_atomic_t break_ = 0;
} host;

void on_interrupt(int) { host.break_ = 1; }

/// Calls the stage again and again, until it reports that it has finished or the break flag is set.
template <class Stage>
long long run_host(Stage& stage, double period_s) {
    long long turns = 0;
    for (bool goes_on = true; goes_on && host.break_ == 0; ++turns) {
        goes_on = stage.turn();
        std::this_thread::sleep_for(std::chrono::duration<double>(period_s));
    }
    return turns;
}

// --- our part -----------------------------------------------------------------------------------

/// The host's flag as a break checker: it ends every wait of a server or client that gets it.
bool host_is_coming_down() { return host.break_ != 0; }

class pass_on_stage {
public:
    pass_on_stage(const std::string& pool, const std::string& input, const std::string& output,
                  int capacity)
        : input_(pool, input, true, nullptr, host_is_coming_down),
          output_(pool, output, capacity, true, nullptr, host_is_coming_down) {}

    /// False when the host was shut down meanwhile.
    bool start() { return input_.start() == STARTED && output_.start() == STARTED; }

    /// Passes on all packets that it can without waiting; false after the end mark.
    bool turn() {
        while (has_packet_ || input_.pipe().dequeue(0.0, packet_)) {
            has_packet_ = true;
            const bool is_end = packet_.isNone();
            if (!output_.pipe().enqueue(packet_, 0.0)) return true;  // full: next turn
            packet_.reset();  // otherwise this process would hold it until the next packet
            has_packet_ = false;
            if (is_end) return false;
            ++count_;
        }
        return true;
    }
    long long count() const { return count_; }

private:
    ClientSide input_;
    ServerSide output_;
    Val packet_;
    bool has_packet_ = false;
    long long count_ = 0;
};

struct settings {
    std::string pool, input, output;
    int capacity = 0;
    double period_s = 0.001;
};

int embed(const settings& s) {
    // Sets the flag, as the host's own signal handlers would.
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);

    pass_on_stage stage(s.pool, s.input, s.output, s.capacity);
    if (!stage.start()) return 130;
    const long long turns = run_host(stage, s.period_s);
    std::cout << "passed " << stage.count() << " packets on in " << turns << " turns\n";
    return host.break_ != 0 ? 130 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    settings s;
    command_line line(usage);
    line.text("POOL", s.pool);
    line.text("INPUT", s.input);
    line.text("OUTPUT", s.output);
    line.integer("CAPACITY", s.capacity);
    line.real("--period", s.period_s);
    return run_program(line, argc, argv, [&] { return embed(s); });
}
