#include <valpool/object/detail/mutation.hpp>

#include <valpool/base/error.hpp>

#include "base/kill_point.hpp"
#include "object/box_lock.hpp"
#include "object/box_owner.hpp"
#include "process/fork.hpp"

namespace valpool::detail {

void throw_poisoned() {
    throw PoisonedError(
        "a process died while it was changing this shared value: its content may be half-changed; "
        "clear or replace the value");
}

bool is_usable(const box& b) noexcept {
    if (b.poisoned.load(std::memory_order_relaxed)) return false;
    if (with_attachment_of(b, [&](attachment& at) { return has_dead_mutator(at, b); }))
        return false;
    return !b.poisoned.load(std::memory_order_relaxed);
}

void check_touched(const box& b) {
    if (!is_usable(b)) throw_poisoned();
}

bool must_be_reset(const box& b) noexcept {
    if (b.lock_word.load(std::memory_order_relaxed) != 0 &&
        with_attachment_of(b, [&](attachment& at) { return has_dead_owner(at, b); }))
        return true;
    return !is_untouched(b) && !is_usable(b);
}

namespace {
/// Whether a mutation of the box is going on, mostly an outer one of this thread. Then that one's
/// mark stays. Throws PoisonedError.
[[gnu::noinline]] bool is_changed_already(const box& b, std::uint16_t me) {
    if (b.mutator.load(std::memory_order_relaxed) != me ||
        b.poisoned.load(std::memory_order_relaxed))
        check_touched(b);
    return b.mutator.load(std::memory_order_relaxed) != 0;
}

/// Called when another thread has the lock. This thread should not use the content without the
/// lock; but only if the owner has died is it certain that it must not. Throws PoisonedError then.
[[gnu::noinline]] void check_owner(const box& b) {
    if (with_attachment_of(b, [&](attachment& at) { return has_dead_owner(at, b); }))
        throw_poisoned();
}
}  // namespace

void mutation::begin(box& b) {
    const std::uint16_t me = name_in_box(lane_of_thread(arena_of(b)));
    const std::uint32_t owner = lock_owner_in(b.lock_word.load(std::memory_order_relaxed));
    if (owner != 0 && owner != me) [[unlikely]]
        check_owner(b);
    if (!is_untouched(b) && is_changed_already(b, me)) return;
    b.mutator.store(me, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    box_ = &b;
    generation_ = fork_generation();
    VALPOOL_KILL_POINT("box.mutating");
}

void mutation::end() noexcept {
    // A forked child leaves its parent's mark alone.
    if (generation_ != fork_generation() && !is_copied_by_fork(*box_)) return;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("box.mutated");
    box_->mutator.store(0, std::memory_order_release);
}

}  // namespace valpool::detail
