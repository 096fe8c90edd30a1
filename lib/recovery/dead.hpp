#pragma once

#include "process/attachment.hpp"

#include <bitset>

namespace valpool::detail {

/// A set of processes, by their slots' numbers.
using slot_set = std::bitset<raw_header::most_slots>;

/// The processes and families that have died and whose slots have not been repaired yet.
slot_set find_dead(const attachment& at) noexcept;

}  // namespace valpool::detail
