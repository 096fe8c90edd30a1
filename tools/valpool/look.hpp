#pragma once

/// What the commands that look into pools share.

#include "holdings.hpp"
#include "table.hpp"

#include <valpool/monitor.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tool {

/// As Monitor's constructor, but the message says what to try next.
valpool::Monitor open_pool(const std::string& name);
/// Throws std::runtime_error, which lists the pipes that there are.
[[noreturn]] void throw_no_pipe(const valpool::Monitor& pool, const std::string& name,
                                const std::string& pipe);

/// A pool, or why it cannot be looked into.
struct listed_pool {
    std::string name;
    std::optional<valpool::pool_status> status;
    std::string problem;
};
std::vector<listed_pool> look_at_all(const valpool::pool_names& names);

/// "alive", "no main", "kept", "left over", ...
cell state_of(const valpool::pool_status& p);
/// The user's name, or the number of one without a name.
std::string user_name(unsigned uid);
/// "4711 (clientside_ex)"; "-" for 0.
std::string pid_text(int pid);
/// "4711 clientside_ex (stopped)" and such.
std::string process_text(const valpool::process_status& p);
/// "R running" and such, for tables.
cell process_state(const valpool::process_status& p);
/// A count for a table in which most are 0.
std::string unless_none(std::uint64_t count);
/// "3 of 4".
std::string depth_text(const valpool::pipe_status& p);

/// A table of pipes. The rates belong to the same pipes; none: they are left out.
struct pipe_rates {
    double in = 0;  // packets a second
    double out = 0;
};
using rates_of = std::function<const pipe_rates*(const std::string& pipe)>;
table table_of(const boost::container::vector<valpool::pipe_status>& pipes, const rates_of& rates);
/// `held`: for how long each has held what it holds; empty: that is not known.
table table_of(const boost::container::vector<valpool::process_status>& processes,
               const std::map<int, held_time>& held = {});
table table_of(const boost::container::vector<valpool::memory_class>& memory);
table table_of(const boost::container::vector<valpool::tap_status>& taps);

}  // namespace tool
