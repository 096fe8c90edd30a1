#pragma once

/// A process's place in a pool.

#include "process/attachment.hpp"

#include <cstdint>

namespace valpool::detail {

/// The first free slot, claimed with the role lock of `file`; lane_count when there is none.
std::uint32_t claim_free_slot(arena& a, pool_file& file) noexcept;
/// The same when what the dead have left is back. `at` is who clears up after them.
std::uint32_t claim_slot(attachment& at, pool_file& file);
[[noreturn]] void throw_no_slot(const arena& a);

/// True when a slot's process has died and nobody has cleaned up yet; not for a slot of which
/// `file` itself has the lock.
bool is_dead(const arena& a, const pool_file& file, std::uint32_t slot) noexcept;
/// The same for any slot, as an attached process sees it.
bool is_dead(const attachment& at, std::uint32_t slot) noexcept;
/// Of a slot + 1, for messages; 0 for nobody's.
std::int32_t pid_of_slot(const arena& a, std::uint32_t slot_plus_one) noexcept;

}  // namespace valpool::detail
