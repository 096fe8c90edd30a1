#pragma once

#include <cstdint>

namespace valpool::detail {

/// Registers the fork handlers, once in a process. They keep for a forked child everything that its
/// parent held at the fork; the child gets a slot and a ledger of its own when it first uses the
/// pool.
void handle_forks();

struct attachment;
struct thread_lane;

/// A child's first use of a pool, in two steps; between them the child gets a lane. When a step
/// throws (no free slot, no room in the pool), the child has lost nothing, and the next use tries
/// again.
void claim_own_slot(attachment& at);
void take_inheritance(thread_lane& l);

/// Where the children's parts of the family's lock are locks of their processes: gives up the
/// parent's own part once each child has said that it has one. Most children have said so by the
/// end of the fork.
void give_up_own_part(attachment& at) noexcept;

/// A number that differs between a forked child and its parent, once handle_forks has been called.
/// So a child can tell what its parent did from what it did itself.
extern std::uint32_t forks_behind;
inline std::uint32_t fork_generation() noexcept { return forks_behind; }

}  // namespace valpool::detail
