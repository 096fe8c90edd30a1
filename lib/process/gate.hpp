#pragma once

/// Entering and leaving the pool for operations on shared structure. Recovery closes the gate and
/// waits until nobody is inside (the field calls that a safepoint).

#include "process/lane.hpp"

#include <cassert>
#include <chrono>
#include <utility>

namespace valpool::detail {

/// How long an operation without a time-out of its own waits at a closed gate. A repair takes
/// milliseconds, so after that time the recoverer must have been stopped.
constexpr std::chrono::seconds longest_stall{10};

/// `until`, but an immediate deadline becomes one that allows for a repair: a caller that tries
/// once must not notice a repair.
deadline or_repair(deadline until) noexcept;
/// Enters once the gate is open again; runs the recovery itself when the recoverer has died. False
/// when the gate is still closed at or_repair(until), or after 50 ms, so that the caller can check
/// what else would end its wait.
bool enter_by(thread_lane& l, deadline until) noexcept;
/// The same for callers that must go on in any case: waits 50 ms at most, and not at all if another
/// thread of this process has waited in vain.
bool enter_soon(thread_lane& l) noexcept;
/// The same until the deadline that gate_limit set, or for longest_stall when there is none. Throws
/// PoolStalled when that has passed.
void wait_and_enter(thread_lane& l);
[[noreturn]] void throw_stalled(const arena& a);

/// Sets the deadline of this thread's waits at the gate for the duration of an operation.
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

/// While it exists, the thread is inside: it works on shared structure. That takes mostly
/// nanoseconds (docs/locks.md lists what takes longer), never blocks, and does not nest: code that
/// runs inside calls nothing that enters. Whoever closes the gate waits for everybody to leave, and
/// nobody enters a closed gate. For that, the store to `activity` and the load of `closed` must not
/// be reordered. The recoverer orders them with membarrier(2), so that no fence is needed here,
/// except where membarrier(2) is missing. The constructor throws PoolStalled, outside, when the
/// gate stays closed.
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

/// Leaves, at its end, what the thread has entered by try_enter or enter_by.
class leave_later {
public:
    explicit leave_later(thread_lane& l) noexcept : lane_(l) {}
    ~leave_later() { lane_.leave(); }
    leave_later(const leave_later&) = delete;
    leave_later& operator=(const leave_later&) = delete;

private:
    thread_lane& lane_;
};

/// As `inside`, for callers that can do without: false when the gate was closed for too long.
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
