#pragma once

/// The bounded queue in the pool, and its operations that never wait.

#include "object/hold.hpp"
#include "queue/waiting.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

namespace valpool::detail {

/// Shape: 16 bytes, written at once. Position p uses cell p modulo capacity. `sequence` is 2p when
/// the cell is free for position p, and 2p + 1 when it is full with the packet of position p.
/// Taking that packet sets it to 2(p + capacity). While a packet goes over to a lease, the highest
/// bit is set, too, and `reference` is the number of the lease's entry (leases.hpp). While a packet
/// with a number comes, the sequence is 2p with the highest bit, and `reference` is the number of
/// the source's entry (sources.hpp): the cell is full already.
struct alignas(16) cell {
    std::atomic<std::uint64_t> sequence;
    std::atomic<std::uint64_t> reference;  // offset of a box while full, 0 while free
};
static_assert(sizeof(cell) == 16, "one compare-and-swap covers sequence and reference");
constexpr std::uint64_t tagged = std::uint64_t{1} << 63;

/// A pipe is a box: `root` is the box's header, and the cells follow the pipe. So it is counted,
/// held and freed as any other box. A named pipe is in the directory (directory.hpp), which counts
/// as one reference to it.
/// The cells of successive positions lie in different cache lines: in a small pipe each cell has a
/// line of its own; in a large one the next position is in the next line. So a writer can fill one
/// cell while a reader empties the one before.
/// Invariants:
///   1. A full cell counts as one reference to its packet's box.
///   2. `tail` and `head` are hints. They are never ahead of the cells, which are the truth; a
///      thread that finds one behind moves it on.
///   3. The name, the capacity, and the fields that follow from it never change once the pipe is
///      linked.
///   4. `attention` is never too low. A crash can leave it too high until recovery counts anew.
///   5. `next` is written before the pipe is linked, and changes when the pipe behind it is
///      removed.
/// Writers: anybody writes cells, cursors and lists, by single atomic operations. So nobody ever
/// waits for a process, alive, stopped or dead, and there is no half-done state: a packet is in the
/// queue or it is not. Crash safety: only the bits of dead lanes in the wait lists need repair. If
/// the maker dies before it has linked the pipe, or the remover after it has unlinked it, the pipe
/// is not reachable, and recovery sweeps it.
struct pipe {
    static constexpr std::size_t longest_name = 255;

    box root;
    std::atomic<std::uint64_t> next;  // the pipe made before this one; 0: none
    std::uint64_t capacity;
    /// What makes an operation more than a look at a cell; 0: nothing. Bits 0 to 23 count the
    /// packets that are leased, or wait to be delivered again; bits 24 to 47 the latter; bits 48 to
    /// 63 the taps that are connected.
    std::atomic<std::uint64_t> attention;
    std::atomic<std::uint64_t> leases;  // offset of the lease table; 0: none
    std::uint32_t cell_stride;          // in cells
    std::uint32_t rotation;             // of the index's bits; 0: none
    char name[longest_name + 1];        // empty: no name

    // Each cursor is alone in two cache lines, because processors fetch lines in pairs. (Only a
    // process that opens the pipe reads the name before them.)
    alignas(64) std::atomic<std::uint64_t> tail;
    /// How many pipes and taps had been removed from the pool when this one was linked: tells it
    /// from an earlier one of the same name. Read only when a bridge opens the pipe.
    alignas(64) std::uint64_t removals_before;
    unsigned char before_head[56];
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
    /// Whether the fields that say where the cells are agree with each other. If a damaged pool has
    /// others, they must not be used.
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
        // Most capacities are powers of two, and a division would take longer than all the rest.
        const std::uint64_t mask = capacity - 1;
        if ((capacity & mask) != 0) return position % capacity * cell_stride;
        const std::uint64_t i = position & mask;
        if (rotation == 0) return i * cell_stride;
        return (i * cells_a_line & mask) | i >> rotation;
    }
    std::string_view name_view() const noexcept { return {name}; }
    // What waiters wait for. The topic in a waiter's seat says so, so that a stale bit wakes nobody
    // else.
    std::uint64_t room_topic() const noexcept { return root.self | 1; }
    std::uint64_t packet_topic() const noexcept { return root.self | 2; }
};
static_assert(sizeof(pipe) % 16 == 0, "cells follow, aligned to 16");
static_assert(sizeof(pipe) == 1792, "a pipe of four packets fits the largest block of small pools");

// The units of pipe::attention; taps.hpp has the taps'.
constexpr std::uint64_t one_lease_out = 1;
constexpr std::uint64_t one_lease_returned = std::uint64_t{1} << 24;
constexpr std::uint64_t most_leases = one_lease_returned - 1;
inline std::uint64_t leases_out(std::uint64_t attention) noexcept {
    return attention & most_leases;
}

inline pipe& pipe_in(box& b) noexcept { return reinterpret_cast<pipe&>(b); }

