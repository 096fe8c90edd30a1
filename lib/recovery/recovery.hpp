#pragma once

/// Repair of a pool after the death of a process.

#include "process/reclaim.hpp"

#include <functional>

namespace valpool::detail {

/// The reclaimer that a pool's attachments use to look for the dead.
reclaimer& recovery_of_pools() noexcept;

/// Makes a change that needs everybody outside. The change gets a temporary heap, so that
/// everything it frees is available at once. Repairs first when somebody has died, so that counts
/// are exact. False, with nothing changed, when the world cannot be stopped now: a living process
/// is stopped inside an operation, or another process repairs. Takes a fraction of a second at
/// most. Must not be called inside.
bool change_alone(attachment& at, const std::function<void(lane_heap& heap)>& change) noexcept;

}  // namespace valpool::detail
