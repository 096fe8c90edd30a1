#pragma once

#include <cstdint>

namespace valpool::detail {

/// Registers, once a process, what gives the child of a fork a slot and a ledger of its own, with
/// all that its parent held at that moment.
void handle_forks();

/// Another number in the child of a fork than in its parent, once handle_forks has been called:
/// what a process has done has not been done by its children.
extern std::uint32_t forks_behind;
inline std::uint32_t fork_generation() noexcept { return forks_behind; }

void lock_process_table() noexcept;
void unlock_process_table() noexcept;
void renew_process_table() noexcept;

}  // namespace valpool::detail
