#include "queue/taps.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "base/word_pair.hpp"
#include "object/release.hpp"
#include "object/root_provider.hpp"
#include "queue/flow.hpp"
#include "queue/sources.hpp"

#include <algorithm>

namespace valpool::detail {
namespace {

/// How much memory the packet has, as the queues count it.
std::uint64_t units_of(const arena& a, const box& packet) noexcept {
    return std::clamp<std::uint64_t>(bytes_of(a, packet) / block_granule, 1,
                                     tap_reference::most_units);
}

/// Raises a hint.
void raise(std::atomic<std::uint64_t>& hint, std::uint64_t to) noexcept {
    std::uint64_t now = hint.load(std::memory_order_relaxed);
    while (now < to && !hint.compare_exchange_weak(now, to, std::memory_order_acq_rel)) {
    }
}

/// Gives up a reference that has just left its cell.
void give_up(thread_lane& l, tap& t, tap_reference r) noexcept {
    if (r.word == 0) return;
    if (r.units() != 0) t.units.fetch_sub(r.units(), std::memory_order_relaxed);
    release_reference(*l.pool, *l.heap, *l.pool->at<box>(r.box_offset()));
}

/// False when a later packet is in the cell already: the tap misses this one. The loop goes on only
/// when somebody else has changed the cell, and a cell takes a later packet, or none, each time.
bool write_cell(thread_lane& l, tap& t, std::uint64_t mark, tap_reference r) noexcept {
    cell& c = t.cell_for(mark);
    for (;;) {
        const std::uint64_t sequence = c.sequence.load(std::memory_order_acquire);
        const tap_reference before{c.reference.load(std::memory_order_relaxed)};
        if (sequence > mark) return false;
        if (!swap_pair(&c, {sequence, before.word}, {mark + 1, r.word})) continue;
        VALPOOL_KILL_POINT("tap.wrote");
        give_up(l, t, before);
        return true;
    }
}

/// Drops the oldest packets as long as those in the ring are too large together.
void drop_oldest(thread_lane& l, tap& t, std::uint64_t mark) noexcept {
    // A writer that comes late has written before the place where others look.
    if (t.oldest.load(std::memory_order_relaxed) > mark)
        t.oldest.store(mark, std::memory_order_relaxed);
    const std::uint64_t end = std::max(t.newest.load(std::memory_order_relaxed), mark + 1);
    const std::uint64_t first = end > t.depth ? end - t.depth : 0;
    std::uint64_t m = std::max(t.oldest.load(std::memory_order_relaxed), first);
    for (; m < end && t.units.load(std::memory_order_relaxed) > t.most_units; ++m)
        drop_cell(l, t, t.cell_for(m), m + 1);
    raise(t.oldest, m);
}

void tell(thread_lane& l, tap& t, box& packet, std::uint64_t mark) noexcept {
    const std::uint64_t units = t.most_units != 0 ? units_of(*l.pool, packet) : 0;
    packet.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("tap.counted_packet");
    if (units != 0) t.units.fetch_add(units, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("tap.counted_units");
    if (!write_cell(l, t, mark, {packet.self | units << tap_reference::offset_bits})) {
        if (units != 0) t.units.fetch_sub(units, std::memory_order_relaxed);
        packet.refs.fetch_sub(1, std::memory_order_relaxed);  // the caller has one more
        return;
    }
    raise(t.newest, mark + 1);
    if (units != 0) drop_oldest(l, t, mark);
}

/// Called with the world stopped.
void empty(tap& t) noexcept {
    for (std::uint64_t i = 0; i < t.depth; ++i)
        t.cell_for(i).reference.store(0, std::memory_order_relaxed);
}

std::uint64_t units_in(tap& t) noexcept {
    std::uint64_t units = 0;
    for (std::uint64_t i = 0; i < t.depth; ++i)
        units += tap_reference{t.cell_for(i).reference.load(std::memory_order_relaxed)}.units();
    return units;
}

/// Removes the tap from the list.
void take_out(arena& a, lane_heap& heap, tap& t) noexcept {
    std::atomic<std::uint64_t>* link = &a.taps;
    while (link->load(std::memory_order_relaxed) != t.root.self)
        link = &a.at<tap>(link->load(std::memory_order_relaxed))->next;
    link->store(t.next.load(std::memory_order_relaxed), std::memory_order_release);
    VALPOOL_KILL_POINT("removal.unlinked_tap");
    a.pipe_removals.fetch_add(1, std::memory_order_acq_rel);
    a.system_bytes.fetch_sub(space_bytes(a, t.root.self), std::memory_order_relaxed);
    VALPOOL_KILL_POINT("removal.uncounted_tap");
    release_reference(a, heap, t.root);
}

}  // namespace

const tap* tap_at(const arena& a, std::uint64_t offset) noexcept {
    if (!a.in_pages(offset) || offset % block_granule != 0 || a.size_bytes - offset < sizeof(tap))
        return nullptr;
    const auto& t = *a.at<tap>(offset);
    const std::uint64_t depth = __atomic_load_n(&t.depth, __ATOMIC_RELAXED);
    const bool is_tap = t.root.magic.load(std::memory_order_acquire) == magic_box &&
                        t.root.self == offset && t.root.root_tag == tap_root_tag && depth > 0 &&
                        depth <= a.size_bytes / sizeof(cell) &&
                        tap::size_bytes(depth) <= a.size_bytes - offset;
    return is_tap ? &t : nullptr;
}

void connect(tap& t, pipe& p) noexcept {
    // The pipe says that it has a tap before it has: nobody puts a packet there unnoticed.
    p.attention.fetch_add(attention_tap, std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("tap.announced");
    std::uint64_t nowhere = tap::nowhere;
    // Release: who finds the tap connected finds its base.
    if (!t.at_pipe.compare_exchange_strong(nowhere, p.root.self, std::memory_order_acq_rel))
        p.attention.fetch_sub(attention_tap, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("tap.connected");
}

void connect_taps(arena& a, pipe& p) noexcept {
    for_each_tap(a, [&](tap& t) {
        const bool waits = t.at_pipe.load(std::memory_order_acquire) == tap::nowhere;
        if (waits && p.name_view() == t.name) connect(t, p);
    });
}

void tell_taps(thread_lane& l, const pipe& p, box& packet, std::uint64_t position) noexcept {
    for_each_tap(*l.pool, [&](tap& t) {
        if (t.at_pipe.load(std::memory_order_acquire) == p.root.self)
            tell(l, t, packet, t.base.load(std::memory_order_relaxed) + position);
    });
}

bool put_counted(thread_lane& l, pipe& p, box& packet, side_memory& seen,
                 const packet_number* number) noexcept {
    const bool has_taps = is_tapped(p);
    packet.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("queue.counted");
    const std::uint64_t position =
        number ? try_put_numbered(p, *number, packet.self, seen) : try_put(p, packet.self, seen);
    if (position == 0) {
        packet.refs.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    if (has_taps) tell_taps(l, p, packet, position - 1);
    return true;
}

void drop_cell(thread_lane& l, tap& t, cell& c, std::uint64_t sequence) noexcept {
    const tap_reference r{c.reference.load(std::memory_order_relaxed)};
    if (r.word == 0 || !swap_pair(&c, {sequence, r.word}, {sequence, 0})) return;
    VALPOOL_KILL_POINT("tap.dropped");
    give_up(l, t, r);
}

void disconnect(tap& t, const pipe& p) noexcept {
    const std::uint64_t base = t.base.load(std::memory_order_relaxed);
    swap_pair(&t.base, {base, p.root.self}, {base + next_to_put(p), tap::nowhere});
}

void disconnect_taps(arena& a, const pipe& p) noexcept {
    for_each_tap(a, [&](tap& t) {
        if (t.at_pipe.load(std::memory_order_relaxed) == p.root.self) disconnect(t, p);
    });
}

void settle_taps(arena& a, const slot_set& dead) noexcept {
    for_each_tap(a, [&](tap& t) {
        const std::uint64_t owner = t.owner.load(std::memory_order_relaxed);
        if (owner != 0 && dead.test(owner - 1)) {
            t.at_pipe.store(tap::ended, std::memory_order_relaxed);
            empty(t);
        }
        t.units.store(units_in(t), std::memory_order_relaxed);
    });
}

void recount_taps(arena& a, pipe& p) noexcept {
    std::uint64_t count = 0;
    for_each_tap(a, [&](const tap& t) {
        if (t.at_pipe.load(std::memory_order_relaxed) == p.root.self) ++count;
    });
    const std::uint64_t others = p.attention.load(std::memory_order_relaxed) & (attention_tap - 1);
    p.attention.store(others | count << attention_tap_shift, std::memory_order_relaxed);
}

void remove_unheld_taps(arena& a, lane_heap& heap) noexcept {
    for_each_tap(a, [&](tap& t) {
        if (t.root.refs.load(std::memory_order_acquire) == 1) take_out(a, heap, t);
    });
}

void visit_taps(arena& a, reference_visitor& visitor) noexcept {
    std::uint64_t left = a.page_count * std::uint64_t{64};
    for (std::uint64_t o = a.taps.load(std::memory_order_acquire); left-- != 0 && o != 0;) {
        const tap* const t = tap_at(a, o);
        if (!t) return;
        const std::uint64_t next = t->next.load(std::memory_order_relaxed);
        visitor.visit(o);
        o = next;
    }
}

/// check() may call this while the tap is being freed, so the depth is read only once.
void visit_tapped_packets(arena& a, box& b, reference_visitor& visitor) noexcept {
    const tap& t = tap_in(b);
    if (a.size_bytes - a.offset_of(&b) < sizeof(tap)) return;
    const std::uint64_t depth = __atomic_load_n(&t.depth, __ATOMIC_RELAXED);
    if (depth > a.size_bytes / sizeof(cell) ||
        tap::size_bytes(depth) > a.size_bytes - a.offset_of(&b))
        return;
    const auto* const cells = reinterpret_cast<const cell*>(&t + 1);
    for (std::uint64_t i = 0; i < depth; ++i) {
        const tap_reference r{cells[i].reference.load(std::memory_order_relaxed)};
        if (r.word != 0) visitor.visit(r.box_offset());
    }
}

}  // namespace valpool::detail
