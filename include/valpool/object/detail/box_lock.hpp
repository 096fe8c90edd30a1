#pragma once

/// The lock that a TransactionLock takes.

#include <valpool/object/detail/box.hpp>

namespace valpool::detail {

/// Takes the box's advisory lock. The lock is recursive in a thread, up to 65,535 levels (more
/// throw std::logic_error), and fair within some milliseconds. The death of its owner releases it.
/// A thread other than the one that took it may release it. The call waits for ever; it throws
/// PoisonedError (without holding the lock) when the value is poisoned. It is a cancellation point
/// while it waits.
VALPOOL_API void lock_box(box& b);
/// The same until the time-out; false when somebody else still has the lock then. `timeout_s` must
/// not be NaN.
VALPOOL_API bool lock_box_for(box& b, double timeout_s);
/// Releases the lock. `generation` is fork_generation() at the time of locking: a forked child has
/// none of its parent's locks, so there the call does nothing.
VALPOOL_API void unlock_box(box& b, std::uint32_t generation) noexcept;
/// The process that has the lock, for messages; 0 when nobody has it.
VALPOOL_API std::int32_t pid_of_lock_owner(const box& b) noexcept;

}  // namespace valpool::detail
