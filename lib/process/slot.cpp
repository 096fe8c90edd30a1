#include "process/slot.hpp"

#include "base/kill_point.hpp"
#include "process/reclaim.hpp"

#include <stdexcept>
#include <string>

#include <unistd.h>

namespace valpool::detail {

namespace {
bool try_claim_slot(arena& a, std::uint32_t i, pool_file& file) noexcept {
    process_slot& slot = a.slot(i);
    if (slot.state.load(std::memory_order_acquire) != process_slot::free) return false;
    if (file.is_open()) {
        if (!file.try_lock(slot_role(i))) return false;
        if (slot.state.load(std::memory_order_acquire) != process_slot::free) {
            file.unlock(slot_role(i));
            return false;
        }
    }
    VALPOOL_KILL_POINT("slot.locked");
    std::uint32_t expected = process_slot::free;
    if (!slot.state.compare_exchange_strong(expected, process_slot::attached)) return false;
    VALPOOL_KILL_POINT("slot.attached");
    slot.claims.fetch_add(1, std::memory_order_release);
    slot.pid.store(getpid(), std::memory_order_relaxed);
    slot.ledger.store(0, std::memory_order_relaxed);
    return true;
}
}  // namespace

std::uint32_t claim_free_slot(arena& a, pool_file& file) noexcept {
    std::uint32_t i = 0;
    while (i < a.lane_count && !try_claim_slot(a, i, file)) ++i;
    return i;
}

std::uint32_t claim_slot(attachment& at, pool_file& file) {
    std::uint32_t slot = 0;
    try_while_dead_hold(at, [&] {
        slot = claim_free_slot(*at.pool, file);
        return slot != at.pool->lane_count;
    });
    return slot;
}

void throw_no_slot(const arena& a) {
    throw std::runtime_error(subject_of(a) + " is in use by " + std::to_string(a.lane_count) +
                             " processes already; a larger pool takes more (up to 1024)");
}

bool is_dead(const arena& a, const pool_file& file, std::uint32_t slot) noexcept {
    return a.slot(slot).state.load(std::memory_order_acquire) != process_slot::free &&
           !file.is_locked_by_another(slot_role(slot));
}

bool is_dead(const attachment& at, std::uint32_t slot) noexcept {
    return slot != at.slot && is_dead(*at.pool, at.file, slot);
}

std::int32_t pid_of_slot(const arena& a, std::uint32_t slot_plus_one) noexcept {
    if (slot_plus_one == 0 || slot_plus_one > a.lane_count) return 0;
    return a.slot(slot_plus_one - 1).pid.load(std::memory_order_relaxed);
}

}  // namespace valpool::detail
