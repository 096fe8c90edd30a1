#include "interrupt.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <initializer_list>

#include <time.h>

namespace tool {
namespace {

volatile std::sig_atomic_t last_signal = 0;

void note(int signal) { last_signal = signal; }

}  // namespace

void watch_for_interrupts() {
    struct sigaction action = {};
    action.sa_handler = note;  // no SA_RESTART: reads and writes end, too
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

bool was_interrupted() noexcept { return last_signal != 0; }

int interrupted_exit_code() noexcept { return last_signal == 0 ? 0 : 128 + last_signal; }

bool sleep_unless_interrupted(double seconds) {
    using clock = std::chrono::steady_clock;
    const auto end = clock::now() + std::chrono::duration<double>(seconds);
    while (!was_interrupted()) {
        const double left = std::chrono::duration<double>(end - clock::now()).count();
        if (left <= 0) return true;
        // In slices: a signal between the question above and the sleep would not end it.
        const double slice = std::min(left, 0.1);
        const timespec time{0, static_cast<long>(slice * 1e9)};
        nanosleep(&time, nullptr);
    }
    return false;
}

}  // namespace tool
