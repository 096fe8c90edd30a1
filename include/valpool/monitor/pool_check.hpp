#pragma once

#include <valpool/alloc/streaming_pool.hpp>
#include <valpool/base/detail/config.hpp>

#include <boost/container/vector.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>

namespace valpool {

/// What check() found in a pool. The lists are not std::vectors: in a program that is built with
/// -D_GLIBCXX_DEBUG, those differ from the library's.
struct VALPOOL_API pool_report {
    std::size_t total_bytes = 0;   // size of the pool; StreamingPool::bytes() of it is for values
    std::size_t used_bytes = 0;    // part of total_bytes: in use now
    std::size_t system_bytes = 0;  // part of used_bytes: pipes, taps and bookkeeping
    std::size_t raw_bytes = 0;     // part of used_bytes: from StreamingPool::allocate
    std::size_t leaked_bytes = 0;  // in use but unreachable; recovery reclaims them
    std::size_t boxes = 0;         // shared values
    std::size_t references = 0;  // to shared values, from processes, queues, taps and other values
    std::size_t poisoned = 0;    // shared values that a process died in the middle of changing
    std::size_t queues = 0;      // named pipes; a queue without a name counts as a shared value
    std::size_t taps = 0;        // see Tap
    std::size_t packets = 0;     // in the queues
    boost::container::vector<int> living_processes;  // pids of attached processes
    boost::container::vector<int> dead_processes;    // pids; recovery has not cleaned up yet
    /// Pids of processes whose forked children hold values but have not used the pool themselves
    /// yet.
    boost::container::vector<int> parents;
    /// Of such children, all that one process had: each has ended, or uses the pool itself by now,
    /// and recovery has not given back yet what they held as such. None of them is a dead process.
    std::size_t ended_families = 0;
    /// Pid of the process that is repairing the pool now; 0: none. A repair takes milliseconds. If
    /// it takes longer, that process has been stopped and keeps all others from the pool. During a
    /// repair the content is not compared.
    int repairing_process = 0;
    /// Pid of a process that has been stopped in the middle of an operation and so delays the
    /// repair of what dead processes left; 0: none.
    int delaying_process = 0;
    boost::container::vector<std::string> problems;  // contradictions; empty in a sound pool

    /// True when there are no contradictions. Leaks and dead processes are not contradictions: the
    /// next recovery takes care of them.
    bool is_sound() const noexcept { return problems.empty(); }
};

/// Prints the report as several lines of text.
VALPOOL_API std::ostream& operator<<(std::ostream& out, const pool_report& report);

/// Recomputes every reference count and every byte in use from what the processes and queues hold,
/// and compares the results with the pool's own numbers. Changes nothing, and needs no more than
/// read access. Every loop is bounded, whatever the memory contains.
/// Blocking: never. While others work, one pass can see a half-finished change; so a contradiction
/// is reported only when several passes see it.
/// Cost: a walk over all shared values; memory for each of them.
VALPOOL_API pool_report check(const StreamingPool& pool);
VALPOOL_API pool_report check(const StreamingPool* pool);
/// The same for a SHMMain's pool, given its name. This process neither needs to be attached nor
/// attaches: it maps the pool read-only, and no user of the pool notices. So this is the function
/// for a pool that is stuck or left over, whatever has happened to it. Throws std::runtime_error
/// when no pool has that name, the file may not be read, or the file is not a pool of this version.
VALPOOL_API pool_report check(const std::string& name);
inline pool_report check(const char* name) { return check(std::string(name)); }

}  // namespace valpool
