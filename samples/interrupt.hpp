#pragma once

/// Control-C and SIGTERM as a break checker: every wait of the library ends, and the sample comes
/// down in good order.

#include <csignal>

inline volatile std::sig_atomic_t interrupt_flag = 0;

inline bool was_interrupted() { return interrupt_flag != 0; }

inline void watch_for_interrupts() {
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupt_flag = 1; };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

constexpr int exit_interrupted = 130;
