#pragma once

#include "recovery/dead.hpp"

#include <cstddef>

namespace valpool::detail {

/// Finds all that the living hold or can reach, marks its blocks in the pages' bitmaps of marks,
/// counts every box anew and poisons those that a dead process was changing. Gives the bytes of
/// named pipes and ledgers. The world is stopped.
std::size_t mark_what_is_alive(arena& a, const slot_set& dead) noexcept;

}  // namespace valpool::detail
