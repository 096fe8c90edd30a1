#pragma once

#include "recovery/dead.hpp"

#include <cstddef>

namespace valpool::detail {

/// Finds everything that living processes hold or can reach, and marks its blocks in the pages'
/// bitmaps of marks. Counts the references to every box anew, and poisons the boxes that a dead
/// process was changing or had locked. Returns the bytes of named pipes and ledgers. The world is
/// stopped.
std::size_t mark_what_is_alive(arena& a, const slot_set& dead) noexcept;

}  // namespace valpool::detail
