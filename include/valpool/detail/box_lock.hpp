#pragma once

/// The lock that a TransactionLock takes.

#include <valpool/detail/box.hpp>

namespace valpool::detail {

/// The box's advisory lock: recursive in a thread up to 65,535 levels (std::logic_error), fair
/// within some milliseconds, released by death. It may be given up by another thread than the one
/// that took it. Waits for ever, and throws PoisonedError (not holding the lock) when the value is
/// poisoned. A cancellation point while it waits.
VALPOOL_API void lock_box(box& b);
/// The same until the time-out; false when somebody else still has it then. Not for NaN.
VALPOOL_API bool lock_box_for(box& b, double timeout_s);
/// `generation` is fork_generation() at the time of locking: the child of a fork has none of its
/// parent's locks, so there it does nothing.
VALPOOL_API void unlock_box(box& b, std::uint32_t generation) noexcept;
/// The process that has the lock, for messages; 0 when nobody has it.
VALPOOL_API std::int32_t pid_of_lock_owner(const box& b) noexcept;

}  // namespace valpool::detail
