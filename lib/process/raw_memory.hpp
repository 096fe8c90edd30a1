#pragma once

/// StreamingPool::allocate and deallocate: memory that belongs to the process that allocated it.

#include "process/lane.hpp"

namespace valpool::detail {

/// Frees all raw memory that belongs to the lane's process and was not given back. False when the
/// gate is closed for too long.
bool free_raw_memory(thread_lane& l) noexcept;

}  // namespace valpool::detail
