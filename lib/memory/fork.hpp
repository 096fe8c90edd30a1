#pragma once

namespace valpool::detail {

/// Registers, once a process, what gives the child of a fork a slot and a ledger of its own, with
/// all that its parent held at that moment.
void handle_forks();

struct attachment;
struct thread_lane;

/// The first use of a pool by a child, in two steps, between which it gets a lane. Whatever they
/// throw (no place in the pool, no room) has changed nothing: the next use tries again.
void claim_own_slot(attachment& at);
void take_inheritance(thread_lane& l);

void lock_process_table() noexcept;
void unlock_process_table() noexcept;
void renew_process_table() noexcept;

}  // namespace valpool::detail
