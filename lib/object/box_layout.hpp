#pragma once

/// What a box consists of besides its header: further chunks, and references to other boxes.

#include "alloc/arena.hpp"

#include <valpool/detail/box.hpp>

#include <atomic>
#include <cstdint>

namespace valpool::detail {

/// box::root_tag of a box that is a queue; the value layer's tags are letters of its own.
constexpr char queue_root_tag = '#';
/// Its box::root_subtype. A queue with a name is in the directory (arena::pipes), which is one
/// reference; a temporary one goes when that is the last reference left.
enum queue_subtype : char { unnamed_queue = 0, named_queue = 'n', temporary_queue = 't' };

inline bool is_named_queue(const box& b) noexcept {
    return b.root_tag == queue_root_tag && b.root_subtype != unnamed_queue;
}

/// Further memory of a box.
/// Shape: the header of a block or run; what it has room for follows. `free_map` has a bit for each
/// grain of a chunk of pieces, from its start, and `free_grains` is how many are set: those that
/// the box's free_lists have. `left` is where room was left unused, as a rule by the bump when it
/// went on to this chunk; 0: nothing, or the lists have it (invariant: so for all chunks behind
/// it). Invariant: `next` alone is enough to walk; `prev` is a short cut that recovery repairs.
/// Writers: the one process that changes the box; `prev`, recovery.
/// Crash safety: link and unlink are one store, inside. The rest is read by writers of the box
/// only, and it is poisoned when one of them dies.
struct chunk {
    enum content : std::uint16_t {
        pieces,  // bumped off, and given back one by one
        single,  // one allocation, with which it goes
        lists    // the box's free_lists
    };
    static constexpr std::uint64_t left_nothing = 1;  // but the lists have not looked yet

    std::atomic<std::uint32_t> magic;
    content kind;
    std::uint16_t free_grains;
    std::atomic<std::uint64_t> next;
    std::uint64_t prev;
    std::uint64_t left;
    std::uint64_t free_map[4];
};
static_assert(sizeof(chunk) == 64, "what follows begins a cache line");

/// A node on a box's list of references to other boxes.
struct out_ref {
    std::atomic<std::uint64_t> next;
    std::uint64_t prev;
    std::uint64_t target;
    std::uint64_t self;  // its own offset, to get from an address to the arena
};

inline arena& arena_of(box& b) noexcept {
    return *reinterpret_cast<arena*>(reinterpret_cast<char*>(&b) - b.self);
}

}  // namespace valpool::detail
