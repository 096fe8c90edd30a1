#pragma once

/// The parts of a box besides its header: further chunks, and references to other boxes.

#include "alloc/arena.hpp"
#include "base/round_up.hpp"

#include <valpool/object/detail/box.hpp>
#include <valpool/object/detail/region.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace valpool::detail {

/// box::root_tag of a box that is a queue; the value layer's tags are letters.
constexpr char queue_root_tag = '#';
/// box::root_tag of the table of a queue's leases. The queue has the one reference to it.
constexpr char lease_table_tag = '%';
/// box::root_subtype of a queue. A queue with a name is in the directory (arena::pipes), which
/// counts as one reference. A temporary queue is removed when that is its last reference.
enum queue_subtype : char { unnamed_queue = 0, named_queue = 'n', temporary_queue = 't' };

/// box::root_tag of a box that is a tap of a queue. A tap is in a list (arena::taps), which counts
/// as one reference, and is removed when that is its last one.
constexpr char tap_root_tag = '@';

/// Whether the box holds packets that only the queue layer finds, see root_provider::visit_box.
inline bool has_packets(const box& b) noexcept {
    return b.root_tag == queue_root_tag || b.root_tag == tap_root_tag;
}

inline bool is_named_queue(const box& b) noexcept {
    return b.root_tag == queue_root_tag && b.root_subtype != unnamed_queue;
}
/// Whether the box is in one of the lists of root_provider. When it has been let go of, a repair
/// may find that it can be removed.
inline bool is_listed(const box& b) noexcept {
    return is_named_queue(b) || b.root_tag == tap_root_tag;
}

/// Further memory of a box.
/// Shape: the header of a block or run; its content follows. In a chunk of pieces, `free_map` has a
/// bit for each grain, counted from the chunk's start; it is set for the grains that the box's
/// free_lists have, and `free_grains` is the number of set bits. In a chunk of more than 4,096
/// bytes the map goes on behind the header, and the content begins behind the map.
/// `left` is where room was left unused, as a rule by the bump allocation when it moved on to this
/// chunk. 0: no room was left, or the lists have it; invariant: then `left` is 0 in all chunks
/// behind this one, too. Invariant: `next` alone is enough to walk the list; `prev` is a short cut
/// that recovery repairs.
/// Writers: the one process that changes the box; recovery writes `prev`.
/// Crash safety: linking and unlinking are one store each, inside. Only writers of the box read the
/// rest, and the box is poisoned when one of them dies.
struct chunk {
    enum content : std::uint16_t {
        pieces,  // many allocations, which are freed one by one
        single,  // one allocation; the chunk is freed with it
        lists    // the box's free_lists
    };
    static constexpr std::uint64_t left_nothing = 1;  // but the lists have not checked yet

    std::atomic<std::uint32_t> magic;
    content kind;
    std::uint16_t free_grains;
    std::atomic<std::uint64_t> next;
    std::uint64_t prev;
    std::uint64_t left;
    std::uint64_t free_map[4];
};
static_assert(sizeof(chunk) == 64, "what follows begins a cache line");
static_assert(offsetof(chunk, free_map) + sizeof(chunk::free_map) == sizeof(chunk),
              "the rest of a large chunk's map follows");

inline std::uint64_t* free_map_of(chunk& c) noexcept {
    return reinterpret_cast<std::uint64_t*>(reinterpret_cast<char*>(&c) +
                                            offsetof(chunk, free_map));
}
/// Header and map of a chunk of pieces.
constexpr std::size_t pieces_header_bytes(std::size_t chunk_bytes) noexcept {
    const std::size_t map_bytes = (chunk_bytes / region_grain + 63) / 64 * sizeof(std::uint64_t);
    return round_up(offsetof(chunk, free_map) + std::max(map_bytes, sizeof(chunk::free_map)),
                    region_grain);
}
static_assert(pieces_header_bytes(4096) == sizeof(chunk));
inline void clear_rest_of_map(chunk& c, std::size_t chunk_bytes) noexcept {
    auto* const end = reinterpret_cast<char*>(&c + 1);
    std::fill_n(end, pieces_header_bytes(chunk_bytes) - sizeof(chunk), char{0});
}

/// A node on a box's list of references to other boxes.
struct out_ref {
    std::atomic<std::uint64_t> next;
    std::uint64_t prev;
    std::uint64_t target;
    std::uint64_t self;  // its own offset, to find the arena from its address
};

inline arena& arena_of(box& b) noexcept {
    return *reinterpret_cast<arena*>(reinterpret_cast<char*>(&b) - b.self);
}

}  // namespace valpool::detail
