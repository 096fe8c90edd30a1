#pragma once

/// StreamingPool::allocate and deallocate: memory that belongs to the process that asked for it.

#include "process/lane.hpp"

namespace valpool::detail {

/// Frees the raw memory that belongs to the lane's process and was never given back. False when the
/// gate is closed for too long.
bool free_raw_memory(thread_lane& l) noexcept;

}  // namespace valpool::detail