/// A cell's sequence as it is for a reader. A cell with the tag of a lease is past being full with
/// its packet, but not yet free for the next lap. One with that of a source is full.
inline std::uint64_t untagged(std::uint64_t sequence) noexcept {
    return (sequence & tagged) == 0 ? sequence : (sequence & ~tagged) + 1;
}

/// Moves a cursor on to `to`, unless it is there or beyond already.
inline void advance(std::atomic<std::uint64_t>& cursor, std::uint64_t to) noexcept {
    std::uint64_t now = cursor.load(std::memory_order_relaxed);
    while (now < to && !cursor.compare_exchange_weak(now, to, std::memory_order_acq_rel)) {
    }
}

/// The position to try after one whose cell has this sequence, of a later lap. If the cell is free
/// for position q, or full with it, the packet of position q - capacity has been taken, and both
/// sides are past that position. So a thread walks along at most one length of the pipe, however
/// far behind it is.
inline std::uint64_t after(const pipe& p, std::uint64_t position, std::uint64_t sequence) noexcept {
    const std::uint64_t q = (sequence << 1) / 4;  // half of it, without a tag
    return q < p.capacity ? position + 1 : std::max(position + 1, q - p.capacity + 1);
}

/// The position of the first packet in the ring, even if the cursor is behind.
std::uint64_t first_position(const pipe& p) noexcept;

/// Whether packets of the pipe are leased, or wait to be delivered again.
inline bool has_leases(const pipe& p, std::memory_order order) noexcept {
    return leases_out(p.attention.load(order)) != 0;
}

/// What the leases leave of the room, and add to the packets. For pipes that have some.
std::uint64_t room_beside_leases(const pipe& p, std::uint64_t room) noexcept;
std::uint64_t redeliveries_seen(const pipe& p) noexcept;

/// These read the cells: exact, but they read a cache line that the other side is about to write.
bool has_room(const pipe& p) noexcept;
bool has_packet(const pipe& p) noexcept;
/// The packets that wait in the ring, and to be delivered again.
std::uint64_t packet_count(const pipe& p) noexcept;
/// How many packets have been put in and taken out since the pipe was made.
struct passed_packets {
    std::uint64_t in;
    std::uint64_t out;
};
passed_packets packets_passed(const pipe& p) noexcept;
/// The position of the next packet that is put.
std::uint64_t next_to_put(const pipe& p) noexcept;

/// The cursors as a process remembers them for one side of a pipe. As long as these are enough, the
/// process leaves the shared cursors alone, whose cache lines the other side uses all the time.
/// They are hints, never ahead of the truth.
struct alignas(64) side_memory {
    std::atomic<std::uint64_t> next{0};   // this side's cursor
    std::atomic<std::uint64_t> other{0};  // the other side's cursor
};

/// How much there is to do, from the remembered cursors alone.
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

/// From the shared cursors. The result may be wrong when a process has stopped or died right before
/// it moved a cursor on.
inline std::uint64_t room_now(const pipe& p, side_memory& seen) noexcept {
    const std::uint64_t next = seen.next.load(std::memory_order_relaxed);
    const std::uint64_t head = p.head.load(std::memory_order_relaxed);
    seen.other.store(head, std::memory_order_relaxed);
    const std::uint64_t tail = std::max(next, p.tail.load(std::memory_order_relaxed));
    const std::uint64_t room = tail < head + p.capacity ? head + p.capacity - tail : 0;
    if (!has_leases(p, std::memory_order_relaxed)) return room;
    return room_beside_leases(p, room);
}
/// From the remembered cursors, but if there is nothing to do by these, from the shared ones.
inline std::uint64_t room_seen(const pipe& p, side_memory& seen) noexcept {
    const std::uint64_t room = room_remembered(p, seen);
    return room != 0 ? room : room_now(p, seen);
}
inline std::uint64_t packets_seen(const pipe& p, side_memory& seen) noexcept {
    if (const std::uint64_t packets = packets_remembered(seen)) return packets;
    const std::uint64_t next = seen.next.load(std::memory_order_relaxed);
    const std::uint64_t tail = p.tail.load(std::memory_order_relaxed);
    seen.other.store(tail, std::memory_order_relaxed);
    const std::uint64_t head = std::max(next, p.head.load(std::memory_order_relaxed));
    if (head < tail) return tail - head;
    return has_leases(p, std::memory_order_relaxed) ? redeliveries_seen(p) : 0;
}

/// Puts a reference at the end; 0 when the pipe is full, otherwise its position + 1. Inside. Either
/// the caller has counted the reference in the box before, or it hands over one of its own once
/// this has succeeded.
std::uint64_t try_put(pipe& p, std::uint64_t box_offset, side_memory& seen) noexcept;
/// The same with the tag of a source's entry: {2p | tagged, index}. Inside.
std::uint64_t try_put_tag(pipe& p, std::uint64_t index, side_memory& seen) noexcept;
/// Takes the first packet: first writes it to the hold's ledger entry, then frees the cell. Null
/// when the pipe is empty; then the entry is clear. Inside.
box* try_take(arena& a, pipe& p, new_hold& taker, side_memory& seen) noexcept;

}  // namespace valpool::detail
