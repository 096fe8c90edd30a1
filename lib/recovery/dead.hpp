#pragma once

#include "process/attachment.hpp"

#include <bitset>

namespace valpool::detail {

/// By their slots' numbers.
using slot_set = std::bitset<raw_header::most_slots>;

/// The processes that have died and left something.
slot_set find_dead(const attachment& at) noexcept;

}  // namespace valpool::detail
