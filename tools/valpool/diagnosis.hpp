#pragma once

/// Why nothing moves: what `valpool why` says.

#include <valpool/monitor.hpp>

#include "holdings.hpp"
#include "routes.hpp"

#include <map>
#include <string>
#include <vector>

namespace tool {

/// Something that stands still, or is about to.
struct finding {
    std::string kind;    // for programs; docs/tools.md lists the kinds
    std::string text;    // one sentence, for people
    std::string advice;  // what to try; may be empty
    std::string pipe;    // empty: it is about the pool
    std::vector<int> pids;
};

struct diagnosis_options {
    std::string pipe;      // empty: all
    double after_s = 1.0;  // what has stood still for less counts as moving
};

/// What was seen of a pool, at about one moment.
struct pool_picture {
    valpool::pool_status pool;
    boost::container::vector<valpool::pipe_status> pipes;
    boost::container::vector<valpool::process_status> processes;
    /// By pid; empty after a single look.
    std::map<int, held_time> held_for;
    std::vector<route_status> routes;
};
pool_picture picture_of(const valpool::Monitor& pool);

/// The worst first. Empty when nothing stands still.
std::vector<finding> diagnose(const pool_picture& seen, const diagnosis_options& options);

}  // namespace tool
