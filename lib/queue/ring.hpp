#pragma once

/// The bounded queue as it lies in the pool, and its operations that never wait.

#include "object/hold.hpp"
#include "queue/waiting.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

namespace valpool::detail {

/// Shape: 16 bytes, written as one. `sequence` says what the cell is for position p (which uses
/// cell p modulo capacity): 2p free for it, 2p + 1 full with it. Taking p sets 2(p + capacity).
struct alignas(16) cell {
    std::atomic<std::uint64_t> sequence;
    std::atomic<std::uint64_t> reference;  // offset of a box while full, 0 while free
};
static_assert(sizeof(cell) == 16, "one compare-and-swap covers sequence and reference");

/// A box (`root` is its header) that its cells follow, so that it is counted, held and freed as any
/// other. A named one is in the directory (directory.hpp) and that is one reference to it.
/// Cells of positions that follow each other lie in different cache lines: in a small pipe each has
/// a line of its own, in a large one the next position is the next line's. So a writer fills one
/// cell while a reader empties the one before.
/// Invariants:
///   1. A full cell is one reference to its box.
///   2. `tail` and `head` are hints: never ahead of the truth in the cells, and whoever finds one
///      behind moves it on.
///   3. name and capacity, and what follows from it, never change once the pipe is linked.
///   4. `next` is written before the pipe is linked, and changes when the one behind it is removed.
/// Writers: of cells, cursors and lists anybody, by single compare-and-swaps; so no process, alive,
/// stopped or dead, is ever waited for, and there is no half-done state: a packet is in the queue
/// or it is not. Crash safety: nothing to repair but the wait lists' bits of dead lanes. A pipe of
/// which the maker has died before it was linked, or the remover after it was unlinked, is not
/// reachable: swept.
struct pipe {
    static constexpr std::size_t longest_name = 255;

    box root;
    std::atomic<std::uint64_t> next;  // the pipe made before this one; 0: none
    std::uint64_t capacity;
    std::uint32_t cell_stride;    // in cells
    std::uint32_t rotation;       // of the index's bits; 0: none
    char name[longest_name + 1];  // empty: it has none

    // Each alone in two lines: processors fetch them in pairs. (The name is read by who opens it.)
    alignas(64) std::atomic<std::uint64_t> tail;
    alignas(64) unsigned char before_head[64];
    alignas(64) std::atomic<std::uint64_t> head;
    alignas(64) unsigned char after_head[64];
    wait_list producers;
    wait_list consumers;

    static constexpr std::uint64_t cells_a_line = 64 / sizeof(cell);
    static constexpr std::uint64_t most_lone_cells = 64;  // that have a cache line each

    static std::uint32_t stride_for(std::uint64_t capacity) noexcept {
        return capacity <= most_lone_cells ? cells_a_line : 1;
    }
    static std::uint32_t rotation_for(std::uint64_t capacity) noexcept {
        const bool is_spread = capacity > most_lone_cells && std::has_single_bit(capacity);
        return is_spread ? static_cast<std::uint32_t>(std::countr_zero(capacity / cells_a_line))
                         : 0;
    }
    /// Whether the fields agree that say where the cells are: what a damaged pool says must not be
    /// followed.
    bool has_its_shape() const noexcept {
        return cell_stride == stride_for(capacity) && rotation == rotation_for(capacity);
    }
    static std::uint64_t size_bytes(std::uint64_t capacity) noexcept {
        return sizeof(pipe) + capacity * stride_for(capacity) * sizeof(cell);
    }
    cell& cell_for(std::uint64_t position) noexcept {
        return reinterpret_cast<cell*>(this + 1)[index_for(position)];
    }
    const cell& cell_for(std::uint64_t position) const noexcept {
        return reinterpret_cast<const cell*>(this + 1)[index_for(position)];
    }
    std::uint64_t index_for(std::uint64_t position) const noexcept {
        // Most capacities are powers of two, and a division takes longer than all the rest.
        const std::uint64_t mask = capacity - 1;
        if ((capacity & mask) != 0) return position % capacity * cell_stride;
        const std::uint64_t i = position & mask;
        if (rotation == 0) return i * cell_stride;
        return (i * cells_a_line & mask) | i >> rotation;
    }
    std::string_view name_view() const noexcept { return {name}; }
    // What waiters wait for: told apart in their seats, so that a stale bit wakes nobody else.
    std::uint64_t room_topic() const noexcept { return root.self | 1; }
    std::uint64_t packet_topic() const noexcept { return root.self | 2; }
};
static_assert(sizeof(pipe) % 16 == 0, "cells follow, aligned to 16");
static_assert(sizeof(pipe) == 1792, "a pipe of four packets fits the largest block of small pools");

inline pipe& pipe_in(box& b) noexcept { return reinterpret_cast<pipe&>(b); }

/// By the cells: exact, at the cost of a cache line that the other side is about to write.
bool has_room(const pipe& p) noexcept;
bool has_packet(const pipe& p) noexcept;
std::uint64_t packet_count(const pipe& p) noexcept;

/// One side of a pipe as a process remembers it: as long as that is enough, it leaves the cursors'
/// cache lines alone, which the other side reads all the time. Hints, never ahead of the truth.
struct alignas(64) side_memory {
    std::atomic<std::uint64_t> next{0};   // own cursor
    std::atomic<std::uint64_t> other{0};  // the other side's
};

/// How much there is to do, by what is remembered alone.
inline std::uint64_t room_remembered(const pipe& p, const side_memory& seen) noexcept {
    const std::uint64_t next = seen.next.load(std::memory_order_relaxed);
    const std::uint64_t end = seen.other.load(std::memory_order_relaxed) + p.capacity;
    return next < end ? end - next : 0;
}
inline std::uint64_t packets_remembered(const side_memory& seen) noexcept {
    const std::uint64_t next = seen.next.load(std::memory_order_relaxed);
    const std::uint64_t end = seen.other.load(std::memory_order_relaxed);
    return next < end ? end - next : 0;
}

/// The same, and when that does not tell, by the cursors: may be wrong when a process has stopped,
/// or died, right before it moved one on.
inline std::uint64_t room_seen(const pipe& p, side_memory& seen) noexcept {
    if (const std::uint64_t room = room_remembered(p, seen)) return room;
    const std::uint64_t next = seen.next.load(std::memory_order_relaxed);
    const std::uint64_t head = p.head.load(std::memory_order_relaxed);
    seen.other.store(head, std::memory_order_relaxed);
    const std::uint64_t tail = std::max(next, p.tail.load(std::memory_order_relaxed));
    return tail < head + p.capacity ? head + p.capacity - tail : 0;
}
inline std::uint64_t packets_seen(const pipe& p, side_memory& seen) noexcept {
    if (const std::uint64_t packets = packets_remembered(seen)) return packets;
    const std::uint64_t next = seen.next.load(std::memory_order_relaxed);
    const std::uint64_t tail = p.tail.load(std::memory_order_relaxed);
    seen.other.store(tail, std::memory_order_relaxed);
    const std::uint64_t head = std::max(next, p.head.load(std::memory_order_relaxed));
    return head < tail ? tail - head : 0;
}

/// Puts a reference at the end; false when full. Inside. The caller has counted it, or hands over
/// one of its own once this returns true.
bool try_put(pipe& p, std::uint64_t box_offset, side_memory& seen) noexcept;
/// Takes the first packet: writes it to the hold's ledger entry first, then frees the cell. Null
/// when empty; the entry is clear then. Inside.
box* try_take(arena& a, pipe& p, new_hold& taker, side_memory& seen) noexcept;

}  // namespace valpool::detail
