#pragma once

/// Moving references between a process's ledger and the structures in the pool.
///
/// The order of stores is the same everywhere: the new place of a reference is written before the
/// old one is cleared, and a count goes up before the reference it stands for exists. So a crash
/// between two stores leaves a box's count too high, never too low.

#include "object/box_layout.hpp"
#include "process/gate.hpp"

#include <utility>

namespace valpool::detail {

/// A new hold with a ledger entry of its own that is not used yet. Throws as new_hold.
hold* make_hold(thread_lane& l, deadline until);
/// Takes back a hold that has ended and whose entry has been cleared.
void return_hold(thread_lane& l, hold* h) noexcept;

/// A hold that is not in the ledger yet. Once it exists, everything that can fail has been done.
class new_hold {
public:
    /// Throws PoolExhausted, std::bad_alloc; PoolStalled at the deadline.
    explicit new_hold(thread_lane& l, deadline until = deadline::never())
        : lane_(l), hold_(l.spare_holds.take()) {
        if (!hold_) hold_ = make_hold(l, until);
        hold_->handles.store(1, std::memory_order_relaxed);
    }
    ~new_hold() {
        if (hold_) return_hold(lane_, hold_);
    }
    new_hold(const new_hold&) = delete;
    new_hold& operator=(const new_hold&) = delete;

    /// Inside. The entry's reference must be counted in the box already, or be taken over from
    /// another place.
    void write_entry(std::uint64_t box_offset) noexcept {
        // Release: a recoverer that finds the entry finds the box complete.
        lane_.at->ledger.entry(hold_->entry).store(box_offset, std::memory_order_release);
    }
    /// Makes the entry unused again when the reference could not be taken over. Inside.
    void clear_entry() noexcept;
    /// Uses, instead of the new hold, one that has a box already.
    void take_over(hold* h) noexcept { return_hold(lane_, std::exchange(hold_, h)); }
    /// Returns the hold, with one handle. write_entry must have been called.
    hold* release(box& b) noexcept {
        hold_->target = &b;
        return std::exchange(hold_, nullptr);
    }

private:
    thread_lane& lane_;
    hold* hold_;
};

/// Clears the entry of a hold whose reference somebody else has taken over. Inside.
void clear_entry(hold& h) noexcept;
/// Ends a hold whose entry has been cleared. Not inside.
void end_hold(thread_lane& l, hold* h) noexcept;

}  // namespace valpool::detail
