#pragma once

#include <cstdint>

namespace valpool::detail {

/// Registers, once a process, what gives the child of a fork a slot and a ledger of its own, with
/// all that its parent held at that moment.
void handle_forks();

struct attachment;
struct thread_lane;

/// The first use of a pool by a child, in two steps, between which it gets a lane. Whatever they
/// throw (no place in the pool, no room) has changed nothing: the next use tries again.
void claim_own_slot(attachment& at);
void take_inheritance(thread_lane& l);

/// Where children have their parts of the family's slot by process: gives the parent's own part up
/// once each of them has said that it has one. Most have by the end of the fork.
void give_up_own_part(attachment& at) noexcept;

/// Another number in the child of a fork than in its parent, once handle_forks has been called:
/// what a process has done has not been done by its children.
extern std::uint32_t forks_behind;
inline std::uint32_t fork_generation() noexcept { return forks_behind; }

}  // namespace valpool::detail
