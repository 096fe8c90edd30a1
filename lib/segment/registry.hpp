#pragma once

/// The users of a pool: processes have slots, their threads have lanes (thread slots). These
/// structs lie in the pool.

#include <atomic>
#include <cstdint>

namespace valpool::detail {

/// Shape: one cache line for each process. `claims` tells one owner of the slot from the next.
/// Invariants: `state` is other than `free` exactly while a living process holds the slot's role
/// lock, or a dead one held it. A slot whose `state` is not `free` but whose role lock is free
/// belongs to a dead process.
/// Writers: the owner, under the role lock; a recoverer, with the gate closed.
/// Crash safety: the kernel drops the lock; recovery takes back everything that the slot held, then
/// sets `state` to `free`.
struct alignas(64) process_slot {
    /// A family's slot keeps references for forked children that have not used the pool since the
    /// fork. Each of these children shares the slot's role lock.
    enum : std::uint32_t { free = 0, attached = 1, family = 2 };
    std::atomic<std::uint32_t> state;
    std::atomic<std::int32_t> pid;      // only for messages, never for decisions
    std::atomic<std::uint64_t> ledger;  // offset of its newest ledger block; 0: none
    std::atomic<std::uint32_t> claims;  // how often the slot has been claimed in all
};
static_assert(sizeof(process_slot) == 64, "neighbours must not share a cache line");

/// For readers of a ledger that are not inside: its blocks may be freed and reused while they read.
/// That has not happened if this state is the same before and after, because the newest block is
/// always freed first.
struct ledger_state {
    std::uint64_t newest;
    std::uint32_t claims;

    explicit ledger_state(const process_slot& slot) noexcept
        : newest(slot.ledger.load(std::memory_order_acquire)),
          claims(slot.claims.load(std::memory_order_acquire)) {}
    bool has_changed(const process_slot& slot) const noexcept {
        // The check comes after every read of the ledger. x86-64 keeps loads in order, so this only
        // stops the compiler. (The thread sanitizer does not know fences between threads.)
        std::atomic_signal_fence(std::memory_order_seq_cst);
        const ledger_state now(slot);
        return now.newest != newest || now.claims != claims;
    }
};

/// Shape: one cache line for each thread.
/// Invariants: `activity` is 1 only while the thread is between enter and leave. When a lane is
/// claimed, both `activity` and `raw_count` start at 0.
/// Writers: the owning thread; a recoverer, with the gate closed, when the owner is dead. A reader
/// of another thread's `raw_count` must have seen that thread outside first.
/// Crash safety: a dead thread's lane is freed by recovery along with its process's slot.
struct alignas(64) lane {
    std::atomic<std::uint32_t> owner;     // slot + 1; 0: free
    std::atomic<std::uint32_t> activity;  // 1: inside an operation on shared structure
    /// The number of pieces of its process's raw memory that this thread has allocated, minus those
    /// that it has given back. Only the sum over all lanes of a process means anything.
    std::int64_t raw_count;
};
static_assert(sizeof(lane) == 64, "a thread's activity word is its own cache line");

/// Shape: one cache line. Every operation reads it; only recovery, and the process that retires the
/// pool, write to it.
/// Invariant: while `closed` is set, nobody enters. Only the holder of the recovery role closes the
/// gate. If the gate is closed but the role is free, the recoverer has died, and the next process
/// that takes the role starts recovery over.
struct alignas(64) gate {
    std::atomic<std::uint32_t> closed;
    std::atomic<std::uint32_t> full_fences;   // 1: no membarrier(2) here: enter fences
    std::atomic<std::uint64_t> recoveries;    // how many recoveries were completed
    std::atomic<std::int64_t> put_off_until;  // steady clock, ns: no new attempt before
    std::atomic<std::uint32_t> put_offs;      // attempts in a row that a stopped process foiled
    std::atomic<std::uint32_t> recoverer;     // slot + 1 of the process that closed it last
    std::atomic<std::uint32_t> foiled_by;     // slot + 1 of the process that foiled the last one
    std::atomic<std::uint32_t> retired;       // 1: the pool is shut down for ever
};

/// Who looks for dead processes, and when. Any waiter may look, but the waiters together look only
/// so often.
/// Shape: one cache line, written by any thread that looks or becomes a lookout.
/// Invariants: everything here is a hint; an impossible value (a time of another clock) is ignored.
/// Crash safety: a lookout that has died, stopped, or found something to do is replaced by the next
/// thread that looks: the other lookout, or any other waiter, as all of them look from time to
/// time.
struct alignas(64) watch {
    std::atomic<std::int64_t> last_look;    // steady clock, ns
    std::atomic<std::uint32_t> sleepers;    // threads that slept at the last look
    std::atomic<std::uint32_t> lookout[2];  // lane + 1 of sleepers that look often; 0: vacant
};

/// Registers this process, so that a membarrier(2) of another process reaches its threads. False
/// where the kernel does not support that.
bool register_for_barriers() noexcept;
/// After it returns, every other thread of every registered process has executed a full fence.
/// Where the kernel refuses the call (a filter may have been installed after attaching), this waits
/// until each processor has taken an interrupt, which is a full fence as well.
void barrier_for_all_processes() noexcept;

}  // namespace valpool::detail
