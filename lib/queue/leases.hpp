#pragma once

/// The lease table of a pipe: packets that were handed out, and that the pipe keeps until their
/// consumer acknowledges them. Nothing here waits.
///
/// A lease moves a packet's reference from the ring into an entry of the table. The two places
/// cannot change at once, so the cell first becomes a tag that names the entry:
///   1. claim a free entry (it is `taking` now), and write position and reference into it;
///   2. tag the cell: {2p + 1, reference} becomes {(2p + 1) | tagged, entry}, by one swap;
///   3. the entry becomes `leased`;
///   4. the cell becomes free for the next lap.
/// The packet changes hands in step 2. A thread that has to pass a tagged cell does steps 3 and 4
/// itself, and so does recovery.

#include <valpool/queue/lease.hpp>

#include "object/root_provider.hpp"
#include "process/slot.hpp"
#include "queue/ring.hpp"
#include "queue/sources.hpp"

#include <cstdint>

namespace valpool::detail {

/// What an entry says of itself. Both words change together.
/// Shape: `low` has the state (3 bits), the slot of the process that has the lease (12 bits), and
/// its deadline in microseconds of the monotonic clock (49 bits; 0: none). `high` has a number that
/// each claim of the entry counts up (32 bits), the number of deliveries (19 bits; it stays at the
/// largest), and the number of takers that have not counted their own reference yet (13 bits).
struct lease_state {
    enum kind : std::uint64_t {
        free,
        taking,    // claimed; the cell has the packet still, or a tag
        leased,    // a consumer has the packet
        returned,  // waits to be delivered again
        done       // acknowledged, but a taker has yet to count its reference
    };
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    static constexpr std::uint32_t most_deliveries = LeaseOptions::highest_limit;
    static_assert(most_deliveries == (1U << 19) - 1, "19 bits");

    kind what() const noexcept { return static_cast<kind>(low & 7); }
    std::uint32_t slot() const noexcept { return static_cast<std::uint32_t>(low >> 3) & 0xfff; }
    std::uint64_t deadline_us() const noexcept { return low >> 15; }
    std::uint32_t claims() const noexcept { return static_cast<std::uint32_t>(high >> 32); }
    std::uint32_t deliveries() const noexcept {
        return static_cast<std::uint32_t>(high >> 13) & most_deliveries;
    }
    std::uint32_t takers() const noexcept { return static_cast<std::uint32_t>(high) & 0x1fff; }

    bool has_expired(std::uint64_t now_us) const noexcept {
        return what() == leased && deadline_us() != 0 && deadline_us() <= now_us;
    }
    bool can_be_delivered(std::uint64_t now_us) const noexcept {
        return what() == returned || has_expired(now_us);
    }
    /// The same delivery, whatever takers do meanwhile.
    bool is_same_lease(const lease_state& other) const noexcept {
        return what() == leased && low == other.low && high >> 13 == other.high >> 13;
    }
};
static_assert(raw_header::most_slots <= 1U << 12, "a slot has 12 bits, and its lanes 13");

/// Who takes a lease, and for how long.
struct lease_holder {
    std::uint32_t slot;
    std::uint64_t deadline_us;  // 0: none
};

/// Shape: 32 bytes; the first two words change together (see lease_state). `position` and
/// `reference` are written by the claimer while the entry is `taking`, and do not change until it
/// is free again.
struct alignas(32) lease_entry {
    std::atomic<std::uint64_t> low;
    std::atomic<std::uint64_t> high;
    std::atomic<std::uint64_t> position;
    std::atomic<std::uint64_t> reference;
};
static_assert(sizeof(lease_entry) == 32, "two in a cache line");

/// A box that its entries follow, made by the first lease of a pipe, or the first producer that
/// numbers its packets, and freed with the pipe. The sources of numbered packets lie in it, too
/// (see sources.hpp). There is an entry for each packet that fits the pipe, and one for each
/// thread: so a thread that is stopped with an entry claimed does not keep others from theirs.
/// Invariants:
///   1. An entry that is leased, returned or done counts as one reference to its packet's box. One
///      that is taking does so if a tagged cell names it, instead of the cell.
///   2. All entries from `used` on are free.
///   3. pipe::attention counts at least the entries that are leased or returned, and at least
///      the returned ones: it is raised before an entry changes, and lowered afterwards.
///   4. `earliest` (deadline, and below it 15 bits that count its changes) and `hint` are hints.
/// Writers: anybody, inside, by single atomic operations; position and reference by the claimer.
/// Crash safety: see the steps above. A claimer that dies before it has tagged the cell has
/// nothing; recovery frees its entry. Recovery returns what dead processes had leased, settles what
/// dead takers have left, and counts `attention` anew.
/// Any change of the fields bumps layout_version.
struct lease_table {
    box root;
    std::uint64_t count;  // of entries
    std::atomic<std::uint64_t> earliest;
    std::atomic<std::uint32_t> used;
    std::atomic<std::uint32_t> hint;  // where a free entry may be
    unsigned char before_sources[32];
    source_table sources;

