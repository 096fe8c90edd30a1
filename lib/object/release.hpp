#pragma once

/// Giving up references to boxes, and freeing those to which none is left.

#include "object/box_layout.hpp"

namespace valpool::detail {

/// Gives the chunks from `first` on back. Inside.
void free_chunks(arena& a, lane_heap& heap, std::uint64_t first) noexcept;
/// Gives the references from that node on up. What nobody else has goes to the list of boxes to be
/// freed that begins at `work`. Inside.
void release_targets(arena& a, std::uint64_t first, std::uint64_t& work) noexcept;
/// Frees the box, and all those that only it referred to. Inside.
void free_boxes(arena& a, lane_heap& heap, std::uint64_t first) noexcept;

/// Frees a box to which there is no reference any more. Inside.
void free_unreferenced(arena& a, lane_heap& heap, box& b) noexcept;

/// One reference less; frees the box with the last one. Inside.
inline void release_reference(arena& a, lane_heap& heap, box& b) noexcept {
    // Alone with it, nobody can be counting at the same time. Acquire and release: what the others
    // did to the box comes before its memory is used again.
    if (b.refs.load(std::memory_order_acquire) == 1 ||
        b.refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
        free_unreferenced(a, heap, b);
}

}  // namespace valpool::detail
