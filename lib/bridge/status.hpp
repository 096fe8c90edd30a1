#pragma once

/// What a route says of itself, for people and for tools.

#include <cstdint>
#include <string>

namespace valpool::bridge {

/// Of packets, unless it says otherwise. Since the route's start.
struct sender_status {
    std::uint64_t sent = 0;       // the first time
    std::uint64_t confirmed = 0;  // by the engine, and acknowledged to the pipe
    std::uint64_t repeated = 0;   // sent again
    std::uint64_t refused = 0;    // messages that the engine had no room for, or refused
    std::uint64_t given_up = 0;   // acknowledged without being sent: poisoned, or too large
    std::uint64_t missed = 0;     // by a tap
    std::uint64_t bytes = 0;      // as encoded
    std::uint64_t in_flight = 0;  // sent and not confirmed
    double waiting_s = 0;         // since when nothing of what was taken has been confirmed
    double round_trip_s = 0;      // a moving average, from sending to the confirmation
    std::string trouble;          // the last one; empty: none
};

struct receiver_status {
    std::uint64_t received = 0;     // messages
    std::uint64_t delivered = 0;    // put into the pipe
    std::uint64_t duplicates = 0;   // packets, or parts of one, that had come before
    std::uint64_t out_of_turn = 0;  // those whose predecessor is missing; they come again
    std::uint64_t refused = 0;      // messages that make no sense, packets that do not fit
    std::uint64_t dropped = 0;      // by the policy for a full pipe
    std::uint64_t lost = 0;         // how often the engine has lost what it had confirmed
    std::uint64_t bytes = 0;        // of the messages
    double waiting_s = 0;           // since when the pipe, or the pool, has had no room
    std::string trouble;
};

}  // namespace valpool::bridge
