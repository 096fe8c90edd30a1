#pragma once

/// The handles of a process on a box; they share a hold.

#include <valpool/object/detail/box.hpp>
#include <valpool/process/detail/hold_state.hpp>

namespace valpool::detail {

/// Makes a hold of this process on a box that is certainly alive (the caller knows that a reference
/// to it exists). Counts one reference in the box. Throws PoolExhausted.
VALPOOL_API hold* hold_box(box& b);
inline void add_handle(hold& h) noexcept { h.handles.fetch_add(1, std::memory_order_relaxed); }
/// Drops one handle. The last one ends the hold, and frees the box if no other reference is left.
VALPOOL_API void drop_handle(hold* h) noexcept;

}  // namespace valpool::detail
