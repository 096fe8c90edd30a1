#pragma once

#include "segment/life_mark.hpp"

#include <atomic>
#include <cstdint>

namespace valpool::detail {

/// Where one thread sleeps; one for each lane. Nobody else ever sleeps there.
///
/// Shape: one cache line.
/// Invariants:
///   1. `asleep` is 1 from before its thread is on a list of waiters until somebody wakes it, or it
///      looks up by itself; it is the word that the thread sleeps on.
///   2. `topic` and `slot` change only while `asleep` is 0.
///   3. `alive` is held exactly while its thread may sleep here.
/// Writers: the lane's thread; a waker takes `asleep` from 1 to 0; recovery, for the dead.
/// Crash safety: a sleeper that dies leaves `asleep`, which recovery clears. A waker that dies or
/// stops between its two steps (clearing `asleep`, waking) leaves a sleeper to the end of its
/// slice.
struct alignas(64) seat {
    std::atomic<std::uint32_t> asleep;
    std::atomic<std::uint32_t> slot;   // of the thread's process
    std::atomic<std::uint64_t> topic;  // what is waited for
    life_mark alive;
};
static_assert(sizeof(seat) == 64, "sleepers must not share a cache line");

/// Wakes the thread that sleeps there; false when none does. Not inside.
bool wake_seat(seat& s) noexcept;
/// The same if it sleeps for `topic`.
bool wake_seat(seat& s, std::uint64_t topic) noexcept;

}  // namespace valpool::detail
