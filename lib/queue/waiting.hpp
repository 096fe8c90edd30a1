#pragma once

/// How threads sleep until a pipe has a packet, or room, and who wakes them.

#include "base/clock.hpp"
#include "process/attachment.hpp"

#include <atomic>
#include <cstdint>
#include <functional>

namespace valpool::detail {

/// The threads that wait for the same thing, as a bitmap of lanes. Lies in the pool.
/// Invariants: a set bit of `lanes` is covered by a set bit of `summary`, or its setter has not
/// come that far. A bit may be stale; a waker finds that out at the seat. `turn` is a hint.
/// Writers: a waiter sets its own bit; wakers, who take bits; the waiter, or recovery, clears it.
/// Crash safety: a dead waiter's bit is cleared by recovery, or by the waker that finds it.
struct alignas(64) wait_list {
    static constexpr std::uint32_t words = 64;  // for arenas of 4,096 lanes at most
    std::atomic<std::uint64_t> summary;
    /// The lane from which on the next one to be woken is looked for: everybody is woken in turn,
    /// whatever his lane's number.
    std::atomic<std::uint32_t> turn;
    /// A waiter that others have been faster than for too long (see reservation); 0: nobody.
    std::atomic<std::uint32_t> overdue;
    std::atomic<std::uint64_t> lanes[words];

    bool nobody_waits() const noexcept { return summary.load(std::memory_order_seq_cst) == 0; }
    void add(std::uint32_t lane) noexcept;
    bool has(std::uint32_t lane) const noexcept;
    void remove(std::uint32_t lane) noexcept;
    /// All that a dead thread has left.
    void forget(std::uint32_t lane) noexcept;
    /// True for the one who clears the lane's bit.
    bool take(std::uint32_t lane) noexcept;
};

/// Sleeps on the thread's seat until somebody calls wake_one for `topic`, or until the deadline.
/// `is_ready` is asked once when the thread is on the list, so no wake-up is lost. Not inside.
void sleep_on_seat(thread_lane& l, wait_list& list, std::uint64_t topic, deadline until,
                   const std::function<bool()>& is_ready) noexcept;

void wake_next(arena& a, wait_list& list, std::uint64_t topic) noexcept;
/// Wakes one of those who wait, in turn. No system call when nobody does. Not inside.
inline void wake_one(arena& a, wait_list& list, std::uint64_t topic) noexcept {
    if (!list.nobody_waits()) wake_next(a, list, topic);
}

}  // namespace valpool::detail
