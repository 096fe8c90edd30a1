#include "queue/ring.hpp"

#include "base/kill_point.hpp"
#include "base/prefetch.hpp"
#include "base/word_pair.hpp"
#include "queue/leases.hpp"
#include "queue/sources.hpp"
#include "value/fetch_root.hpp"

#include <algorithm>

namespace valpool::detail {
namespace {

/// The one step that puts a packet into the cell or takes it out. It is a full barrier: a thread
/// that looks for waiters after it cannot miss a waiter that looked for packets before it.
bool swap_cell(cell& c, std::uint64_t sequence, std::uint64_t reference, std::uint64_t new_sequence,
               std::uint64_t new_reference) noexcept {
    return swap_pair(&c, {sequence, reference}, {new_sequence, new_reference});
}

/// Moves the cursor on after this side's operation at the position. If no other thread was seen at
/// the same positions (`is_in_turn`), it just stores: to wait for the cursor's cache line, which
/// the other side reads, would cost more than all the rest. If another thread came in between after
/// all, the store may set the cursor back. The cursor is still a valid hint then, and a thread that
/// tries in vain, or comes late, moves it on again.
void move_on(std::atomic<std::uint64_t>& cursor, side_memory& seen, std::uint64_t position,
             bool is_in_turn) noexcept {
    seen.next.store(position + 1, std::memory_order_relaxed);
    if (is_in_turn)
        cursor.store(position + 1, std::memory_order_release);
    else
        advance(cursor, position + 1);
}

/// After a try in vain at the position: sets the remembered cursor to it, and moves the shared
/// cursor on to it if that was left behind.
void stay(std::atomic<std::uint64_t>& cursor, side_memory& seen, std::uint64_t position) noexcept {
    seen.next.store(position, std::memory_order_relaxed);
    advance(cursor, position);
}

/// How many positions ahead a reader prefetches, while it works on a packet: contents of packets,
/// and cells.
constexpr std::uint64_t read_ahead = 4;
constexpr std::uint64_t cells_ahead = 8;
/// How many positions ahead a writer prefetches cells. The readers' processors had their cache
/// lines last.
constexpr std::uint64_t write_ahead = 16;
/// A writer that does not know yet whether a cell ahead is free reads the readers' cursor only at
/// one in this many cells. Each read takes the cursor's cache line away from a reader that moves
/// the cursor at the same pace.
constexpr std::uint64_t looks_apart = 4;

/// Prefetches for the packets behind the one at the position: the content of a packet that comes
/// soon, and the cell of a later one, which says where its content lies.
void fetch_packets(arena& a, pipe& p, std::uint64_t position, const side_memory& seen) noexcept {
    const std::uint64_t tail = seen.other.load(std::memory_order_relaxed);
    if (position + cells_ahead < tail)
        prefetch_to_write(&p.cell_for(position + cells_ahead), sizeof(cell));
    if (position + read_ahead >= tail) return;
    const auto reference =
        p.cell_for(position + read_ahead).reference.load(std::memory_order_relaxed);
    if (reference != 0) fetch_root(a.at<char>(reference), fetch_for::reading);
}

/// Prefetches the cell at the position, if it is known to be free.
void fetch_cell(pipe& p, std::uint64_t position, side_memory& seen) noexcept {
    if (p.capacity <= write_ahead) return;
    if (position >= seen.other.load(std::memory_order_relaxed) + p.capacity) {
        if (position % looks_apart != 0) return;
        const std::uint64_t head = p.head.load(std::memory_order_relaxed);
        seen.other.store(head, std::memory_order_relaxed);
        if (position >= head + p.capacity) return;
    }
    prefetch_to_write(&p.cell_for(position), sizeof(cell));
}

}  // namespace

bool has_room(const pipe& p) noexcept {
    const std::uint64_t position = p.tail.load(std::memory_order_acquire);
    // The cell no longer has the packet of the previous lap. If the tail is behind, that counts as
    // room, too.
    return p.cell_for(position).sequence.load(std::memory_order_seq_cst) >= 2 * position &&
           (!has_leases(p, std::memory_order_seq_cst) || has_room_beside_leases(p, position));
}

bool has_packet(const pipe& p) noexcept {
    const std::uint64_t position = p.head.load(std::memory_order_acquire);
    return untagged(p.cell_for(position).sequence.load(std::memory_order_seq_cst)) > 2 * position ||
           (has_leases(p, std::memory_order_seq_cst) && has_redelivery(p));
}

namespace {
/// A side's next position, even if its cursor is behind. A side has passed a position when the
/// cell's sequence exceeds 2 * position + `done`. While others are at work, the result is some
/// recent position.
std::uint64_t next_position(const pipe& p, const std::atomic<std::uint64_t>& cursor,
                            std::uint64_t done) noexcept {
    std::uint64_t position = cursor.load(std::memory_order_acquire);
    for (std::uint64_t steps = 0; steps <= 2 * p.capacity; ++steps) {
        const auto sequence =
            untagged(p.cell_for(position).sequence.load(std::memory_order_acquire));
        if (sequence <= 2 * position + done) break;
        position = after(p, position, sequence);
    }
    return position;
}
}  // namespace

std::uint64_t first_position(const pipe& p) noexcept { return next_position(p, p.head, 1); }
std::uint64_t next_to_put(const pipe& p) noexcept { return next_position(p, p.tail, 0); }

passed_packets packets_passed(const pipe& p) noexcept {
    const std::uint64_t out = first_position(p);
    return {std::max(out, next_to_put(p)), out};
}

std::uint64_t packet_count(const pipe& p) noexcept {
    const passed_packets passed = packets_passed(p);
    return redeliveries_seen(p) + std::min(passed.in - passed.out, p.capacity);
}

std::uint64_t room_beside_leases(const pipe& p, std::uint64_t room) noexcept {
    return room - std::min(room, leases_out(p.attention.load(std::memory_order_relaxed)));
}

std::uint64_t redeliveries_seen(const pipe& p) noexcept {
    return has_leases(p, std::memory_order_acquire) ? count_leases(p).waiting : 0;
}

namespace {
/// What makes a free cell another one.
struct cell_content {
    std::uint64_t added;  // to the sequence
    std::uint64_t reference;
};

/// try_put for a pipe that has leases, and for tags. A function of its own, and called last, so
/// that the usual case need not save registers.
[[gnu::cold, gnu::noinline]] std::uint64_t put_beside_leases(pipe& p, cell_content content,
                                                             side_memory& seen) noexcept {
    for (std::uint64_t position = seen.next.load(std::memory_order_relaxed);;) {
        cell& c = p.cell_for(position);
        const std::uint64_t sequence = c.sequence.load(std::memory_order_acquire);
        if ((sequence & tagged) != 0) {
            if (!finish_tagged(p, c, sequence)) return 0;
            continue;
        }
        // The look at the leases comes after that at the cell: if a lease has emptied the cell,
        // that lease is counted.
        const bool is_free = sequence == 2 * position;
        if (sequence < 2 * position || (is_free && !has_room_beside_leases(p, position))) {
            stay(p.tail, seen, position);
            return 0;
        }
        if (is_free && swap_cell(c, sequence, 0, sequence + content.added, content.reference)) {
            VALPOOL_KILL_POINT("ring.put_beside_leases");
            seen.next.store(position + 1, std::memory_order_relaxed);
            advance(p.tail, position + 1);
            return position + 1;
        }
        position = std::max(p.tail.load(std::memory_order_acquire), after(p, position, sequence));
    }
}
}  // namespace

std::uint64_t try_put(pipe& p, std::uint64_t box_offset, side_memory& seen) noexcept {
    bool is_in_turn = true;
    for (std::uint64_t position = seen.next.load(std::memory_order_relaxed);;) {
        cell& c = p.cell_for(position);
        const std::uint64_t sequence = c.sequence.load(std::memory_order_acquire);
        if (sequence < 2 * position) {
            stay(p.tail, seen, position);
            return 0;
        }
        if (sequence == 2 * position) {
            // After the look at the cell, see put_beside_leases.
            if (has_leases(p, std::memory_order_acquire)) [[unlikely]]
                return put_beside_leases(p, {1, box_offset}, seen);
            VALPOOL_KILL_POINT("ring.putting");
            fetch_cell(p, position + write_ahead, seen);
            if (swap_cell(c, sequence, 0, sequence + 1, box_offset)) {
                VALPOOL_KILL_POINT("ring.put");
                move_on(p.tail, seen, position, is_in_turn);
                return position + 1;
            }
        }
        if ((sequence & tagged) != 0) [[unlikely]]
            return put_beside_leases(p, {1, box_offset}, seen);
        is_in_turn = false;  // another thread has put a packet there
        position = std::max(p.tail.load(std::memory_order_acquire), after(p, position, sequence));
    }
}

std::uint64_t try_put_tag(pipe& p, std::uint64_t index, side_memory& seen) noexcept {
    return put_beside_leases(p, {tagged, index}, seen);
}

box* try_take(arena& a, pipe& p, new_hold& taker, side_memory& seen) noexcept {
    bool is_in_turn = true;
    bool has_written = false;
    for (std::uint64_t position = seen.next.load(std::memory_order_relaxed);;) {
        cell& c = p.cell_for(position);
        const std::uint64_t sequence = c.sequence.load(std::memory_order_acquire);
        if (sequence == 2 * position + 1) {
            // If another thread takes the packet now, the swap fails, and the entry, which may then
            // name anything, is written again or cleared. Nobody reads the entry before this thread
            // leaves.
            const std::uint64_t reference = c.reference.load(std::memory_order_relaxed);
            char* const packet = a.at<char>(reference);
            // A packet that the thread has waited for is likely to be answered.
            const bool has_waited = position + 1 >= seen.other.load(std::memory_order_relaxed);
            fetch_root(packet, has_waited ? fetch_for::answering : fetch_for::reading);
            taker.write_entry(reference);
            VALPOOL_KILL_POINT("ring.wrote_entry");
            has_written = true;
            if (swap_cell(c, sequence, reference, 2 * (position + p.capacity), 0)) {
                VALPOOL_KILL_POINT("ring.took");
                move_on(p.head, seen, position, is_in_turn);
                fetch_packets(a, p, position, seen);
                return a.at<box>(reference);
            }
        } else if (untagged(sequence) <= 2 * position) {
            if (has_written) taker.clear_entry();
            stay(p.head, seen, position);
            return nullptr;
        } else if (is_tag_of_source(sequence)) [[unlikely]] {
            if (finish_put(p, c, sequence)) continue;
        }
        is_in_turn = false;  // another thread has taken it
        position = std::max(p.head.load(std::memory_order_acquire), after(p, position, sequence));
    }
}

}  // namespace valpool::detail
