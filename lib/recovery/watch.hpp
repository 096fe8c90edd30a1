#pragma once

/// Looking for the dead now and then, by threads that wait or poll in a loop anyway.

#include "process/attachment.hpp"

#include <chrono>

namespace valpool::detail {

/// While anybody sleeps in the pool, some thread looks at least this often.
constexpr std::chrono::milliseconds look_slice{150};

/// How long the lane's thread may sleep before it looks: two of a pool's sleepers (the lookouts)
/// for look_slice, the others for so long that all of them together look a few times a second.
std::chrono::nanoseconds nap_of(arena& a, std::uint32_t lane) noexcept;

/// If nobody has looked for a while: checks whether anybody has died, and repairs. Also wakes
/// threads that could go on, but whose waker has died or stopped in the middle. Costs next to
/// nothing when it is not time yet. Must not be called inside.
void look_now_and_then(thread_lane& l) noexcept;
/// The same with the calling thread's lane, if it can get one.
void look_now_and_then(const arena& a) noexcept;

}  // namespace valpool::detail
