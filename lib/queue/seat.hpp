#pragma once

#include "base/clock.hpp"
#include "memory/arena.hpp"
#include "queue/recoverable_mutex.hpp"

#include <boost/interprocess/sync/interprocess_condition.hpp>

#include <cstdint>
#include <functional>

namespace valpool::detail {

/// Where one thread sleeps; one for each lane. Nobody else ever waits there.
///
/// A condition with a dead waiter in it wedges its notifiers, and so does a dead notifier. So the
/// condition serves one wait only: its waiter constructs it afresh each time, and it is notified
/// once, under the guard, and disarmed after that.
/// Invariants: `waiting` (what is waited for, 0: nothing) and `condition` change only under
/// `guard`; `ready` is set once the guard has been constructed, and never cleared.
/// Writers: the lane's thread; a waker clears `waiting`.
/// Crash safety: the guard heals at the next lock. A waker that dies before it notifies costs its
/// waiter the rest of a slice (see slice in seat.cpp).
struct seat {
    std::atomic<std::uint32_t> ready;
    std::atomic<std::uint64_t> waiting;
    recoverable_mutex guard;
    boost::interprocess::interprocess_condition condition;
};
static_assert(sizeof(seat) <= sizeof(seat_room), "the arena keeps this much room a seat");
static_assert(alignof(seat) <= alignof(seat_room), "and aligns it");

/// The threads that wait for the same thing, as a bitmap of lanes. Lies in the pool.
/// Invariants: a set bit of `lanes` is covered by a set bit of `summary`, or its setter has not
/// come that far. A bit may be stale; a waker finds that out at the seat.
/// Crash safety: a dead waiter's bit is cleared by recovery, or by the waker that finds it.
struct alignas(64) wait_list {
    static constexpr std::uint32_t words = 64;  // for arenas of 4,096 lanes at most
    std::atomic<std::uint64_t> summary;
    std::atomic<std::uint64_t> lanes[words];

    bool nobody_waits() const noexcept { return summary.load(std::memory_order_seq_cst) == 0; }
    void add(std::uint32_t lane) noexcept;
    void remove(std::uint32_t lane) noexcept;
};

enum class wait_result { woken, slice_over };

/// Sleeps on the lane's seat until somebody calls wake_one for `topic`, or a slice of time, or the
/// deadline, has passed. `is_ready` is asked once after the seat is armed, so no wake-up is lost.
/// Not inside.
wait_result sleep_on_seat(arena& a, std::uint32_t lane, wait_list& list, std::uint64_t topic,
                          deadline until, const std::function<bool()>& is_ready) noexcept;

void wake_first(arena& a, wait_list& list, std::uint64_t topic) noexcept;
/// Wakes one of those who wait. No system call when nobody does. Not inside.
inline void wake_one(arena& a, wait_list& list, std::uint64_t topic) noexcept {
    if (!list.nobody_waits()) wake_first(a, list, topic);
}

}  // namespace valpool::detail
