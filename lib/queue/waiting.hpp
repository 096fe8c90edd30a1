#pragma once

/// How threads sleep until a pipe has a packet or room, and how they are woken.

#include "base/clock.hpp"
#include "process/attachment.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

namespace valpool::detail {

/// The threads that wait for the same thing, as a bitmap of lanes. Lies in the pool.
/// Invariants: each set bit of `lanes` is covered by a set bit of `summary`, unless its setter is
/// between these two steps. A bit may be stale; a waker finds that out at the seat. `turn` is a
/// hint.
/// Writers: a waiter sets its own bit; a waker takes it; otherwise the waiter, or recovery, clears
/// it.
/// Crash safety: recovery, or a waker that finds it, clears the bit of a dead waiter.
struct alignas(64) wait_list {
    static constexpr std::uint32_t words = 64;  // for arenas of 4,096 lanes at most
    std::atomic<std::uint64_t> summary;
    /// The lane at which the search for the next waiter to wake begins. So waiters are woken in
    /// turn, whatever their lanes' numbers.
    std::atomic<std::uint32_t> turn;
    /// The ticket of a waiter that others have been faster than for too long (see reservation); 0:
    /// none.
    std::atomic<std::uint32_t> overdue;
    std::atomic<std::uint64_t> lanes[words];

    bool nobody_waits() const noexcept { return summary.load(std::memory_order_seq_cst) == 0; }
    void add(std::uint32_t lane) noexcept;
    bool has(std::uint32_t lane) const noexcept;
    void remove(std::uint32_t lane) noexcept;
    /// Removes everything that a dead thread has left.
    void forget(std::uint32_t lane) noexcept;
    /// Clears the lane's bit; true for the one thread that cleared it.
    bool take(std::uint32_t lane) noexcept;
};

/// Sleeps on the thread's seat until somebody calls wake_one for `topic`, or until the deadline.
/// `is_ready` is called once when the thread is on the list, so no wake-up is lost. Must not be
/// called inside. Returns how long the wake-up took, from the waker's call until the thread ran; 0
/// when nobody has woken it.
std::chrono::nanoseconds sleep_on_seat(thread_lane& l, wait_list& list, std::uint64_t topic,
                                       deadline until,
                                       const std::function<bool()>& is_ready) noexcept;

/// The steps of that sleep, for a thread that sleeps in several places at once. arm_seat comes
/// before the thread is on a list, leave_seat after it is on none. Between the two, the thread
/// sleeps on seat::asleep while that is 1.
seat& arm_seat(thread_lane& l, std::uint64_t topic) noexcept;
void leave_seat(seat& s) noexcept;

void wake_next(arena& a, wait_list& list, std::uint64_t topic) noexcept;
/// Wakes one of the waiters, in turn. Makes no system call when nobody waits. Must not be called
/// inside.
inline void wake_one(arena& a, wait_list& list, std::uint64_t topic) noexcept {
    if (!list.nobody_waits()) wake_next(a, list, topic);
}

}  // namespace valpool::detail
