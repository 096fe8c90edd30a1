#pragma once

/// Taking part in a pool: for the commands that put, take and see packets.

#include "interrupt.hpp"
#include "output.hpp"
#include "terminal.hpp"

#include <valpool/client_side.hpp>
#include <valpool/cq.hpp>
#include <valpool/server_side.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <string>

namespace tool {

/// No --timeout was given.
constexpr double no_timeout = std::numeric_limits<double>::infinity();

/// When a command gives up.
class time_limit {
public:
    explicit time_limit(double seconds) noexcept : seconds_(seconds) {}

    double left_s() const noexcept {
        const std::chrono::duration<double> passed = clock::now() - began_;
        return seconds_ - passed.count();
    }
    bool has_passed() const noexcept { return left_s() <= 0; }

private:
    using clock = std::chrono::steady_clock;
    double seconds_;
    clock::time_point began_ = clock::now();
};

/// The break checker of a side: ends its waits when a signal has come, and while it starts, when
/// the time is over. While it starts it also says what it waits for, once, after a second.
class start_watch {
public:
    start_watch(double timeout_s, std::string what)
        : state_(std::make_shared<state>(timeout_s, std::move(what))) {}

    bool operator()() const {
        if (was_interrupted()) return true;
        if (!state_->is_starting) return false;
        if (!state_->has_spoken && state_->passed_s() >= 1) {
            state_->has_spoken = true;
            complain("waiting for " + state_->what + " (Ctrl-C ends this)");
        }
        return state_->limit.has_passed();
    }
    void has_started() const noexcept { state_->is_starting = false; }

private:
    struct state {
        state(double timeout_s, std::string its_what)
            : limit(timeout_s), what(std::move(its_what)) {}
        double passed_s() const noexcept {
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        }

        time_limit limit;
        std::string what;
        std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
        bool is_starting = true;
        bool has_spoken = false;
    };
    // Copies of the checker are of one and the same wait.
    std::shared_ptr<state> state_;
};

/// Starts a ServerSide or a ClientSide that has this watch. False when a signal has come, or the
/// time is over.
template <class Side>
bool start_side(Side& side, const start_watch& watch) {
    const bool has_started = side.start() == valpool::STARTED;
    watch.has_started();
    return has_started;
}

/// How often a wait asks whether a signal has come.
constexpr long poll_us = 50000;

}  // namespace tool
