#pragma once

/// Looking for the dead now and then, by whoever waits or asks in a loop anyway.

#include "process/attachment.hpp"

#include <chrono>

namespace valpool::detail {

/// While anybody sleeps in the pool, somebody looks at least this often.
constexpr std::chrono::milliseconds look_slice{150};

/// How long the lane's thread may sleep before it looks up: two of those who sleep in a pool for
/// look_slice, the others so long that all of them together look up a few times a second.
std::chrono::nanoseconds nap_of(arena& a, std::uint32_t lane) noexcept;

/// If nobody has for a while: looks whether anybody has died, and repairs; and wakes those who
/// could go on, but whose waker has died or stopped in the middle. Costs next to nothing when it is
/// not time yet. Not inside.
void look_now_and_then(thread_lane& l) noexcept;
/// The same with the calling thread's lane, if it can have one.
void look_now_and_then(const arena& a) noexcept;

}  // namespace valpool::detail
