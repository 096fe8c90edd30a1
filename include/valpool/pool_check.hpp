#pragma once

#include <valpool/detail/config.hpp>
#include <valpool/streaming_pool.hpp>

#include <boost/container/vector.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>

namespace valpool {

/// What check() found in a pool. Its lists are no std::vectors, because those are different ones in
/// a program that is built with -D_GLIBCXX_DEBUG and in the library.
struct VALPOOL_API pool_report {
    std::size_t total_bytes = 0;   // of the pool; StreamingPool::bytes() of them for values
    std::size_t used_bytes = 0;    // of those: in use now
    std::size_t system_bytes = 0;  // of those: pipes and bookkeeping
    std::size_t raw_bytes = 0;     // of those: StreamingPool::allocate
    std::size_t leaked_bytes = 0;  // in use, but nobody can reach them; recovery gets them back
    std::size_t boxes = 0;         // shared values
    std::size_t references = 0;    // to them, from processes, queues and each other
    std::size_t poisoned = 0;      // shared values that a process died in the middle of changing
    std::size_t queues = 0;        // pipes, that is with a name; others are shared values
    std::size_t packets = 0;       // in the queues
    boost::container::vector<int> living_processes;  // that are attached
    boost::container::vector<int> dead_processes;    // that died; not cleaned up after yet
    /// Processes whose forked children hold values, but have not used the pool themselves yet.
    boost::container::vector<int> parents;
    /// Who is repairing the pool at the moment; 0: nobody. Unless that is over in milliseconds, the
    /// process has been stopped, and keeps everybody from the pool; what is in it is not compared.
    int repairing_process = 0;
    /// Who is in the middle of an operation, stopped, and holds up the repair of what the dead
    /// left.
    int delaying_process = 0;
    boost::container::vector<std::string> problems;  // contradictions; empty in a sound pool

    /// No contradictions. Leaks and the dead are none: the next recovery takes care of them.
    bool is_sound() const noexcept { return problems.empty(); }
};

/// Several lines for people.
VALPOOL_API std::ostream& operator<<(std::ostream& out, const pool_report& report);

/// Recomputes every reference count and every byte from what the processes and queues hold, and
/// compares. Changes nothing, and needs no more than read access. Every loop is bounded, whatever
/// the memory contains.
/// Blocking: never. While others work, a look can catch a change half-way; a contradiction is
/// reported only when it is seen in several looks.
/// Cost: a walk over all shared values; memory for each of them.
VALPOOL_API pool_report check(const StreamingPool& pool);
VALPOOL_API pool_report check(const StreamingPool* pool);
/// The same of a SHMMain's pool that this process need not have attached, and does not attach: it
/// is opened and mapped to be read only, and nobody who uses it notices. So it is right for one
/// that is stuck or left over, whatever has happened to it. Throws std::runtime_error when there is
/// none of that name, it may not be read, or its file is no pool (of this version).
VALPOOL_API pool_report check(const std::string& name);
inline pool_report check(const char* name) { return check(std::string(name)); }

}  // namespace valpool
