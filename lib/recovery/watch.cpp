#include "recovery/watch.hpp"

#include "object/root_provider.hpp"
#include "process/fork.hpp"
#include "process/reclaim.hpp"
#include "process/references.hpp"
#include "process/retirement.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace valpool::detail {
namespace {

using namespace std::chrono;

enum class look { too_soon, due, overdue };

/// In each period, lets one caller look; for the others it is too soon. A time that lies in the
/// future is from another clock (of a time namespace), and means nothing.
look claim_look(watch& looks) noexcept {
    constexpr std::int64_t slice_ns = nanoseconds(look_slice).count();
    const std::int64_t now = steady_now_ns();
    std::int64_t last = looks.last_look.load(std::memory_order_relaxed);
    const bool is_soon = last <= now && now - last < slice_ns * 9 / 10;
    if (is_soon || !looks.last_look.compare_exchange_strong(last, now, std::memory_order_relaxed))
        return look::too_soon;
    return last > now || now - last < 3 * slice_ns ? look::due : look::overdue;
}

/// True when the lane is a lookout. If a place is vacant, the lane becomes one.
bool is_lookout(watch& looks, std::uint32_t lane) noexcept {
    for (auto& lookout : looks.lookout)
        if (lookout.load(std::memory_order_relaxed) == lane + 1) return true;
    for (auto& lookout : looks.lookout) {
        std::uint32_t vacant = 0;
        if (lookout.load(std::memory_order_relaxed) == 0 &&
            lookout.compare_exchange_strong(vacant, lane + 1, std::memory_order_relaxed))
            return true;
    }
    return false;
}

/// Wakes a sleeper that is no lookout, if there is one: the first one behind the lane `behind`.
void wake_another(arena& a, std::uint32_t behind) noexcept {
    for (std::uint32_t n = 0; n < a.lane_count; ++n) {
        const std::uint32_t i = (behind + 1 + n) % a.lane_count;
        const auto is_it = [i](const auto& lookout) { return lookout.load() == i + 1; };
        const auto& lookout = a.looks.lookout;
        if (a.seat_at(i).asleep.load(std::memory_order_relaxed) != 0 &&
            std::none_of(std::begin(lookout), std::end(lookout), is_it) && wake_seat(a.seat_at(i)))
            return;
    }
}

/// Replaces lookouts that do not do their work. A lookout that does not sleep has something else to
/// do. When nobody has looked for long, the sleeping lookouts must have been stopped. The thread
/// that is woken instead takes the vacant place when it goes to sleep again.
void replace_lookouts(arena& a, std::uint32_t own_lane, bool are_stopped) noexcept {
    for (auto& lookout : a.looks.lookout) {
        const std::uint32_t lane = lookout.load(std::memory_order_relaxed) - 1;
        if (lane == own_lane) continue;
        const bool sleeps =
            lane < a.lane_count && a.seat_at(lane).asleep.load(std::memory_order_relaxed) != 0;
        if (sleeps && !are_stopped) continue;
        lookout.store(0, std::memory_order_relaxed);
        wake_another(a, sleeps ? lane : own_lane);
    }
}

}  // namespace

nanoseconds nap_of(arena& a, std::uint32_t lane) noexcept {
    if (is_lookout(a.looks, lane)) return look_slice;
    constexpr milliseconds for_each_sleeper{200};
    const std::uint32_t sleepers = a.looks.sleepers.load(std::memory_order_relaxed);
    const nanoseconds whole =
        std::max<nanoseconds>(for_each_sleeper * std::min(sleepers, a.lane_count), look_slice);
    // The sleepers must not all wake at once: each lane has a nap of its own length, between three
    // quarters and the whole.
    constexpr std::uint32_t spread = 64;
    return whole * (4 * spread - lane * 37 % spread) / (4 * spread);
}

void look_now_and_then(thread_lane& l) noexcept {
    arena& a = *l.pool;
    const look turn = claim_look(a.looks);
    if (turn == look::too_soon) return;
    recover_if_needed(*l.at);
    give_up_own_part(*l.at);
    retire_if_lost(*l.at);
    give_back_late_holds(l);
    a.looks.sleepers.store(roots().rouse_sleepers(l), std::memory_order_relaxed);
    replace_lookouts(a, l.index, turn == look::overdue);
}

void look_now_and_then(const arena& a) noexcept {
    if (!a.shared_by_file) return;
    try {
        look_now_and_then(lane_of_thread(const_cast<arena&>(a), deadline::in_seconds(0)));
    } catch (const std::exception&) {
        // No lane for this thread: then it does not look for the dead.
    }
}

}  // namespace valpool::detail
