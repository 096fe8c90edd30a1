#pragma once

/// What `valpool why` says of processes.

#include <valpool/monitor.hpp>

#include <string>
#include <vector>

namespace tool {

struct pool_picture;

/// "a", "a and b", "a, b and c".
std::string joined(const std::vector<std::string>& parts);

/// What keeps the processes of a pool from doing their part.
class process_words {
public:
    explicit process_words(const pool_picture& seen) : seen_(seen) {}

    /// Null for a process that has no place in the pool.
    const valpool::process_status* find(int pid) const;
    /// "pid 4711 clientside_ex".
    std::string who(int pid) const;
    /// "is stopped (T)", "has left the pool" and such; empty: nothing that can be seen.
    std::string obstacle_of(int pid) const;
    /// What to try against the obstacle; may be empty.
    std::string cure_of(int pid) const;
    /// Whether it will not come back to a pipe: it has died, or left the pool.
    bool has_gone(int pid) const;
    static bool has_open(const valpool::process_status& p, const std::string& pipe);
    /// What it waits for instead, at another pipe than `except`: "itself waits for room in q".
    std::string other_wait_of(int pid, const std::string& except) const;

private:
    const pool_picture& seen_;
};

}  // namespace tool
