#pragma once

#include "recovery/dead.hpp"

namespace valpool::detail {

/// Frees everything that is not marked, except the raw memory of living processes, and counts the
/// pages anew. Afterwards no lane has anything set aside. The world is stopped.
void sweep(arena& a, const slot_set& dead) noexcept;

}  // namespace valpool::detail
