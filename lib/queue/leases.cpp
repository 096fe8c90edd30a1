#include "queue/leases.hpp"

#include <valpool/object/detail/hold.hpp>

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "base/word_pair.hpp"
#include "object/box.hpp"
#include "object/release.hpp"
#include "object/root_provider.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

namespace valpool::detail {
namespace {

using kind = lease_state::kind;

std::uint64_t now_us() noexcept { return static_cast<std::uint64_t>(steady_now_ns() / 1000); }

// --- states ------------------------------------------------------------------------------------

constexpr std::uint64_t low_word(kind what, const lease_holder& who) noexcept {
    return std::uint64_t{what} | std::uint64_t{who.slot} << 3 | who.deadline_us << 15;
}
constexpr std::uint64_t high_word(std::uint32_t claims, std::uint32_t deliveries,
                                  std::uint32_t takers) noexcept {
    return std::uint64_t{claims} << 32 | std::uint64_t{deliveries} << 13 | takers;
}

/// Without a lease's holder.
lease_state as(kind what, const lease_state& s) noexcept {
    return {low_word(what, {0, 0}), s.high};
}
/// An entry that nobody leases any more, after its packet was taken for good.
lease_state ended(const lease_state& s) noexcept {
    return as(s.takers() == 0 ? kind::free : kind::done, s);
}
lease_state delivered(const lease_state& s, const lease_holder& who, bool counts) noexcept {
    const std::uint32_t times =
        counts ? std::min(s.deliveries() + 1, lease_state::most_deliveries) : s.deliveries();
    return {low_word(kind::leased, who), high_word(s.claims(), times, s.takers() + 1)};
}

/// The words may be of two states. A swap then fails.
lease_state load(const lease_entry& e) noexcept {
    const std::uint64_t low = e.low.load(std::memory_order_acquire);
    return {low, e.high.load(std::memory_order_acquire)};
}
bool swap(lease_entry& e, const lease_state& from, const lease_state& to) noexcept {
    return swap_pair(&e, {from.low, from.high}, {to.low, to.high});
}

std::uint64_t position_of(const lease_entry& e) noexcept {
    return e.position.load(std::memory_order_acquire);
}
std::uint64_t index_of(const lease_table& t, const lease_entry& e) noexcept {
    return static_cast<std::uint64_t>(&e - &t.entry(0));
}

std::uint64_t sequence_of_tag(std::uint64_t position) noexcept {
    return (2 * position + 1) | tagged;
}
/// Whether the cell of the entry's position has the entry's tag: then the packet is the entry's,
/// although the entry may still be taking.
bool has_tag(const pipe& p, const lease_table& t, const lease_entry& e) noexcept {
    const std::uint64_t position = position_of(e);
    const cell& c = p.cell_for(position);
    if (!arena_of(const_cast<box&>(t.root)).contains(&c)) return false;  // a damaged pipe
    return c.sequence.load(std::memory_order_acquire) == sequence_of_tag(position) &&
           c.reference.load(std::memory_order_acquire) == index_of(t, e);
}

/// Whether the entry's packet is leased, or waits to be delivered again.
bool is_out(const pipe& p, const lease_table& t, const lease_entry& e) noexcept {
    kind what = load(e).what();
    if (what == kind::taking) {
        if (has_tag(p, t, e)) return true;
        what = load(e).what();  // the tag may just have gone
    }
    return what == kind::leased || what == kind::returned;
}

// --- deadlines ---------------------------------------------------------------------------------

constexpr unsigned change_bits = 15;  // of lease_table::earliest

std::uint64_t earliest_in(std::uint64_t word) noexcept { return word >> change_bits; }
std::uint64_t next_word(std::uint64_t word, std::uint64_t deadline_us) noexcept {
    const std::uint64_t changes = (word + 1) & ((std::uint64_t{1} << change_bits) - 1);
    return deadline_us << change_bits | changes;
}

/// Each note changes the word, even if another deadline is earlier: see refresh_earliest.
void note_deadline(lease_table& t, std::uint64_t deadline_us) noexcept {
    if (deadline_us == 0) return;
    std::uint64_t word = t.earliest.load(std::memory_order_relaxed);
    std::uint64_t earlier = 0;
    do {
        const std::uint64_t now = earliest_in(word);
        earlier = now == 0 ? deadline_us : std::min(now, deadline_us);
    } while (!t.earliest.compare_exchange_weak(word, next_word(word, earlier)));
}

constexpr std::uint64_t no_deadline = std::numeric_limits<std::uint64_t>::max();

/// Of the leases that are out; no_deadline: none of them has one.
std::uint64_t earliest_deadline(const lease_table& t) noexcept {
    std::uint64_t earliest = no_deadline;
    for (std::uint64_t i = 0; i < t.used_entries(); ++i) {
        const lease_state s = load(t.entry(i));
        const bool counts = s.what() == kind::leased || s.what() == kind::taking;
        if (counts && s.deadline_us() != 0) earliest = std::min(earliest, s.deadline_us());
    }
    return earliest;
}

/// Called when no lease has expired, to move the hint on. If a deadline was noted meanwhile, the
/// scan may have missed it, and nothing changes.
void refresh_earliest(lease_table& t) noexcept {
    std::uint64_t word = t.earliest.load(std::memory_order_acquire);
    const std::uint64_t earliest = earliest_deadline(t);
    t.earliest.compare_exchange_strong(word,
                                       next_word(word, earliest == no_deadline ? 0 : earliest));
}

// --- entries -----------------------------------------------------------------------------------

bool try_claim(lease_table& t, std::uint64_t i, const lease_holder& who) noexcept {
    const lease_state s = load(t.entry(i));
    if (s.what() != kind::free) return false;
    const lease_state mine{low_word(kind::taking, who), high_word(s.claims() + 1, 1, 1)};
    if (!swap(t.entry(i), s, mine)) return false;
    t.hint.store(static_cast<std::uint32_t>(i + 1), std::memory_order_relaxed);
    return true;
}

/// A free entry, which is taking then; null when there is none. It is counted first.
lease_entry* claim(pipe& p, lease_table& t, const lease_holder& who) noexcept {
    p.attention.fetch_add(one_lease_out, std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("lease.counted");
    const std::uint64_t used = t.used_entries();
    const std::uint64_t first = t.hint.load(std::memory_order_relaxed);
    for (std::uint64_t n = 0; n < used; ++n) {
        const std::uint64_t i = (first + n) % used;
        if (try_claim(t, i, who)) return &t.entry(i);
    }
    std::uint32_t next = t.used.load(std::memory_order_relaxed);
    while (next < t.count) {
        const std::uint32_t i = next;
        if (!t.used.compare_exchange_strong(next, next + 1, std::memory_order_acq_rel)) continue;
        VALPOOL_KILL_POINT("lease.table_grew");
        if (try_claim(t, i, who)) return &t.entry(i);
        ++next;
    }
    p.attention.fetch_sub(one_lease_out, std::memory_order_seq_cst);
    return nullptr;
}

void unclaim(pipe& p, lease_table& t, lease_entry& e) noexcept {
    const lease_state s = load(e);
    swap(e, s, {low_word(kind::free, {0, 0}), high_word(s.claims(), 0, 0)});
    t.hint.store(static_cast<std::uint32_t>(index_of(t, e)), std::memory_order_relaxed);
    p.attention.fetch_sub(one_lease_out, std::memory_order_seq_cst);
}

/// A taker has counted its own reference, and needs the entry's no more. If the packet was
/// acknowledged meanwhile, the last taker drops the entry's reference.
void settle_taker(lease_table& t, lease_entry& e, box& b) noexcept {
    for (;;) {
        const lease_state s = load(e);
        const lease_state without{s.low, s.high - 1};
        const bool is_last = s.what() == kind::done && without.takers() == 0;
        if (!swap(e, s, is_last ? ended(without) : without)) continue;
        if (!is_last) return;
        VALPOOL_KILL_POINT("lease.ended");
        t.hint.store(static_cast<std::uint32_t>(index_of(t, e)), std::memory_order_relaxed);
        b.refs.fetch_sub(1,
                         std::memory_order_acq_rel);  // the taker has one, so this is not the last
        return;
    }
}

/// Gives a taker that is counted in the entry a reference of its own.
box* share_with_taker(lease_table& t, lease_entry& e, new_hold& taker) noexcept {
    box& b = *arena_of(t.root).at<box>(e.reference.load(std::memory_order_relaxed));
    b.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("lease.shared");
    taker.write_entry(b.self);
    VALPOOL_KILL_POINT("lease.wrote_entry");
    settle_taker(t, e, b);
    return &b;
}

/// Gives up the entry's reference after the state has become `now`.
void drop_entry(thread_lane& l, lease_table& t, lease_entry& e, const lease_state& now,
                std::uint64_t reference) noexcept {
    if (now.what() != kind::free) return;  // the last taker does it
    t.hint.store(static_cast<std::uint32_t>(index_of(t, e)), std::memory_order_relaxed);
    release_reference(*l.pool, *l.heap, *l.pool->at<box>(reference));
}

// --- delivering again --------------------------------------------------------------------------

struct candidate {
    lease_entry* entry = nullptr;
    lease_state state;
    std::uint64_t position = 0;
};

/// The first packet from the position on that waits to be delivered again.
candidate find_first(lease_table& t, std::uint64_t from_position) noexcept {
    candidate first;
    const std::uint64_t now = now_us();
    for (std::uint64_t i = 0; i < t.used_entries(); ++i) {
        lease_entry& e = t.entry(i);
        const lease_state s = load(e);
        if (!s.can_be_delivered(now)) continue;
        const std::uint64_t position = position_of(e);
        if (position < from_position || (first.entry && position >= first.position)) continue;
        first = {&e, s, position};
    }
    return first;
}

/// Whether it is worth looking for such a packet.
bool is_redelivery_due(const pipe& p, const lease_table& t, bool is_thorough) noexcept {
    const std::uint64_t attention = p.attention.load(std::memory_order_acquire);
    if (attention / one_lease_returned % one_lease_returned != 0) return true;
    const std::uint64_t earliest = earliest_in(t.earliest.load(std::memory_order_acquire));
    return leases_out(attention) != 0 && earliest != 0 && (is_thorough || earliest <= now_us());
}

/// After a lease has been taken over; `attention` also counts the packet as returned until then.
void uncount_return(pipe& p, const lease_state& before) noexcept {
    if (before.what() == kind::returned)
        p.attention.fetch_sub(one_lease_returned, std::memory_order_seq_cst);
}

/// False when somebody else was faster.
bool try_drop(thread_lane& l, pipe& p, lease_table& t, const candidate& c) noexcept {
    const std::uint64_t reference = c.entry->reference.load(std::memory_order_relaxed);
    const lease_state now = ended(c.state);
    if (!swap(*c.entry, c.state, now)) return false;
    VALPOOL_KILL_POINT("lease.dropped");
    uncount_return(p, c.state);
    p.attention.fetch_sub(one_lease_out, std::memory_order_seq_cst);
    drop_entry(l, t, *c.entry, now, reference);
    return true;
}

}  // namespace

// --- taking a lease ----------------------------------------------------------------------------

bool finish_tagged(pipe& p, cell& c, std::uint64_t sequence) noexcept {
    return is_tag_of_source(sequence) ? finish_put(p, c, sequence) : finish_lease(p, c, sequence);
}

bool finish_lease(pipe& p, cell& c, std::uint64_t sequence) noexcept {
    lease_table* const t = lease_table_of(p);
    const std::uint64_t index = c.reference.load(std::memory_order_acquire);
    if (c.sequence.load(std::memory_order_acquire) != sequence) return true;
    if (!t || index >= t->count) return false;
    lease_entry& e = t->entry(index);
    for (;;) {
        const lease_state s = load(e);
        // The entry cannot become free while the cell has its tag. So what was read before this
        // look belongs to this lease, and the swap fails for every later one.
        if (c.sequence.load(std::memory_order_acquire) != sequence) return true;
        if (s.what() != kind::taking) break;
        if (swap(e, s, {(s.low & ~std::uint64_t{7}) | kind::leased, s.high})) break;
    }
    VALPOOL_KILL_POINT("lease.granted");
    const std::uint64_t position = (sequence & ~tagged) / 2;
    swap_pair(&c, {sequence, index}, {2 * (position + p.capacity), 0});
    VALPOOL_KILL_POINT("lease.freed_cell");
    return true;
}

box* lease_from_ring(pipe& p, const lease_holder& who, new_hold& taker, side_memory& seen,
                     lease_ticket& out) noexcept {
    lease_table& t = *lease_table_of(p);
    lease_entry* claimed = nullptr;
    for (std::uint64_t position = seen.next.load(std::memory_order_relaxed);;) {
        cell& c = p.cell_for(position);
        const std::uint64_t sequence = c.sequence.load(std::memory_order_acquire);
        if (untagged(sequence) <= 2 * position) {
            seen.next.store(position, std::memory_order_relaxed);
            advance(p.head, position);
            if (claimed) unclaim(p, t, *claimed);
            return nullptr;
        }
        if (sequence == 2 * position + 1) {
            const std::uint64_t reference = c.reference.load(std::memory_order_relaxed);
            if (!claimed) {
                claimed = claim(p, t, who);
                if (!claimed) return nullptr;
                VALPOOL_KILL_POINT("lease.claimed");
                note_deadline(t, who.deadline_us);
            }
            claimed->position.store(position, std::memory_order_release);
            claimed->reference.store(reference, std::memory_order_release);
            out = {claimed, load(*claimed), position, false};
            VALPOOL_KILL_POINT("lease.written");
            if (swap_pair(&c, {sequence, reference}, {sequence | tagged, index_of(t, *claimed)}))
                break;
        }
        if (is_tag_of_source(sequence) && finish_put(p, c, sequence)) continue;
        position = std::max(p.head.load(std::memory_order_acquire), after(p, position, sequence));
    }
    VALPOOL_KILL_POINT("lease.tagged");
    finish_lease(p, p.cell_for(out.position), sequence_of_tag(out.position));
    seen.next.store(out.position + 1, std::memory_order_relaxed);
    advance(p.head, out.position + 1);
    out.granted.low = low_word(kind::leased, who);
    return share_with_taker(t, *claimed, taker);
}

bool lease_held(pipe& p, const lease_holder& who, box& b, lease_ticket& out) noexcept {
    lease_table& t = *lease_table_of(p);
    lease_entry* const e = claim(p, t, who);
    if (!e) return false;
    note_deadline(t, who.deadline_us);
    publish(b);
    b.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("lease.held");
    // It comes before all that is in the ring, and no cell has its tag.
    e->position.store(0, std::memory_order_release);
    e->reference.store(b.self, std::memory_order_release);
    const lease_state s = load(*e);
    out = {e, {low_word(kind::leased, who), s.high - 1}, 0, false};
    swap(*e, s, out.granted);
    return true;
}

box* lease_again(thread_lane& l, pipe& p, const lease_holder& who, lease_limits& limits,
                 new_hold& taker, lease_ticket& out) noexcept {
    lease_table& t = *lease_table_of(p);
    if (!is_redelivery_due(p, t, limits.is_thorough)) return nullptr;
    for (;;) {
        const candidate c = find_first(t, limits.from_position);
        if (!c.entry) break;
        const bool is_too_often =
            limits.most_deliveries != 0 && c.state.deliveries() >= limits.most_deliveries;
        if (is_too_often && !limits.keeps_the_rest) {
            if (try_drop(l, p, t, c)) ++limits.dropped;
            continue;
        }
        note_deadline(t, who.deadline_us);
        const lease_state granted = delivered(c.state, who, !is_too_often);
        if (!swap(*c.entry, c.state, granted)) continue;
        VALPOOL_KILL_POINT("lease.redelivered");
        uncount_return(p, c.state);
        out = {c.entry, granted, c.position, is_too_often};
        return share_with_taker(t, *c.entry, taker);
    }
    refresh_earliest(t);
    return nullptr;
}

box* take_redelivered(pipe& p, new_hold& taker, bool is_thorough) noexcept {
    lease_table* const t = lease_table_of(p);
    if (!t || !is_redelivery_due(p, *t, is_thorough)) return nullptr;
    for (;;) {
        const candidate c = find_first(*t, 0);
        if (!c.entry) break;
        const lease_state taken{low_word(kind::done, {0, 0}), c.state.high + 1};
        if (!swap(*c.entry, c.state, taken)) continue;
        VALPOOL_KILL_POINT("lease.taken");
        uncount_return(p, c.state);
        p.attention.fetch_sub(one_lease_out, std::memory_order_seq_cst);
        return share_with_taker(*t, *c.entry, taker);
    }
    refresh_earliest(*t);
    return nullptr;
}

// --- ending a lease ----------------------------------------------------------------------------

bool acknowledge(thread_lane& l, pipe& p, const lease_ticket& ticket) noexcept {
    lease_table& t = *lease_table_of(p);
    lease_entry& e = *ticket.entry;
    const std::uint64_t reference = e.reference.load(std::memory_order_relaxed);
    lease_state now;
    for (;;) {
        const lease_state s = load(e);
        if (!s.is_same_lease(ticket.granted)) return false;
        now = ended(s);
        if (swap(e, s, now)) break;
    }
    VALPOOL_KILL_POINT("lease.acknowledged");
    p.attention.fetch_sub(one_lease_out, std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("lease.uncounted");
    drop_entry(l, t, e, now, reference);
    return true;
}

bool return_lease(pipe& p, const lease_ticket& ticket, bool counts) noexcept {
    lease_entry& e = *ticket.entry;
    p.attention.fetch_add(one_lease_returned, std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("lease.returning");
    for (;;) {
        const lease_state s = load(e);
        if (!s.is_same_lease(ticket.granted)) break;
        const std::uint32_t times = s.deliveries() - (counts ? 0 : 1);
        const lease_state back{low_word(kind::returned, {0, 0}),
                               high_word(s.claims(), times, s.takers())};
        if (!swap(e, s, back)) continue;
        VALPOOL_KILL_POINT("lease.returned");
        return true;
    }
    p.attention.fetch_sub(one_lease_returned, std::memory_order_seq_cst);
    return false;
}

// --- looking -----------------------------------------------------------------------------------

bool has_room_beside_leases(const pipe& p, std::uint64_t position) noexcept {
    // First the head, then the leases: a packet that is leased meanwhile counts twice, not never.
    const std::uint64_t head = first_position(p);
    const auto fits = [&](std::uint64_t out) {
        return position < head + p.capacity - std::min(out, p.capacity);
    };
    if (fits(leases_out(p.attention.load(std::memory_order_seq_cst)))) return true;
    // The count can be too high, for a process that has stopped or died.
    const lease_table* const t = lease_table_of(p);
    if (!t) return fits(0);
    std::uint64_t out = 0;
    for (std::uint64_t i = 0; i < t->used_entries(); ++i)
        if (position_of(t->entry(i)) < head && is_out(p, *t, t->entry(i))) ++out;
    return fits(out);
}

bool has_redelivery(const pipe& p) noexcept {
    const lease_table* const t = lease_table_of(p);
    if (!t || !has_leases(p, std::memory_order_seq_cst)) return false;
    const std::uint64_t now = now_us();
    for (std::uint64_t i = 0; i < t->used_entries(); ++i)
        if (load(t->entry(i)).can_be_delivered(now)) return true;
    return false;
}

lease_count count_leases(const pipe& p) noexcept {
    lease_count count;
    const lease_table* const t = lease_table_of(p);
    if (!t) return count;
    const std::uint64_t now = now_us();
    for (std::uint64_t i = 0; i < t->used_entries(); ++i) {
        if (load(t->entry(i)).can_be_delivered(now))
            ++count.waiting;
        else if (is_out(p, *t, t->entry(i)))
            ++count.out;
    }
    return count;
}

std::chrono::nanoseconds until_next_expiry(const pipe& p) noexcept {
    const lease_table* const t = lease_table_of(p);
    std::uint64_t earliest = t ? earliest_in(t->earliest.load()) : 0;
    if (earliest == 0) return std::chrono::nanoseconds::max();
    const std::uint64_t now = now_us();
    // The hint may be that of a lease that has ended: who only looks does not move it on.
    if (earliest <= now) earliest = earliest_deadline(*t);
    if (earliest == no_deadline) return std::chrono::nanoseconds::max();
    return std::chrono::microseconds(earliest <= now ? 0 : earliest - now);
}

// --- the table ---------------------------------------------------------------------------------

namespace {
std::uint64_t entries_for(const arena& a, const pipe& p) noexcept {
    return std::min(p.capacity, most_leases - raw_header::most_slots) + a.lane_count;
}

hold* make_table(arena& a, const pipe& p) {
    const std::uint64_t count = entries_for(a, p);
    const std::uint64_t size_bytes = lease_table::size_bytes(count);
    const page_use use = is_named_queue(p.root) ? page_use::pipes : page_use::values;
    hold* const h = create_large_box(a, size_bytes, size_bytes - box_header_bytes, use);
    auto& t = reinterpret_cast<lease_table&>(*h->target);
    std::memset(reinterpret_cast<char*>(&t) + box_header_bytes, 0, size_bytes - box_header_bytes);
    t.count = count;
    t.root.root_tag = lease_table_tag;
    return h;
}

/// The pipe refers to the table from now on, unless it has got another one meanwhile.
void link_table(pipe& p, box& table) {
    arena& a = arena_of(table);
    thread_lane& l = lane_of_thread(a);
    const inside pass(l);
    publish(table);
    table.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("lease.table_counted");
    std::uint64_t none = 0;
    // Release: a thread that finds the table finds it complete.
    if (!p.leases.compare_exchange_strong(none, table.self, std::memory_order_acq_rel)) {
        table.refs.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    VALPOOL_KILL_POINT("lease.table_linked");
    if (is_named_queue(p.root)) a.system_bytes.fetch_add(space_bytes(a, table.self));
}
}  // namespace

lease_table* lease_table_of(const pipe& p) noexcept {
    const std::uint64_t offset = p.leases.load(std::memory_order_acquire);
    if (offset == 0) return nullptr;
    arena& a = arena_of(const_cast<box&>(p.root));
    if (!a.in_pages(offset) || offset % block_granule != 0 ||
        a.size_bytes - offset < sizeof(lease_table))
        return nullptr;
    auto& t = *a.at<lease_table>(offset);
    const bool is_table =
        t.root.magic.load(std::memory_order_relaxed) == magic_box &&
        t.root.root_tag == lease_table_tag &&
        t.count <= (a.size_bytes - offset - sizeof(lease_table)) / sizeof(lease_entry);
    return is_table ? &t : nullptr;
}

lease_table& need_lease_table(pipe& p) {
    if (lease_table* const t = lease_table_of(p)) return *t;
    hold* const h = make_table(arena_of(p.root), p);
    try {
        link_table(p, *h->target);
    } catch (...) {
        drop_handle(h);
        throw;
    }
    drop_handle(h);
    return *lease_table_of(p);
}

// --- recovery ----------------------------------------------------------------------------------

namespace {
bool is_gone(const arena& a, std::uint32_t slot, const slot_set& dead) noexcept {
    return dead.test(slot) ||
           (slot < a.lane_count && a.slot(slot).state.load() == process_slot::free);
}

lease_state settled(const arena& a, const lease_state& s, const slot_set& dead) noexcept {
    const bool is_left = is_gone(a, s.slot(), dead);
    const lease_state without_takers{s.low, high_word(s.claims(), s.deliveries(), 0)};
    switch (s.what()) {
        case kind::leased: return is_left ? as(kind::returned, without_takers) : without_takers;
        case kind::returned: return without_takers;
        case kind::free:
        case kind::taking:
        case kind::done: break;
    }
    return as(kind::free, without_takers);
}

void finish_all_tagged(pipe& p) noexcept {
    for (std::uint64_t i = 0; i < p.capacity; ++i) {
        cell& c = p.cell_for(i);
        const std::uint64_t sequence = c.sequence.load(std::memory_order_relaxed);
        if ((sequence & tagged) != 0) finish_tagged(p, c, sequence);
    }
}
}  // namespace

/// Only dead threads can have left something half-done: the living are outside.
void settle_leases(arena& a, pipe& p, const slot_set& dead) noexcept {
    lease_table* const t = lease_table_of(p);
    if (!t) return;
    finish_all_tagged(p);
    settle_sources(t->sources, [&](std::uint32_t slot) { return is_gone(a, slot, dead); });
    std::uint64_t counted = 0;
    for (std::uint64_t i = 0; i < t->used_entries(); ++i) {
        const lease_state before = load(t->entry(i));
        const lease_state s = settled(a, before, dead);
        swap(t->entry(i), before, s);
        if (s.what() == kind::leased || s.what() == kind::returned) counted += one_lease_out;
        if (s.what() == kind::returned) counted += one_lease_returned;
    }
    VALPOOL_KILL_POINT("recovery.settled_leases");
    constexpr std::uint64_t of_leases = (most_leases * one_lease_returned) | most_leases;
    p.attention.store((p.attention.load() & ~of_leases) | counted);
    refresh_earliest(*t);
}

void visit_leases(const pipe& p, reference_visitor& visitor) noexcept {
    const lease_table* const t = lease_table_of(p);
    if (!t) return;
    for (std::uint64_t i = 0; i < t->used_entries(); ++i) {
        const lease_entry& e = t->entry(i);
        if (load(e).what() == kind::done || is_out(p, *t, e))
            visitor.visit(e.reference.load(std::memory_order_relaxed));
    }
    // A pipe with a name: its table is a root, as the pipe itself.
    if (!is_named_queue(p.root)) visitor.visit(t->root.self);
}

std::uint64_t lease_table_bytes(const arena& a, const pipe& p) noexcept {
    const lease_table* const t = lease_table_of(p);
    return t ? space_bytes(a, t->root.self) : 0;
}

}  // namespace valpool::detail
