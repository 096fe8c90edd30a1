#include "segment/seat.hpp"

#include "base/clock.hpp"
#include "base/futex.hpp"
#include "base/kill_point.hpp"

namespace valpool::detail {

bool wake_seat(seat& s) noexcept {
    // The sleeper sees it when it sees that it is awake. Another waker may write a later time, and
    // wake nobody: then the sleeper takes its wake-up for shorter than it was.
    s.waking_ns.store(steady_now_ns(), std::memory_order_relaxed);
    std::uint32_t asleep = 1;
    if (!s.asleep.compare_exchange_strong(asleep, 0, std::memory_order_acq_rel)) return false;
    VALPOOL_KILL_POINT("seat.waking");
    futex_wake(s.asleep);
    VALPOOL_KILL_POINT("seat.notified");
    return true;
}

bool wake_seat(seat& s, std::uint64_t topic) noexcept {
    // The thread may have begun to wait for something else by now. Then it wakes in vain once. Its
    // earlier wait loses nothing: the thread has left that list of waiters and checked its
    // condition since.
    if (s.asleep.load(std::memory_order_acquire) == 0) return false;
    const std::uint64_t its = s.topic.load(std::memory_order_relaxed);
    return (its == topic || its == any_topic) && wake_seat(s);
}

}  // namespace valpool::detail
