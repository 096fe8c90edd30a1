#pragma once

/// What has passed a queue, and how its users have waited for each other.

#include <cstddef>
#include <cstdint>
#include <limits>

namespace valpool {

/// Figures of a queue since it was made, over all processes (of a queue on the heap: its one
/// process). While others use the queue the figures are of slightly different moments. A process
/// that is killed in the middle of an operation can leave its last packet uncounted in `bytes_in`
/// or `bytes_out`.
struct PipeCounters {
    std::uint64_t packets_in = 0;   ///< packets put in
    std::uint64_t packets_out = 0;  ///< packets taken out, leased (the first time) or dropped
    /// The memory of these packets in the pool when they passed: of shared values all that belongs
    /// to them, but not the shared values that they refer to. 0 for a queue on the heap.
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t dropped = 0;      ///< by WhenFull, old packets and new ones
    std::uint64_t redelivered = 0;  ///< deliveries of packets that were leased before

    /// How often a thread slept because there was no room, or no packet, and how long all of them
    /// together, in seconds. Without wait_any, which may sleep for other queues, and without the
    /// threads behind readable_fd and writable_fd.
    std::uint64_t enqueue_waits = 0;
    std::uint64_t dequeue_waits = 0;
    double enqueue_wait_s = 0;
    double dequeue_wait_s = 0;
    /// The largest number of packets that waited at once, as far as the queue's writers have
    /// looked. It can be too low by 15 packets or an eighth of the capacity, whichever is more;
    /// that an enqueue found the queue full is always seen.
    std::size_t high_water = 0;

    /// Seconds since a packet was last put in, or taken out; infinity: never. In a queue of more
    /// than 16 packets that nobody waits at, up to 15 packets may have passed since then.
    double since_last_enqueue_s = std::numeric_limits<double>::infinity();
    double since_last_dequeue_s = std::numeric_limits<double>::infinity();
};

}  // namespace valpool
