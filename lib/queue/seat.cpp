#include "queue/seat.hpp"

#include "base/kill_point.hpp"

#include <bit>
#include <new>
#include <thread>

#include <pthread.h>

namespace valpool::detail {
namespace {

using native_condition = boost::interprocess::interprocess_condition;
static_assert(sizeof(native_condition) == sizeof(pthread_cond_t) &&
                  std::is_standard_layout_v<native_condition>,
              "Boost's condition is the native one and nothing else");

/// Boost waits on the wall clock only, and does not say that a mutex's owner has died.
int wait_natively(seat& s, const timespec& until) noexcept {
    return pthread_cond_clockwait(reinterpret_cast<pthread_cond_t*>(&s.condition), s.guard.native(),
                                  CLOCK_MONOTONIC, &until);
}

seat& seat_of(arena& a, std::uint32_t lane) noexcept {
    return reinterpret_cast<seat&>(a.seat(lane));
}

constexpr std::uint64_t bit(std::uint32_t i) noexcept { return std::uint64_t{1} << (i % 64); }

void make_ready(seat& s) noexcept {
    if (s.ready.load(std::memory_order_relaxed) != 0) return;
    new (&s.guard) recoverable_mutex;
    VALPOOL_KILL_POINT("seat.constructed");
    s.ready.store(1, std::memory_order_release);  // pairs with the acquire in signal
}

void arm(seat& s, std::uint64_t topic) noexcept {
    s.guard.lock_natively();
    VALPOOL_KILL_POINT("seat.guarded");
    new (&s.condition) native_condition;
    s.waiting.store(topic, std::memory_order_relaxed);
    s.guard.unlock_natively();
    VALPOOL_KILL_POINT("seat.armed");
}

bool wait_armed(seat& s, const timespec& until) noexcept {
    using outcome = recoverable_mutex::outcome;
    s.guard.lock_natively();
    while (s.waiting.load(std::memory_order_relaxed) != 0) {
        VALPOOL_KILL_POINT("seat.waiting");
        const int result = wait_natively(s, until);
        if (result != 0 && s.guard.healed(result) != outcome::owner_died) break;
    }
    const bool woken = s.waiting.load(std::memory_order_relaxed) == 0;
    s.waiting.store(0, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("seat.woken");
    s.guard.unlock_natively();
    return woken;
}

/// Guards are held for nanoseconds. One that is held for longer belongs to somebody who is
/// stopped, or off his core; waiting for him would stop us, too.
bool try_guard(seat& s) noexcept {
    using outcome = recoverable_mutex::outcome;
    const deadline patience = deadline::in(std::chrono::milliseconds(2));
    while (s.guard.try_lock_natively() == outcome::not_locked) {
        if (patience.has_passed()) return false;
        std::this_thread::yield();
    }
    return true;
}

/// True when the seat's thread was waiting for `topic` and has been woken.
bool signal(seat& s, std::uint64_t topic) noexcept {
    if (s.ready.load(std::memory_order_acquire) == 0) return false;
    if (!try_guard(s)) return false;  // its slice ends by itself
    const bool waits = s.waiting.load(std::memory_order_relaxed) == topic;
    if (waits) {
        VALPOOL_KILL_POINT("seat.notifying");
        s.condition.notify_one();
        VALPOOL_KILL_POINT("seat.notified");
        s.waiting.store(0, std::memory_order_relaxed);
    }
    s.guard.unlock_natively();
    return waits;
}

}  // namespace

void wait_list::add(std::uint32_t lane) noexcept {
    lanes[lane / 64].fetch_or(bit(lane), std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("wait_list.added");
    summary.fetch_or(bit(lane / 64), std::memory_order_seq_cst);
}

void wait_list::remove(std::uint32_t lane) noexcept {
    lanes[lane / 64].fetch_and(~bit(lane), std::memory_order_seq_cst);
}

wait_result sleep_on_seat(arena& a, std::uint32_t lane, wait_list& list, std::uint64_t topic,
                          deadline until, const std::function<bool()>& is_ready) noexcept {
    seat& s = seat_of(a, lane);
    make_ready(s);
    arm(s, topic);
    list.add(lane);
    VALPOOL_KILL_POINT("seat.listed");
    // After the bit is set: whoever made it ready before has not seen us, but we see what he did.
    const bool woken = is_ready() || wait_armed(s, until.as_timespec());
    list.remove(lane);
    return woken ? wait_result::woken : wait_result::slice_over;
}

void wake_first(arena& a, wait_list& list, std::uint64_t topic) noexcept {
    for (std::uint64_t words = list.summary.load(std::memory_order_seq_cst); words != 0;
         words &= words - 1) {
        const auto w = static_cast<std::uint32_t>(std::countr_zero(words));
        for (;;) {
            const std::uint64_t waiting = list.lanes[w].load(std::memory_order_seq_cst);
            if (waiting == 0) break;
            const auto lane = w * 64 + static_cast<std::uint32_t>(std::countr_zero(waiting));
            // Whoever takes the bit wakes the lane; the others go on to the next.
            if ((list.lanes[w].fetch_and(~bit(lane)) & bit(lane)) == 0) continue;
            VALPOOL_KILL_POINT("wake.took_bit");
            if (signal(seat_of(a, lane), topic)) return;
        }
        list.summary.fetch_and(~bit(w), std::memory_order_seq_cst);
        if (list.lanes[w].load(std::memory_order_seq_cst) != 0)
            list.summary.fetch_or(bit(w), std::memory_order_seq_cst);
    }
}

}  // namespace valpool::detail
