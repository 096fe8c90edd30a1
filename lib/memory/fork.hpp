#pragma once

namespace valpool::detail {

/// Registers, once a process, what gives the child of a fork a slot and a ledger of its own, with
/// all that its parent held at that moment.
void handle_forks();

void lock_process_table() noexcept;
void unlock_process_table() noexcept;
void renew_process_table() noexcept;

}  // namespace valpool::detail
