#include "recovery/dead.hpp"

#include "process/slot.hpp"

namespace valpool::detail {

namespace {
/// The processes that have a sleeping thread whose life mark is held. For these the kernel need not
/// be asked, which takes longer the more processes there are. If a seat changes its owner
/// meanwhile, that can hide a death from one look.
slot_set find_living_sleepers(const arena& a) noexcept {
    slot_set living;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        const seat& s = a.seat_at(i);
        if (s.asleep.load(std::memory_order_acquire) == 0) continue;
        const std::uint32_t slot = s.slot.load(std::memory_order_relaxed);
        if (slot < a.lane_count && s.alive.is_held_by_the_living()) living.set(slot);
    }
    return living;
}
}  // namespace

slot_set find_dead(const attachment& at) noexcept {
    const slot_set living = find_living_sleepers(*at.pool);
    slot_set dead;
    for (std::uint32_t i = 0; i < at.pool->lane_count; ++i)
        if (!living.test(i) && is_dead(at, i)) dead.set(i);
    return dead;
}

}  // namespace valpool::detail
