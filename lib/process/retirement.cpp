#include "process/retirement.hpp"

#include "base/kill_point.hpp"

namespace valpool::detail {

void retire(arena& a) noexcept {
    // Stored before the wake-ups: a thread that is about to sleep either sees this or is woken.
    a.entrance.retired.store(1, std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("retire.said");
    for (std::uint32_t i = 0; i < a.lane_count; ++i) wake_seat(a.seat_at(i));
}

void retire_if_lost(attachment& at) noexcept {
    arena& a = *at.pool;
    if (a.main_slot.load(std::memory_order_relaxed) == 0 && !is_retired(a) &&
        at.file.name_count() == 0)
        retire(a);
}

void throw_retired(const arena& a) {
    throw PoolRetired(subject_of(a) +
                      " has been retired: its SHMMain has ended or started a new pool (restart() "
                      "attaches to the next pool of that name)");
}

}  // namespace valpool::detail
