#include <valpool/detail/box.hpp>
#include <valpool/error.hpp>

#include "base/kill_point.hpp"
#include "memory/recovery.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

namespace valpool::detail {
namespace {

/// What box::mutator and box::lock_owner call a lane.
std::uint16_t name_in_box(const thread_lane& l) noexcept {
    static_assert(raw_header::most_slots < std::numeric_limits<std::uint16_t>::max());
    return static_cast<std::uint16_t>(l.index + 1);
}

bool belongs_to_the_dead(thread_lane& l, std::uint32_t lane_plus_one) noexcept {
    if (!l.at->notices_deaths()) return false;
    const std::uint32_t owner = l.pool->lane_at(lane_plus_one - 1).owner.load();
    return owner != 0 && is_dead(*l.at, owner - 1);
}

/// Somebody else is named there: if that one has died, recovery poisons the box.
void look_for_death(thread_lane& l, std::uint32_t lane_plus_one) noexcept {
    if (belongs_to_the_dead(l, lane_plus_one)) recover_if_needed(*l.at);
}

bool try_take(thread_lane& l, box& b) {
    const std::uint16_t me = name_in_box(l);
    if (b.lock_owner.load(std::memory_order_relaxed) != me) {
        std::uint16_t nobody = 0;
        // Acquire: pairs with the release in unlock_box.
        if (!b.lock_owner.compare_exchange_strong(nobody, me, std::memory_order_acquire))
            return false;
        VALPOOL_KILL_POINT("box.locked");
    }
    ++b.lock_depth;
    if (!b.poisoned.load(std::memory_order_relaxed)) return true;
    unlock_box(b);
    throw_poisoned();
}

}  // namespace

void throw_poisoned() {
    throw PoisonedError(
        "a process died while it was changing this shared value: its content can "
        "be half-changed; clear it or replace it");
}

void mutation::begin(box& b) {
    thread_lane& l = lane_of_thread(arena_of(b));
    const std::uint16_t me = name_in_box(l);
    const std::uint32_t other = b.mutator.load(std::memory_order_relaxed);
    if (other != 0 && other != me) look_for_death(l, other);
    check_usable(b);
    if (b.mutator.load(std::memory_order_relaxed) != 0) return;
    b.mutator.store(me, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    box_ = &b;
    VALPOOL_KILL_POINT("box.mutating");
}

void mutation::end() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("box.mutated");
    box_->mutator.store(0, std::memory_order_release);
}

bool try_lock_box(box& b) {
    thread_lane& l = lane_of_thread(arena_of(b));
    if (try_take(l, b)) return true;
    if (const std::uint32_t other = b.lock_owner.load()) look_for_death(l, other);
    return try_take(l, b);
}

void lock_box(box& b) {
    thread_lane& l = lane_of_thread(arena_of(b));
    for (unsigned spins = 0; spins < 200; ++spins)
        if (try_take(l, b)) return;
    auto pause = std::chrono::microseconds(50);
    for (auto waited = pause; !try_take(l, b); waited += pause) {
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::microseconds(1000));
        if (waited < std::chrono::milliseconds(20)) continue;
        waited = {};
        if (const std::uint32_t other = b.lock_owner.load()) look_for_death(l, other);
    }
}

void unlock_box(box& b) noexcept {
    if (--b.lock_depth != 0) return;
    VALPOOL_KILL_POINT("box.unlocking");
    b.lock_owner.store(0, std::memory_order_release);  // pairs with the acquire in try_take
}

}  // namespace valpool::detail
