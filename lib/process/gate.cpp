#include "process/gate.hpp"

#include "base/cancellation.hpp"
#include "process/reclaim.hpp"
#include "process/slot.hpp"

#include <string>
#include <thread>

namespace valpool::detail {

namespace {
/// Waits at the gate, in short sleeps, and enters; false when the deadline has passed.
bool wait_at_gate(thread_lane& l, deadline until) noexcept {
    const no_cancellation guard;
    for (unsigned turns = 1; !l.may_enter() || !l.try_enter(); ++turns) {
        if (until.has_passed()) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(turns < 1000 ? 20 : 500));
        // If the gate is closed but the role is free, the recoverer has died.
        if (turns % 16 == 0) recover_if_needed(*l.at);
    }
    l.at->stalled.store(false, std::memory_order_relaxed);
    return true;
}

/// Longer than a repair takes.
constexpr std::chrono::milliseconds moment{50};

}  // namespace

deadline or_repair(deadline until) noexcept {
    constexpr std::chrono::milliseconds repair{20};
    return until.is_immediate() ? deadline::in(repair) : until;
}

bool enter_by(thread_lane& l, deadline until) noexcept {
    return wait_at_gate(l, or_repair(until).or_in(moment));
}

bool enter_soon(thread_lane& l) noexcept {
    if (l.at->stalled.load(std::memory_order_relaxed)) return l.try_enter();
    const bool has_entered = wait_at_gate(l, deadline::in(moment));
    if (!has_entered) l.at->stalled.store(true, std::memory_order_relaxed);
    return has_entered;
}

void wait_and_enter(thread_lane& l) {
    const deadline until =
        l.gate_until.is_never() ? deadline::in(longest_stall) : or_repair(l.gate_until);
    if (!wait_at_gate(l, until)) throw_stalled(*l.pool);
}

void throw_stalled(const arena& a) {
    throw PoolStalled("process " + std::to_string(pid_of_slot(a, a.entrance.recoverer.load())) +
                      " was stopped while it was repairing the pool: nobody can change anything in "
                      "the pool until that process continues or dies");
}

}  // namespace valpool::detail
