#pragma once

/// What bridges say of the routes that they carry: see docs/bridge.md. Each says it in a pipe of
/// its own, which the tools show as a route, and not as a pipe.

#include "table.hpp"

#include <valpool/monitor.hpp>
#include <valpool/tab.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tool {

/// The names of these pipes begin with it.
constexpr const char* route_pipe_prefix = "valpool.bridge/";

/// What a route has said last. Counters that it does not have are 0.
struct route_status {
    std::string direction;  // "out", "in" or "tap"
    std::string pipe;
    std::string destination;
    std::string transport;
    std::string trouble;
    int pid = 0;
    bool is_connected = false;
    std::uint64_t reconnects = 0;
    std::uint64_t packets = 0;  // acknowledged, or delivered
    std::uint64_t in_flight = 0;
    std::uint64_t again = 0;  // repeated, or duplicates
    std::uint64_t refused = 0;
    std::uint64_t dropped = 0;  // given up, missed, dropped or lost
    std::uint64_t bytes = 0;
    double round_trip_s = 0;
    double waiting_s = 0;  // for a confirmation, or for room

    bool is_out() const noexcept { return direction != "in"; }
};

/// Sorted by name. What makes no sense is left out.
std::vector<route_status> routes_of(const valpool::Monitor& pool);
/// The other pipes.
boost::container::vector<valpool::pipe_status> pipes_of(const valpool::Monitor& pool);

/// "lab -> near.lab".
std::string route_text(const route_status& r);
table table_of(const std::vector<route_status>& routes);
valpool::OTab json_of(const route_status& r);

}  // namespace tool
