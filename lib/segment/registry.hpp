#pragma once

/// Who uses a pool: processes in slots, their threads in lanes. These structs lie in the pool.

#include <atomic>
#include <cstdint>

namespace valpool::detail {

/// Shape: one cache line a process. `claims` tells one owner of the slot from the next.
/// Invariants: `state` is not free exactly while a process has, or a dead one had, the slot's role
/// lock; a slot that is not free and whose lock is belongs to the dead.
/// Writers: the owner, under the role lock; a recoverer, with the gate closed.
/// Crash safety: the kernel drops the lock; recovery takes back all that the slot held, then sets
/// `state` to free.
struct alignas(64) process_slot {
    /// A family's slot keeps references for children that were forked and have not used the pool
    /// since; each of those has a part of its role lock.
    enum : std::uint32_t { free = 0, attached = 1, family = 2 };
    std::atomic<std::uint32_t> state;
    std::atomic<std::int32_t> pid;      // for messages only, never for decisions
    std::atomic<std::uint64_t> ledger;  // offset of its newest ledger block; 0: none
    std::atomic<std::uint32_t> claims;  // how often the slot was claimed, ever
};
static_assert(sizeof(process_slot) == 64, "neighbours must not share a cache line");

/// For who reads a ledger without being inside: its blocks may be freed, and used for something
/// else, meanwhile. They were not if this is the same before and after: the newest block is the
/// first one to go.
struct ledger_state {
    std::uint64_t newest;
    std::uint32_t claims;

    explicit ledger_state(const process_slot& slot) noexcept
        : newest(slot.ledger.load(std::memory_order_acquire)),
          claims(slot.claims.load(std::memory_order_acquire)) {}
    bool has_changed(const process_slot& slot) const noexcept {
        // After all that was read of the ledger. x86-64 keeps loads in order; this is for the
        // compiler (and the thread sanitizer knows no fences between threads).
        std::atomic_signal_fence(std::memory_order_seq_cst);
        const ledger_state now(slot);
        return now.newest != newest || now.claims != claims;
    }
};

/// Shape: one cache line a thread.
/// Invariants: `activity` is 1 only while the thread is between enter and leave; whoever claims a
/// lane begins with 0 in it and in `raw_count`.
/// Writers: the owning thread; a recoverer, with the gate closed, when the owner is dead. Who reads
/// `raw_count` of another thread has seen it outside first.
/// Crash safety: a dead thread's lane is freed by recovery along with its process's slot.
struct alignas(64) lane {
    std::atomic<std::uint32_t> owner;     // slot + 1; 0: free
    std::atomic<std::uint32_t> activity;  // 1: inside an operation on shared structure
    /// Pieces of its process's raw memory that this thread has allocated, less those that it has
    /// given back. Only the sum over a process's lanes means anything.
    std::int64_t raw_count;
};
static_assert(sizeof(lane) == 64, "a thread's activity word is its own cache line");

/// Shape: one cache line, read by everybody at each operation, written only by recovery, and by
/// whoever retires the pool.
/// Invariant: while `closed` is set, nobody enters. Only the holder of the recovery role closes; a
/// gate found closed with the role free belongs to a dead recoverer, and whoever takes the role
/// starts recovery over.
struct alignas(64) gate {
    std::atomic<std::uint32_t> closed;
    std::atomic<std::uint32_t> full_fences;   // 1: membarrier(2) is missing here; enter pays
    std::atomic<std::uint64_t> recoveries;    // how often recovery has run to its end
    std::atomic<std::int64_t> put_off_until;  // steady clock, ns: no new try before
    std::atomic<std::uint32_t> put_offs;      // tries in a row that a stopped process foiled
    std::atomic<std::uint32_t> recoverer;     // slot + 1 of who has closed it last
    std::atomic<std::uint32_t> foiled_by;     // slot + 1 of who foiled the last try; 0: nobody
    std::atomic<std::uint32_t> retired;       // 1: nobody comes to this pool any more; for ever
};

/// Who looks for the dead, and when: any waiter, but all of them together only so often.
/// Shape: one cache line, written by whoever looks, or becomes a lookout.
/// Invariants: all of it is hints; a value that cannot be (a time of another clock) is ignored.
/// Crash safety: a lookout that has died, stopped, or found something to do is replaced by whoever
/// looks next: the other one, or any of the others, who look up from time to time.
struct alignas(64) watch {
    std::atomic<std::int64_t> last_look;    // steady clock, ns
    std::atomic<std::uint32_t> sleepers;    // threads that slept at the last look
    std::atomic<std::uint32_t> lookout[2];  // lane + 1 of sleepers that look up often; 0: vacant
};

/// Makes this process one whose threads a membarrier(2) of another process reaches. False where
/// the kernel does not have it.
bool register_for_barriers() noexcept;
/// After it returns, every other thread of every registered process has executed a full fence.
/// Where the kernel refuses (by a filter that was put up after attaching), it waits until each
/// processor has taken an interrupt, which is a fence as well.
void barrier_for_all_processes() noexcept;

}  // namespace valpool::detail
