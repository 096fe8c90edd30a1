#include "recovery/stop_world.hpp"

#include "base/clock.hpp"
#include "base/kill_point.hpp"
#include "process/slot.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace valpool::detail {

namespace {

using std::chrono::steady_clock;

/// Longer than any operation takes, unless its thread was preempted in the middle.
constexpr auto patience = std::chrono::milliseconds(5);

/// The pauses between attempts that a stopped process foils: from twice this to 2^7 times this.
constexpr std::int64_t shortest_pause_ns = 10'000'000;
constexpr std::uint32_t most_doublings = 7;

/// Waits until the lane's thread is outside or dead; false when a living thread did not leave in
/// time.
bool wait_for_leave(const attachment& at, std::uint32_t lane_index,
                    steady_clock::time_point until) noexcept {
    const lane& l = at.pool->lane_at(lane_index);
    // Acquire: pairs with leave, so that everything the thread did inside is visible.
    for (unsigned spins = 0; l.activity.load(std::memory_order_acquire) != 0; ++spins) {
        const std::uint32_t owner = l.owner.load(std::memory_order_acquire);
        if (owner == 0 || is_dead(at, owner - 1)) return true;
        if (spins < 100) continue;
        if (steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    return true;
}

}  // namespace

// A time that is farther ahead than any pause is from another clock (of a time namespace), and
// means nothing.
bool is_put_off(const arena& a) noexcept {
    const std::int64_t left = a.entrance.put_off_until.load() - steady_now_ns();
    return left > 0 && left <= shortest_pause_ns << most_doublings;
}

void open_gate(arena& a) noexcept { a.entrance.closed.store(0, std::memory_order_seq_cst); }

bool stop_world(attachment& at) noexcept {
    arena& a = *at.pool;
    a.entrance.recoverer.store(at.slot + 1, std::memory_order_relaxed);
    a.entrance.closed.store(1, std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("recovery.closed_gate");
    if (a.entrance.full_fences.load(std::memory_order_relaxed) == 0) barrier_for_all_processes();
    const auto until = steady_clock::now() + patience;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        if (a.lane_at(i).owner.load(std::memory_order_acquire) == 0) continue;
        if (wait_for_leave(at, i, until)) continue;
        a.entrance.foiled_by.store(a.lane_at(i).owner.load());
        open_gate(a);
        const std::uint32_t times = a.entrance.put_offs.fetch_add(1) + 1;
        const std::int64_t pause_ns = shortest_pause_ns << std::min(times, most_doublings);
        a.entrance.put_off_until.store(steady_now_ns() + pause_ns);
        return false;
    }
    a.entrance.put_offs.store(0);
    a.entrance.foiled_by.store(0);
    return true;
}

}  // namespace valpool::detail
