#pragma once

#include "segment/life_mark.hpp"

#include <atomic>
#include <cstdint>

namespace valpool::detail {

/// A parking slot: where one thread sleeps. Each lane has one, and only the lane's thread sleeps
/// there.
///
/// Shape: one cache line.
/// Invariants:
///   1. `asleep` is the word that the thread sleeps on. It is 1 from before its thread is on a list
///      of waiters until somebody wakes the thread, or the thread wakes by itself.
///   2. `topic` and `slot` change only while `asleep` is 0.
///   3. The lane's thread holds `alive` exactly while it may sleep here.
/// Writers: the lane's thread; a waker takes `asleep` from 1 to 0, and writes `waking_ns` before;
/// recovery, for the dead.
/// Crash safety: a sleeper that dies leaves `asleep` set, and recovery clears it. When a waker dies
/// or stops between its two steps (clearing `asleep`, waking), the sleeper sleeps to the end of its
/// time slice.
struct alignas(64) seat {
    std::atomic<std::uint32_t> asleep;
    std::atomic<std::uint32_t> slot;   // the slot of the thread's process
    std::atomic<std::uint64_t> topic;  // what the thread waits for
    std::atomic<std::int64_t> waking_ns;  // when a waker began, on the monotonic clock; a hint
    life_mark alive;
};
static_assert(sizeof(seat) == 64, "sleepers must not share a cache line");

/// Wakes the thread that sleeps there; false when none does. Must not be called inside.
bool wake_seat(seat& s) noexcept;
/// The topic of a thread that waits for several things at once.
constexpr std::uint64_t any_topic = 3;
/// The same, but only if the thread waits for `topic`, or for several things.
bool wake_seat(seat& s, std::uint64_t topic) noexcept;

}  // namespace valpool::detail
