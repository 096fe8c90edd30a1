#pragma once

/// A process's place in a pool: its slot.

#include "process/attachment.hpp"

#include <bitset>
#include <cstdint>

namespace valpool::detail {

/// A set of processes, by their slots' numbers.
using slot_set = std::bitset<raw_header::most_slots>;

/// Claims the first free slot, with the slot's role lock on `file`. Returns lane_count when no slot
/// is free.
std::uint32_t claim_free_slot(arena& a, pool_file& file) noexcept;
/// The same, but if no slot is free, recovers slots of dead processes first, by way of `at`.
std::uint32_t claim_slot(attachment& at, pool_file& file);
[[noreturn]] void throw_no_slot(const arena& a);

/// True when a slot's process has died and nobody has cleaned up yet. Must not be used for a slot
/// whose lock `file` itself has.
bool is_dead(const arena& a, const pool_file& file, std::uint32_t slot) noexcept;
/// The same for any slot, even for this process's own.
bool is_dead(const attachment& at, std::uint32_t slot) noexcept;
/// The process in slot `slot_plus_one` - 1, for messages; 0 for none.
std::int32_t pid_of_slot(const arena& a, std::uint32_t slot_plus_one) noexcept;

}  // namespace valpool::detail
