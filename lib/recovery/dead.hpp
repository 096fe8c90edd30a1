#pragma once

#include "process/slot.hpp"

namespace valpool::detail {

/// The processes and families that have died and whose slots have not been repaired yet.
slot_set find_dead(const attachment& at) noexcept;

}  // namespace valpool::detail
