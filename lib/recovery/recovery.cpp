#include "recovery/recovery.hpp"

#include "alloc/slab.hpp"
#include "base/cancellation.hpp"
#include "base/kill_point.hpp"
#include "object/root_provider.hpp"
#include "recovery/mark.hpp"
#include "recovery/stop_world.hpp"
#include "recovery/sweep.hpp"
#include "segment/segment.hpp"

#include <chrono>
#include <thread>

namespace valpool::detail {

namespace {

void free_dead_lanes(arena& a, const slot_set& dead) noexcept {
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        lane& l = a.lane_at(i);
        const std::uint32_t owner = l.owner.load();
        if (owner == 0 || !dead.test(owner - 1)) continue;
        roots().repair_lane(a, i);
        l.activity.store(0);
        VALPOOL_KILL_POINT("recovery.cleaned_lane");
        l.owner.store(0);
    }
}

void free_dead_slots(arena& a, const slot_set& dead) noexcept {
    for (std::uint32_t s = 0; s < a.lane_count; ++s) {
        if (!dead.test(s)) continue;
        a.slot(s).ledger.store(0);
        VALPOOL_KILL_POINT("recovery.emptied_slot");
        std::uint32_t main = s + 1;
        a.main_slot.compare_exchange_strong(main, 0);
        a.slot(s).state.store(process_slot::free);
    }
}

/// Gives the change a temporary heap and flushes that into the bitmaps afterwards, however small it
/// is: others could not use what stays set aside.
void change_with_own_heap(arena& a, const std::function<void(lane_heap&)>& change) {
    lane_heap heap{};
    change(heap);
    flush_heap(a, heap);
}

/// Removes temporary pipes and taps that nobody holds any more after the deaths, and those that
/// could not be removed in time earlier.
void remove_unheld(arena& a) noexcept {
    change_with_own_heap(a, [&](lane_heap& heap) { roots().remove_unheld(a, heap); });
    a.pipes_due.store(0, std::memory_order_relaxed);
}

/// Repairs everything, starting from the roots. The world is stopped. If this recoverer dies, the
/// next one can repeat every step: the lanes and slots of the dead are freed last, so that the next
/// one finds the same dead and the same roots.
void repair(attachment& at, const slot_set& dead) noexcept {
    arena& a = *at.pool;
    roots().settle(a, dead);
    VALPOOL_KILL_POINT("recovery.settled");
    const std::size_t system_bytes = mark_what_is_alive(a, dead);
    sweep(a, dead);
    a.system_bytes.store(system_bytes);
    // Pipes and taps that a dead process had already taken out of their lists have been swept.
    a.pipe_removals.fetch_add(1, std::memory_order_relaxed);
    remove_unheld(a);
    VALPOOL_KILL_POINT("recovery.removed_pipes");
    free_dead_lanes(a, dead);
    VALPOOL_KILL_POINT("recovery.freed_lanes");
    free_dead_slots(a, dead);
    VALPOOL_KILL_POINT("recovery.freed_slots");
    a.entrance.recoveries.fetch_add(1);
}

void flush_all_heaps(arena& a) noexcept {
    for (std::uint32_t i = 0; i < a.lane_count; ++i) flush_heap(a, a.heap(i));
    release_empty_pages(a, 0, a.page_count);
}

bool others_set_aside(const thread_lane& l) noexcept {
    arena& a = *l.pool;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        if (i == l.index) continue;
        const lane_heap& heap = a.heap(i);
        if (heap.freed_bytes.load(std::memory_order_relaxed) != 0) return true;
        for (const block_group& reserve : heap.reserves)
            if (reserve.mask.load(std::memory_order_relaxed) != 0) return true;
    }
    return false;
}

recovery_result recover(attachment& at) noexcept {
    const no_cancellation guard;
    at.file.revive(segment_path(at.name).c_str());
    arena& a = *at.pool;
    const auto needed = [&] {
        return find_dead(at).any() || a.entrance.closed.load() != 0 ||
               a.pipes_due.load(std::memory_order_relaxed) != 0;
    };
    if (!needed()) return recovery_result::nothing_dead;
    if (is_put_off(a)) return recovery_result::put_off;
    recovery_turn turn(at);
    if (!turn) return recovery_result::busy;
    if (!needed()) return recovery_result::nothing_dead;
    if (!stop_world(at)) return recovery_result::put_off;
    // Only now: processes that died while the gate was closing belong to the dead, too.
    repair(at, find_dead(at));
    open_gate(a);
    return recovery_result::done;
}

bool try_change_alone(attachment& at, const std::function<void()>& change) noexcept {
    arena& a = *at.pool;
    if (is_put_off(a)) return false;
    recovery_turn turn(at);
    if (!turn) return false;
    // A closed gate is that of a recoverer that died in a repair.
    const bool was_closed = a.entrance.closed.load() != 0;
    if (!stop_world(at)) return false;
    // If this process dies from here on, the gate stays closed, and a thread that waits there does
    // the repair.
    const slot_set dead = find_dead(at);
    if (was_closed || dead.any()) repair(at, dead);
    change();
    open_gate(a);
    return true;
}

class recovery final : public reclaimer {
public:
    recovery_result recover(attachment& at) noexcept override { return detail::recover(at); }
    void collect_set_aside(thread_lane& l) noexcept override {
        if (others_set_aside(l)) try_change_alone(*l.at, [&] { flush_all_heaps(*l.pool); });
    }
};
constinit recovery the_recovery;

}  // namespace

reclaimer& recovery_of_pools() noexcept { return the_recovery; }

bool change_alone(attachment& at, const std::function<void(lane_heap&)>& change) noexcept {
    if (!at.notices_deaths()) return false;
    const no_cancellation guard;
    at.file.revive(segment_path(at.name).c_str());
    constexpr std::chrono::milliseconds longest{200};
    for (const deadline end = deadline::in(longest);;) {
        if (try_change_alone(at, [&] { change_with_own_heap(*at.pool, change); })) return true;
        if (end.has_passed()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace valpool::detail
