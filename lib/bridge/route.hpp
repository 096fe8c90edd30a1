#pragma once

/// A route: the packets of one pipe, on their way out of a pool or into one.

#include "bridge/nats.hpp"
#include "bridge/receiver.hpp"
#include "bridge/sender.hpp"
#include "bridge/zeromq.hpp"

#include <functional>
#include <string>
#include <variant>

namespace valpool::bridge {

struct nats_route {
    nats_options broker;
    stream_options stream;
};

struct route {
    enum class direction { out, in };

    direction way = direction::out;
    std::string pool;
    std::string pipe;
    std::variant<nats_route, zeromq_options> over;

    // Out
    std::size_t tap_depth = 0;  // of a tap that is sent instead of the packets; 0: no tap
    sender_limits sending;
    // In
    int capacity = 64;  // of the pipe, if it has to be made
    receiver_options receiving;
};

/// Throws std::invalid_argument, or std::logic_error for a pool's or pipe's name.
void check(const route& r);

/// As it is said to people: `pool "a", pipe "p" -> lab.p`.
std::string description(const route& r);

/// Carries packets until is_over(), which several threads may ask; waits for pool, pipe and broker,
/// and goes on after each of them has ended and come back. Only one process at a time carries a
/// pipe out: others wait for its end. `say` is told what changes, in a sentence.
/// Throws std::invalid_argument as check().
void run(const route& r, const std::function<bool()>& is_over,
         const std::function<void(const std::string&)>& say);

/// The pipes in which routes say how they are begin with this. Each has one packet, a Tab: see
/// docs/bridge.md.
constexpr const char* status_pipe_prefix = "valpool.bridge/";

}  // namespace valpool::bridge
