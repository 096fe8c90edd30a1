#pragma once

/// Taps: seeing what passes a pipe without taking it.
///
/// A tap is a box with a ring of references of its own. All taps of a pool are in one list
/// (arena::taps), which counts as one reference to each; the process that made the tap holds it by
/// its ledger. Each tap says which pipe it is connected to. Producers of a pipe walk the list if
/// the pipe says that it has taps, and write what they have put into the ring of each of its taps.
///
/// One list for the pool, instead of one for each pipe, makes connecting a single store, which
/// anybody can do for a process that has stopped in the middle. A producer of a tapped pipe pays
/// for it: it reads one cache line of every tap in the pool.

#include "object/root_provider.hpp"
#include "queue/ring.hpp"

#include <cstring>

namespace valpool::detail {

struct packet_number;

/// Shape: the box's header; where the tap is connected; the name that it waits for; what writers
/// change. `depth` cells of 16 bytes follow. A packet's mark is `base` plus its position in the
/// pipe; the packet with mark m uses cell m modulo depth. A cell has `sequence` m + 1 once that
/// packet has been written there, and 0 before the first one. Its `reference` is tap_reference, or
/// 0 when the packet has been read or dropped.
/// Invariants:
///   1. A cell with a reference counts as one reference to the packet's box.
///   2. The sequence of a cell only grows.
///   3. `base` changes with the world stopped, together with `at_pipe`: when the pipe is removed.
///   The
///      marks of the next pipe of that name follow those of the pipe that has gone.
///   4. `newest`, `oldest` and `units` are hints. `newest` is the sequence of the newest packet;
///      there may be newer ones. `units` is the sum of the packets' sizes; it may be too high.
/// Writers: producers and the tap's owner write cells, by single compare-and-swaps, and the hints;
/// who opens the pipe, or makes the tap, writes `at_pipe`.
/// Crash safety: a producer that dies between putting a packet and writing it here leaves a gap,
/// which the reader counts as missed. An owner that dies leaves a tap that recovery empties and
/// removes. Counts that are too high (of references, of `units`, of the pipe's taps) are counted
/// anew by recovery.
struct tap {
    static constexpr std::uint64_t nowhere = 0;  // waits for a pipe of that name
    static constexpr std::uint64_t ended = 1;    // will never be connected again

    box root;
    std::atomic<std::uint64_t> next;  // the tap made before this one; 0: none
    std::uint64_t depth;
    std::uint64_t most_units;  // that the packets in the ring may have; 0: no limit
    alignas(16) std::atomic<std::uint64_t> base;
    std::atomic<std::uint64_t> at_pipe;  // offset, or nowhere, or ended
    std::atomic<std::uint64_t> owner;    // slot + 1
    char name[pipe::longest_name + 1];   // of the pipe

    alignas(64) std::atomic<std::uint64_t> newest;
    std::atomic<std::uint64_t> oldest;  // marks below are not worth a look for the oldest packet
    std::atomic<std::uint64_t> units;

    static std::uint64_t size_bytes(std::uint64_t depth) noexcept {
        return sizeof(tap) + depth * sizeof(cell);
    }
    cell& cell_for(std::uint64_t mark) noexcept {
        return reinterpret_cast<cell*>(this + 1)[mark % depth];
    }
    bool is_connected() const noexcept { return at_pipe.load(std::memory_order_acquire) > ended; }
};
static_assert(sizeof(tap) % 16 == 0, "cells follow, aligned to 16");
static_assert(offsetof(tap, at_pipe) == offsetof(tap, base) + 8,
              "one compare-and-swap covers both");
static_assert(offsetof(tap, owner) <= 128, "producers of other pipes read no more of a tap");

/// The reference in a tap's cell: a box's offset, and its size in block_granules, so that what was
/// added to tap::units can be subtracted, although a box may grow and shrink meanwhile.
struct tap_reference {
    static constexpr unsigned offset_bits = 40;
    static constexpr std::uint64_t largest_pool = std::uint64_t{1} << offset_bits;
    static constexpr std::uint64_t most_units = (std::uint64_t{1} << (64 - offset_bits)) - 1;

    std::uint64_t word;

    std::uint64_t box_offset() const noexcept { return word & (largest_pool - 1); }
    std::uint64_t units() const noexcept { return word >> offset_bits; }
};

/// What a tap counts for in pipe::attention.
constexpr unsigned attention_tap_shift = 48;
constexpr std::uint64_t attention_tap = std::uint64_t{1} << attention_tap_shift;
/// A pool has this many at most, because producers walk the list.
constexpr std::uint32_t most_taps = 1024;

/// Whether packets put into the pipe must be written to taps. Inside, before the packet is put.
inline bool is_tapped(const pipe& p) noexcept {
    return p.attention.load(std::memory_order_acquire) >= attention_tap;
}

inline tap& tap_in(box& b) noexcept { return reinterpret_cast<tap&>(b); }
/// The tap at that offset; null when there is none or it makes no sense. As pipe_at.
const tap* tap_at(const arena& a, std::uint64_t offset) noexcept;

/// Called inside, or with the world stopped.
template <class Visitor>
void for_each_tap(arena& a, Visitor visit) noexcept {
    for (std::uint64_t o = a.taps.load(std::memory_order_acquire); o != 0;) {
        tap& t = *a.at<tap>(o);
        o = t.next.load(std::memory_order_relaxed);
        visit(t);
    }
}

// --- for those who use the pipe; inside --------------------------------------------------------

/// Connects the taps that wait for a pipe of that name. Whoever opens a pipe calls it before it
/// puts anything there, so a tap that was there before misses no packet.
void connect_taps(arena& a, pipe& p) noexcept;
/// Connects this tap, unless somebody else has.
void connect(tap& t, pipe& p) noexcept;
/// Writes a packet, which was put into the pipe at the position, to the pipe's taps. The caller has
/// a reference to the box all the time.
void tell_taps(thread_lane& l, const pipe& p, box& packet, std::uint64_t position) noexcept;
/// Puts a packet into the pipe: the cell, and each tap, get a reference of their own. False when
/// there is no room. The caller has a reference all the time: otherwise a consumer could free the
/// box before the taps have it. `number`: of a packet of a source; null: it has none.
bool put_counted(thread_lane& l, pipe& p, box& packet, side_memory& seen,
                 const packet_number* number = nullptr) noexcept;
/// Takes the packet that the cell has with that sequence, if it still has it, and gives it up.
void drop_cell(thread_lane& l, tap& t, cell& c, std::uint64_t sequence) noexcept;

// --- with the world stopped --------------------------------------------------------------------

/// Lets the taps of a pipe that has left the directory wait for the next pipe of its name.
void disconnect_taps(arena& a, const pipe& p) noexcept;
/// Lets one tap wait, whose pipe has left the directory.
void disconnect(tap& t, const pipe& p) noexcept;
/// Before a repair counts anew: ends and empties the taps of the dead, and counts `units`.
void settle_taps(arena& a, const slot_set& dead) noexcept;
/// Counts the taps of the pipe anew.
void recount_taps(arena& a, pipe& p) noexcept;
/// Removes and frees the taps that only the list refers to.
void remove_unheld_taps(arena& a, lane_heap& heap) noexcept;

// --- visiting, also in a pool that may be damaged ----------------------------------------------

void visit_taps(arena& a, reference_visitor& visitor) noexcept;
void visit_tapped_packets(arena& a, box& b, reference_visitor& visitor) noexcept;

}  // namespace valpool::detail
