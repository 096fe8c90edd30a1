#pragma once

#include "recovery/dead.hpp"

namespace valpool::detail {

/// Frees all that is not marked, except the raw memory of the living, and counts pages anew. Lanes
/// have nothing set aside afterwards. The world is stopped.
void sweep(arena& a, const slot_set& dead) noexcept;

}  // namespace valpool::detail