    static std::uint64_t size_bytes(std::uint64_t count) noexcept {
        return sizeof(lease_table) + count * sizeof(lease_entry);
    }
    lease_entry& entry(std::uint64_t i) noexcept {
        return reinterpret_cast<lease_entry*>(this + 1)[i];
    }
    const lease_entry& entry(std::uint64_t i) const noexcept {
        return reinterpret_cast<const lease_entry*>(this + 1)[i];
    }
    std::uint64_t used_entries() const noexcept {
        return std::min<std::uint64_t>(used.load(std::memory_order_acquire), count);
    }
};
static_assert(sizeof(lease_table) % 64 == 0, "entries follow, aligned to 32");

/// Null when the pipe has none, or when what is there makes no sense.
lease_table* lease_table_of(const pipe& p) noexcept;
/// The pipe's table; makes it if there is none. Not inside. Throws PoolExhausted.
lease_table& need_lease_table(pipe& p);

/// A delivery: names the entry and what it said when the packet was handed out.
struct lease_ticket {
    lease_entry* entry = nullptr;
    lease_state granted;
    std::uint64_t position = 0;
    bool is_beyond_limit = false;  // it is not to be delivered, see lease_limits
};

// --- inside ------------------------------------------------------------------------------------

/// Leases the first packet of the ring. The taker gets a reference of its own. Null when there is
/// none.
box* lease_from_ring(pipe& p, const lease_holder& who, new_hold& taker, side_memory& seen,
                     lease_ticket& out) noexcept;
/// Leases a packet that this process has outside of the ring; false when no entry is free.
bool lease_held(pipe& p, const lease_holder& who, box& b, lease_ticket& out) noexcept;

struct lease_limits {
    std::uint32_t most_deliveries = 0;  // 0: no limit
    bool keeps_the_rest = false;        // for the dead letters; otherwise drops it
    std::uint64_t from_position = 0;    // leave the packets before that alone
    bool is_thorough = true;            // false: a lease that has just expired may be overlooked
    std::uint32_t dropped = 0;          // counts the packets that were dropped
};
/// Leases the first one of the packets that were given back or whose leases have expired. Null when
/// there is none. A packet that is kept for the dead letters is leased, but not counted as
/// delivered once more.
box* lease_again(thread_lane& l, pipe& p, const lease_holder& who, lease_limits& limits,
                 new_hold& taker, lease_ticket& out) noexcept;
/// Takes that packet for good.
box* take_redelivered(pipe& p, new_hold& taker, bool is_thorough) noexcept;

/// Ends the lease, and drops the entry's reference. False when it is not this delivery's any more.
bool acknowledge(thread_lane& l, pipe& p, const lease_ticket& ticket) noexcept;
/// Returns the packet to the pipe. `counts`: as a delivery. False as for acknowledge.
bool return_lease(pipe& p, const lease_ticket& ticket, bool counts) noexcept;

/// Does the last steps of the lease that has tagged this cell, if it still has. False when the tag
/// makes no sense.
bool finish_lease(pipe& p, cell& c, std::uint64_t sequence) noexcept;
/// Does the last steps of whatever has tagged this cell: a lease, or the put of a numbered packet.
bool finish_tagged(pipe& p, cell& c, std::uint64_t sequence) noexcept;

// --- anywhere ----------------------------------------------------------------------------------

/// Whether a packet fits at the position in spite of the leases that are out.
bool has_room_beside_leases(const pipe& p, std::uint64_t position) noexcept;
/// Whether some packet waits to be delivered again.
bool has_redelivery(const pipe& p) noexcept;
struct lease_count {
    std::uint64_t out = 0;      // with a consumer
    std::uint64_t waiting = 0;  // to be delivered again
};
lease_count count_leases(const pipe& p) noexcept;
/// How long until a lease expires; the longest time there is when none will.
std::chrono::nanoseconds until_next_expiry(const pipe& p) noexcept;

// --- for recovery and check --------------------------------------------------------------------

/// Puts the table in order after deaths; see lease_table. With the world stopped.
void settle_leases(arena& a, pipe& p, const slot_set& dead) noexcept;
/// Visits the references that the pipe's leases stand for; the cell's only if it is tagged.
void visit_leases(const pipe& p, reference_visitor& visitor) noexcept;
/// The bytes that the table takes; 0: there is none.
std::uint64_t lease_table_bytes(const arena& a, const pipe& p) noexcept;

}  // namespace valpool::detail
