#include "recovery/dead.hpp"

#include "process/slot.hpp"

namespace valpool::detail {

namespace {
/// Whose threads sleep and are marked as alive: those need not be asked for at the kernel, which
/// takes the longer the more there are. A seat that changes hands meanwhile can hide a death from
/// one look.
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
