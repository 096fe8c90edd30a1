#pragma once

/// The end of a pool that others still use: they go on, but nobody waits there any more.

#include "process/attachment.hpp"

namespace valpool::detail {

inline bool is_retired(const arena& a) noexcept {
    return a.entrance.retired.load(std::memory_order_acquire) != 0;
}

/// For ever; wakes everybody who waits. Not inside.
void retire(arena& a) noexcept;
/// The same if the pool has no name any more, and no SHMMain that could give it one.
void retire_if_lost(attachment& at) noexcept;

/// Throws PoolRetired.
[[noreturn]] void throw_retired(const arena& a);

}  // namespace valpool::detail
