#pragma once

/// The sources of a pipe: producers whose packets have numbers, so that each number arrives once,
/// whoever dies when. Nothing here waits.
///
/// The packet and its number lie in two places, the ring and the entry of the source, and must
/// change at once. So the cell first becomes a tag that names the entry, as for a lease:
///   1. write number and reference into the entry;
///   2. tag the free cell: {2p, 0} becomes {2p | tagged, entry}, by one swap;
///   3. the entry's `last` becomes the number;
///   4. the cell becomes full: {2p + 1, reference}.
/// The packet is in the queue, and its number taken, from step 2 on. A thread that needs the cell
/// does steps 3 and 4 itself, and so does recovery.

#include "queue/ring.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace valpool::detail {

/// A source's name, shortened to 128 bits by SHA-1, so that nobody can make two that collide.
struct source_id {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const source_id&, const source_id&) = default;
};
source_id source_id_of(std::string_view name) noexcept;

/// Shape: 64 bytes, in the pipe's lease table.
/// Invariants:
///   1. `last` only grows, as long as the entry belongs to the same source.
///   2. While a cell has the entry's tag, `number` and `reference` do not change, and the entry
///      counts as one reference to the packet's box, instead of the cell.
/// Writers: the owner; `last` also by whoever does its step 3. `id` and a change of owner: with the
/// world stopped.
/// Crash safety: see the steps above. An owner that dies before it has tagged a cell has put
/// nothing. Recovery takes the entry from dead owners, and keeps `last`.
/// Any change of the fields bumps layout_version.
struct alignas(64) source_entry {
    std::atomic<std::uint64_t> owner;      // slot of the process that writes, plus 1; 0: nobody
    std::atomic<std::uint64_t> last;       // the number of its last packet; 0: none yet
    std::atomic<std::uint64_t> number;     // of the packet that is being put
    std::atomic<std::uint64_t> reference;  // of its box
    source_id id;                          // zero: the entry is free
    std::uint64_t age;                     // grows with each claim of the table's entries
    std::uint64_t unused;
};
static_assert(sizeof(source_entry) == 64, "the owner's own cache line");

/// Enough for pipes that some remote pools write to; a pipe for more of them should be partitioned.
constexpr std::uint32_t most_sources = 32;
using source_table = std::array<source_entry, most_sources>;

constexpr bool is_tag_of_source(std::uint64_t sequence) noexcept {
    return (sequence & tagged) != 0 && (sequence & 1) == 0;
}

/// How an owner names its entry: its index.
struct claimed_source {
    std::uint32_t index = 0;
    std::uint32_t slot = 0;  // of the owner's process
};
/// A packet of the source, as its owner puts it.
struct packet_number {
    claimed_source from;
    std::uint64_t number = 0;
};
enum class claim_result { claimed, owned_by_other, all_owned };
/// Makes the process in `who.slot` the owner of the source's entry; takes the entry that was
/// claimed longest ago when all are taken. With the world stopped.
claim_result claim_source(source_table& all, const source_id& id, claimed_source& who) noexcept;
/// Does nothing when the entry has another owner by now.
void release_source(source_table& all, const claimed_source& who) noexcept;

/// Puts a reference at the end as the packet of that number, as try_put. The number is greater than
/// the entry's last one, and the caller is the owner. Inside.
std::uint64_t try_put_numbered(pipe& p, const packet_number& as, std::uint64_t box_offset,
                               side_memory& seen) noexcept;

/// Does the last steps of the put that has tagged this cell, if it still has. False when the tag
/// makes no sense.
bool finish_put(pipe& p, cell& c, std::uint64_t sequence) noexcept;
/// What a cell with a source's tag refers to; 0: the tag makes no sense.
std::uint64_t reference_behind_tag(const pipe& p, const cell& c) noexcept;

/// Takes entries from owners for which is_gone(slot). With the world stopped, and no cell tagged.
template <class IsGone>
void settle_sources(source_table& all, IsGone is_gone) noexcept {
    for (source_entry& s : all) {
        const std::uint64_t owner = s.owner.load(std::memory_order_relaxed);
        if (owner != 0 && is_gone(static_cast<std::uint32_t>(owner - 1)))
            s.owner.store(0, std::memory_order_relaxed);
    }
}

}  // namespace valpool::detail
