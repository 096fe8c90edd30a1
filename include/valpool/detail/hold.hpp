#pragma once

/// Handles of a process on a box, which share a hold.

#include <valpool/detail/box.hpp>
#include <valpool/detail/hold_state.hpp>

namespace valpool::detail {

/// A hold of this process on a box that is certainly alive (reached through a reference that the
/// caller knows to exist). Counts in the box. Throws PoolExhausted.
VALPOOL_API hold* hold_box(box& b);
inline void add_handle(hold& h) noexcept { h.handles.fetch_add(1, std::memory_order_relaxed); }
/// Drops one handle; the last one ends the hold, and the box with it when nobody else has it.
VALPOOL_API void drop_handle(hold* h) noexcept;

}  // namespace valpool::detail
