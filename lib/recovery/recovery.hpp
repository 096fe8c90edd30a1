#pragma once

/// Repair of a pool after the death of a process.

#include "process/reclaim.hpp"

#include <functional>

namespace valpool::detail {

/// What a pool's attachments look for the dead with.
reclaimer& recovery_of_pools() noexcept;

/// A change that needs everybody outside, and gets a heap for what it frees, so that this is back
/// at once. Repairs first when somebody has died: counts are exact then. False, and nothing has
/// changed, when the world cannot be stopped now: for a living process is stopped inside an
/// operation, or another one repairs. Lasts a fraction of a second at most. Not inside.
bool change_alone(attachment& at, const std::function<void(lane_heap& heap)>& change) noexcept;

}  // namespace valpool::detail
