#pragma once

/// Hand-over of references between a process's ledger and the structures in the pool.
///
/// The order of stores is the same everywhere: the new place of a reference is written before the
/// old one is cleared, and a count goes up before the reference it stands for exists. So a crash
/// between two stores leaves a box counted too high, never too low.

#include "object/box_layout.hpp"
#include "process/gate.hpp"

#include <utility>

namespace valpool::detail {

/// A new one, with a ledger entry of its own, which is not used yet. Throws as new_hold.
hold* make_hold(thread_lane& l, deadline until);
/// One that has ended, its entry cleared.
void return_hold(thread_lane& l, hold* h) noexcept;

/// A hold that is not in the ledger yet: everything that can fail has been done.
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

    /// Inside. The reference that the entry stands for has been counted in the box, or is taken
    /// over from where it was.
    void write_entry(std::uint64_t box_offset) noexcept {
        // Release: a recoverer that finds the entry finds the box complete.
        lane_.at->ledger.entry(hold_->entry).store(box_offset, std::memory_order_release);
    }
    /// Inside; back to an unused entry, when the reference could not be taken over.
    void clear_entry() noexcept;
    /// Instead of a new one: one that has a box already.
    void take_over(hold* h) noexcept { return_hold(lane_, std::exchange(hold_, h)); }
    /// The hold, with one handle; write_entry has been called.
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
