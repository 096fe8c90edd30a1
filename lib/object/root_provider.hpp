#pragma once

/// The roots of a pool besides the ledgers, which the layers above provide: whatever they reach is
/// alive.

#include "object/box_layout.hpp"
#include "process/lane.hpp"
#include "process/slot.hpp"

namespace valpool::detail {

class reference_visitor {
public:
    virtual void visit(std::uint64_t box_offset) noexcept = 0;

protected:
    ~reference_visitor() = default;
};

/// The functions are called with the world stopped; visit_box also when a box is freed,
/// rouse_sleepers at any time. All of them must be repeatable: a recoverer may die, and the next
/// one starts over.
class root_provider {
public:
    /// Clears what the lane of a dead thread has left behind.
    virtual void repair_lane(arena& a, std::uint32_t lane_index) noexcept = 0;
    /// Called before a repair counts anew: makes what the dead have left consistent where counting
    /// alone would not, and gives up what must not outlive them.
    virtual void settle(arena& a, const slot_set& dead) noexcept = 0;
    /// Visits the references of the directory, the boxes of queues with a name and those of their
    /// lease tables, and of the list of taps.
    virtual void visit_roots(arena& a, reference_visitor& visitor) noexcept = 0;
    /// Puts in order what processes have left half-done in a queue, before its references are
    /// visited. `dead`: those that have died.
    virtual void settle_box(arena& a, box& b, const slot_set& dead) noexcept = 0;
    /// Visits the references that a queue or a tap in a box holds (has_packets).
    virtual void visit_box(arena& a, box& b, reference_visitor& visitor) noexcept = 0;
    /// Removes from their lists the temporary queues and the taps that nothing else refers to, and
    /// frees them. Counts and bitmaps are right at that time.
    virtual void remove_unheld(arena& a, lane_heap& heap) noexcept = 0;
    /// Wakes sleepers that could go on; of several that wait for the same thing only one, which
    /// then wakes the next. Returns how many threads sleep. Not called with the world stopped; must
    /// not be called inside.
    virtual std::uint32_t rouse_sleepers(thread_lane& l) noexcept = 0;

protected:
    ~root_provider() = default;
};

/// Must be called before this process attaches to a pool that can have queues.
void set_root_provider(root_provider& provider) noexcept;
/// The provider; one without any roots if none was set.
root_provider& roots() noexcept;

}  // namespace valpool::detail
