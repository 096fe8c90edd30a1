#pragma once

/// Roots of what is alive in a pool besides the ledgers: what the layers above add.

#include "object/box_layout.hpp"
#include "process/lane.hpp"

namespace valpool::detail {

class reference_visitor {
public:
    virtual void visit(std::uint64_t box_offset) noexcept = 0;

protected:
    ~reference_visitor() = default;
};

/// Called with the world stopped (visit_box also when a box is freed, rouse_sleepers at any time).
/// Everything must be repeatable: a recoverer may die, and the next one starts over.
class root_provider {
public:
    /// Clears what a dead thread's lane left.
    virtual void repair_lane(arena& a, std::uint32_t lane_index) noexcept = 0;
    /// The references of the directory: boxes of queues that have a name.
    virtual void visit_roots(arena& a, reference_visitor& visitor) noexcept = 0;
    /// The references that a queue in a box holds (box::root_tag is queue_root_tag).
    virtual void visit_box(arena& a, box& b, reference_visitor& visitor) noexcept = 0;
    /// Takes the temporary queues out of the directory that nothing else refers to, and frees them.
    /// Counts and bitmaps are right.
    virtual void remove_unheld(arena& a, lane_heap& heap) noexcept = 0;
    /// Wakes sleepers who could go on (of many who wait for the same thing one: it wakes the next);
    /// how many sleep. Not with the world stopped: at any time, not inside.
    virtual std::uint32_t rouse_sleepers(thread_lane& l) noexcept = 0;

protected:
    ~root_provider() = default;
};

/// Before this process attaches to a pool that can have queues.
void set_root_provider(root_provider& provider) noexcept;
/// One without any roots if none was set.
root_provider& roots() noexcept;

}  // namespace valpool::detail
