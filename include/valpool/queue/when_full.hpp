#pragma once

/// What an enqueue does at a full queue, and one packet for several queues.

#include <valpool/base/detail/config.hpp>
#include <valpool/value/val.hpp>

#include <cstddef>
#include <vector>

namespace valpool {

class CQ;

/// What an enqueue does when there is still no room at its time-out. For readers that may be slow:
/// their writer need not wait for them.
enum class WhenFull {
    Wait,        ///< It gives up and returns false, as the enqueue without a policy.
    DropNewest,  ///< The new packet is dropped: false as well, but counted as dropped.
    DropOldest   ///< The packets that wait longest are dropped until the new one has room.
};

/// Puts the value into each of these queues: the same packet, not copies, as far as the queues lie
/// in one pool. A value that has to be copied into the pool is copied once.
///
/// Each queue that has room gets it at once; only then this waits for the others, until the
/// time-out, which is one for all (in seconds; infinity: for ever; zero or less: no wait). Whatever
/// still has no room is treated as `policy` says.
///
/// Returns the indexes of the queues that have not got the packet, in ascending order: they stayed
/// full, their pool is retired or has no memory for the packet, their break checker ended the wait,
/// or (DropOldest) all their room is leased out.
/// Throws std::logic_error for a null pointer and a time-out of NaN, before it has done anything.
/// Source: "C++ Cross-Process Shared Memory Tools": Complex Interactions (multicast).
VALPOOL_API std::vector<std::size_t> multicast(const Val& value, const std::vector<CQ*>& queues,
                                               WhenFull policy = WhenFull::Wait,
                                               double timeout_s = 0);

}  // namespace valpool
