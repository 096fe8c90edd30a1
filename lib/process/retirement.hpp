#pragma once

/// The end of a pool that others still use: they may go on, but nobody waits there any more.

#include "process/attachment.hpp"

namespace valpool::detail {

inline bool is_retired(const arena& a) noexcept {
    return a.entrance.retired.load(std::memory_order_acquire) != 0;
}

/// Retires the pool for ever, and wakes all waiters. Must not be called inside.
void retire(arena& a) noexcept;
/// Retires the pool if it has no name any more, and no SHMMain that could restore the name.
void retire_if_lost(attachment& at) noexcept;

/// Throws PoolRetired.
[[noreturn]] void throw_retired(const arena& a);

}  // namespace valpool::detail
