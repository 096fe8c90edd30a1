#include "object/box_owner.hpp"

#include "object/box_lock.hpp"
#include "process/reclaim.hpp"
#include "process/slot.hpp"

namespace valpool::detail {

namespace {
/// Makes a system call unless it is this process's own lane.
bool belongs_to_the_dead(const attachment& at, std::uint32_t lane_plus_one) noexcept {
    if (!at.notices_deaths() || lane_plus_one == 0 || lane_plus_one > at.pool->lane_count)
        return false;
    const std::uint32_t owner = at.pool->lane_at(lane_plus_one - 1).owner.load();
    return owner != 0 && is_dead(at, owner - 1);
}
}  // namespace

bool has_dead_mutator(attachment& at, const box& b) noexcept {
    const std::uint32_t writer = b.mutator.load(std::memory_order_relaxed);
    if (!belongs_to_the_dead(at, writer)) return false;
    recover_if_needed(at);
    // Recovery may have been put off, or another thread or process may still be at it.
    return b.mutator.load(std::memory_order_relaxed) == writer && belongs_to_the_dead(at, writer);
}

bool has_dead_owner(attachment& at, const box& b) noexcept {
    const std::uint32_t owner = lock_owner_in(b.lock_word.load(std::memory_order_relaxed));
    if (!belongs_to_the_dead(at, owner)) return false;
    recover_if_needed(at);
    return lock_owner_in(b.lock_word.load(std::memory_order_relaxed)) == owner &&
           belongs_to_the_dead(at, owner);
}

void forget_the_dead(thread_lane& l, box& b) noexcept {
    const no_cancellation guard;
    if (has_dead_mutator(*l.at, b)) b.mutator.store(0, std::memory_order_release);
    if (has_dead_owner(*l.at, b)) free_lock_of_the_dead(b);
}

}  // namespace valpool::detail
