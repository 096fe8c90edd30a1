#pragma once

/// Giving up references to boxes, and freeing boxes without references.

#include "object/box_layout.hpp"

namespace valpool::detail {

/// Gives back the chunks from `first` on. Inside.
void free_chunks(arena& a, lane_heap& heap, std::uint64_t first) noexcept;
/// Gives up the references from the node `first` on. A box whose last reference that was joins the
/// list of boxes to be freed, which begins at `work`. Inside.
void release_targets(arena& a, std::uint64_t first, std::uint64_t& work) noexcept;
/// Frees the box, and all boxes that only it referred to. Inside.
void free_boxes(arena& a, lane_heap& heap, std::uint64_t first) noexcept;

/// Frees a box to which there is no reference any more. Inside.
void free_unreferenced(arena& a, lane_heap& heap, box& b) noexcept;

/// Gives up one reference, and frees the box with the last one. Inside.
inline void release_reference(arena& a, lane_heap& heap, box& b) noexcept {
    // If this is the only reference, nobody can be counting at the same time. Acquire and release:
    // everything that others did to the box happens before its memory is used again.
    if (b.refs.load(std::memory_order_acquire) == 1 ||
        b.refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
        free_unreferenced(a, heap, b);
}

}  // namespace valpool::detail
