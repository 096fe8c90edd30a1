#include "queue/waiting.hpp"

#include "base/futex.hpp"
#include "base/kill_point.hpp"
#include "process/gate.hpp"
#include "queue/wait_policy.hpp"

#include <bit>
#include <new>

namespace valpool::detail {
namespace {

constexpr std::uint64_t bit(std::uint32_t i) noexcept { return std::uint64_t{1} << (i % 64); }
constexpr std::uint32_t nobody = UINT32_MAX;

/// Prepares the lane's seat before the thread's first sleep there. Another thread may have died
/// there and left a life mark that cannot be used any more.
void make_ready(thread_lane& l, seat& s) noexcept {
    if (l.has_seat) return;
    s.asleep.store(0, std::memory_order_relaxed);
    new (&s.alive) life_mark;
    VALPOOL_KILL_POINT("seat.constructed");
    l.has_seat = true;
}

std::uint32_t first_of(std::uint32_t word, std::uint64_t waiting) noexcept {
    return word * 64 + static_cast<std::uint32_t>(std::countr_zero(waiting));
}

/// Clears the summary bit of a word without waiters, unless a waiter has come meanwhile.
void uncover(wait_list& list, std::uint32_t word) noexcept {
    list.summary.fetch_and(~bit(word), std::memory_order_seq_cst);
    if (list.lanes[word].load(std::memory_order_seq_cst) != 0)
        list.summary.fetch_or(bit(word), std::memory_order_seq_cst);
}

/// The first waiter from the lane `from` on, wrapping around at the end.
std::uint32_t next_waiter(wait_list& list, std::uint32_t from) noexcept {
    const std::uint32_t first = from / 64 % wait_list::words;
    const std::uint64_t before = bit(from) - 1;  // lanes of the first word that had their turn
    const std::uint64_t here = list.lanes[first].load(std::memory_order_seq_cst);
    if ((here & ~before) != 0) return first_of(first, here & ~before);
    // The words in turn: it begins with the one after the first word, and ends with the first word
    // itself.
    const auto shift = static_cast<int>((first + 1) % wait_list::words);
    std::uint64_t words = std::rotr(list.summary.load(std::memory_order_seq_cst), shift);
    for (; words != 0; words &= words - 1) {
        const std::uint32_t word =
            (static_cast<std::uint32_t>(std::countr_zero(words)) + first + 1) % wait_list::words;
        const std::uint64_t waiting = list.lanes[word].load(std::memory_order_seq_cst);
        if (waiting != 0) return first_of(word, waiting);
        uncover(list, word);
    }
    return nobody;
}

}  // namespace

void wait_list::add(std::uint32_t lane) noexcept {
    lanes[lane / 64].fetch_or(bit(lane), std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("wait_list.added");
    summary.fetch_or(bit(lane / 64), std::memory_order_seq_cst);
}

bool wait_list::has(std::uint32_t lane) const noexcept {
    return lane / 64 < words && (lanes[lane / 64].load(std::memory_order_relaxed) & bit(lane)) != 0;
}

void wait_list::remove(std::uint32_t lane) noexcept {
    if (has(lane)) take(lane);
}

void wait_list::forget(std::uint32_t lane) noexcept {
    remove(lane);
    const std::uint32_t up = overdue.load(std::memory_order_relaxed);
    if (up != 0 && reservation::lane_of(up) == lane) reservation::withdraw(*this, up);
}

bool wait_list::take(std::uint32_t lane) noexcept {
    return (lanes[lane / 64].fetch_and(~bit(lane), std::memory_order_seq_cst) & bit(lane)) != 0;
}

seat& arm_seat(thread_lane& l, std::uint64_t topic) noexcept {
    seat& s = l.pool->seat_at(l.index);
    make_ready(l, s);
    s.alive.hold();
    s.topic.store(topic, std::memory_order_relaxed);
    s.slot.store(l.at->slot, std::memory_order_relaxed);
    s.asleep.store(1, std::memory_order_release);  // pairs with the acquire in wake_seat
    VALPOOL_KILL_POINT("seat.armed");
    return s;
}

void leave_seat(seat& s) noexcept {
    s.asleep.store(0, std::memory_order_relaxed);
    s.alive.release();
}

std::chrono::nanoseconds sleep_on_seat(thread_lane& l, wait_list& list, std::uint64_t topic,
                                       deadline until,
                                       const std::function<bool()>& is_ready) noexcept {
    std::int64_t took_ns = 0;
    seat& s = arm_seat(l, topic);
    list.add(l.index);
    VALPOOL_KILL_POINT("seat.listed");
    // Check only after the bit is set: a thread that made the pipe ready before has not seen this
    // waiter, but this waiter sees what that thread did.
    if (!is_ready()) {
        const std::int64_t began_ns = steady_now_ns();
        while (s.asleep.load(std::memory_order_acquire) != 0)
            if (!futex_wait(s.asleep, 1, until)) break;
        const std::int64_t waking_ns = s.waking_ns.load(std::memory_order_relaxed);
        // Who was woken before has not slept.
        if (waking_ns > began_ns) took_ns = steady_now_ns() - waking_ns;
    }
    VALPOOL_KILL_POINT("seat.woken");
    list.remove(l.index);
    leave_seat(s);
    return std::chrono::nanoseconds(took_ns);
}

namespace {
/// An overdue waiter comes before the one whose turn it is.
std::uint32_t lane_to_wake(wait_list& list) noexcept {
    if (const std::uint32_t up = list.overdue.load(std::memory_order_relaxed)) {
        const std::uint32_t lane = reservation::lane_of(up);
        if (list.has(lane)) return lane;
    }
    return next_waiter(list, list.turn.load(std::memory_order_relaxed));
}
}  // namespace

void wake_next(arena& a, wait_list& list, std::uint64_t topic) noexcept {
    for (;;) {
        const std::uint32_t lane = lane_to_wake(list);
        if (lane == nobody || lane >= a.lane_count) return;
        // The thread that takes the bit wakes the lane; other wakers go on to the next one.
        if (!list.take(lane)) continue;
        VALPOOL_KILL_POINT("wake.took_bit");
        list.turn.store(lane + 1, std::memory_order_relaxed);
        if (wake_seat(a.seat_at(lane), topic)) return;
    }
}

}  // namespace valpool::detail
