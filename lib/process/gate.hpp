#pragma once

/// Going in and out of operations on shared structure, which recovery has to wait for (the field
/// calls it a safepoint).

#include "process/lane.hpp"

#include <cassert>
#include <chrono>
#include <utility>

namespace valpool::detail {

/// Operations that ask for no time-out of their own wait so long at a gate that is closed: a repair
/// takes milliseconds, so whoever is at it has been stopped.
constexpr std::chrono::seconds longest_stall{10};

/// Who tries once must not notice a repair.
deadline or_repair(deadline until) noexcept;
/// Enters once the gate is open again; runs the recovery itself when its recoverer has died. False
/// when the gate is closed at the deadline still, or after some milliseconds, so that the caller
/// can look for what else would end its wait. (An immediate deadline allows for a repair, too:
/// whoever tries once must not notice it.)
bool enter_by(thread_lane& l, deadline until) noexcept;
/// The same for what must go on: not at all if others have waited in vain.
bool enter_soon(thread_lane& l) noexcept;
/// The same until what gate_limit says. Throws PoolStalled.
void wait_and_enter(thread_lane& l);
[[noreturn]] void throw_stalled(const arena& a);

/// An operation of this thread that has a deadline, for what it does in the pool meanwhile.
class gate_limit {
public:
    gate_limit(thread_lane& l, deadline until) noexcept
        : lane_(l), before_(std::exchange(l.gate_until, until)) {}
    ~gate_limit() { lane_.gate_until = before_; }
    gate_limit(const gate_limit&) = delete;
    gate_limit& operator=(const gate_limit&) = delete;

private:
    thread_lane& lane_;
    deadline before_;
};

/// The time that a thread spends on shared structure. It is mostly nanoseconds (docs/locks.md has
/// what takes longer), never blocks, and does not nest: who is inside calls nothing that enters.
/// The closing of the gate waits for everybody to leave, and nobody enters a closed one: the store
/// to `activity` and the load of `closed` must not pass each other. The recoverer orders them with
/// membarrier(2) in place of a fence here, except where that is missing. Throws PoolStalled, not
/// inside, when the gate stays closed.
class inside {
public:
    explicit inside(thread_lane& l) : lane_(l) {
        assert(!l.is_inside());
        if (!l.try_enter()) [[unlikely]]
            wait_and_enter(l);
    }
    ~inside() { lane_.leave(); }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;

private:
    thread_lane& lane_;
};

/// Leaves what the thread has entered by try_enter or enter_by.
class leave_later {
public:
    explicit leave_later(thread_lane& l) noexcept : lane_(l) {}
    ~leave_later() { lane_.leave(); }
    leave_later(const leave_later&) = delete;
    leave_later& operator=(const leave_later&) = delete;

private:
    thread_lane& lane_;
};

/// As `inside`, for those who can do without: false when the gate was closed for too long.
class maybe_inside {
public:
    explicit maybe_inside(thread_lane& l) noexcept
        : lane_(l), is_inside_(l.try_enter() || enter_soon(l)) {}
    ~maybe_inside() {
        if (is_inside_) lane_.leave();
    }
    maybe_inside(const maybe_inside&) = delete;
    maybe_inside& operator=(const maybe_inside&) = delete;
    explicit operator bool() const noexcept { return is_inside_; }

private:
    thread_lane& lane_;
    const bool is_inside_;
};

}  // namespace valpool::detail
