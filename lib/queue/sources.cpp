#include "queue/sources.hpp"

#include "base/kill_point.hpp"
#include "base/word_pair.hpp"
#include "queue/leases.hpp"

#include <boost/uuid/detail/sha1.hpp>

#include <algorithm>

namespace valpool::detail {

source_id source_id_of(std::string_view name) noexcept {
    boost::uuids::detail::sha1 hash;
    hash.process_bytes(name.data(), name.size());
    boost::uuids::detail::sha1::digest_type digest;
    hash.get_digest(digest);
    const auto joined = [&](unsigned i) { return std::uint64_t{digest[i]} << 32 | digest[i + 1]; };
    return {joined(0) | 1, joined(2)};  // never zero
}

// --- owners ------------------------------------------------------------------------------------

namespace {

std::uint64_t highest_age(const source_table& all) noexcept {
    std::uint64_t age = 0;
    for (const source_entry& s : all) age = std::max(age, s.age);
    return age;
}

/// The entry of that source; otherwise the one to take for it, null when all have owners.
source_entry* entry_for(source_table& all, const source_id& id) noexcept {
    source_entry* best = nullptr;
    for (source_entry& s : all) {
        if (s.id == id) return &s;
        if (s.owner.load(std::memory_order_relaxed) != 0) continue;
        if (!best || s.age < best->age) best = &s;
    }
    return best;
}

}  // namespace

claim_result claim_source(source_table& all, const source_id& id, claimed_source& who) noexcept {
    source_entry* const s = entry_for(all, id);
    if (!s) return claim_result::all_owned;
    if (s->owner.load(std::memory_order_relaxed) != 0) return claim_result::owned_by_other;
    const std::uint64_t age = highest_age(all) + 1;
    if (!(s->id == id)) {
        // If the claimer dies among these, the entry belongs to no source that anybody looks for.
        s->id = source_id();
        VALPOOL_KILL_POINT("claim.emptied");
        s->last.store(0, std::memory_order_relaxed);
        s->number.store(0, std::memory_order_relaxed);
        s->reference.store(0, std::memory_order_relaxed);
        s->id.high = id.high;
        s->id.low = id.low;
    }
    s->age = age;
    s->owner.store(std::uint64_t{who.slot} + 1, std::memory_order_release);
    VALPOOL_KILL_POINT("claim.done");
    who.index = static_cast<std::uint32_t>(s - all.data());
    return claim_result::claimed;
}

void release_source(source_table& all, const claimed_source& who) noexcept {
    std::uint64_t mine = std::uint64_t{who.slot} + 1;
    all[who.index].owner.compare_exchange_strong(mine, 0, std::memory_order_acq_rel);
}

// --- putting -----------------------------------------------------------------------------------

std::uint64_t try_put_numbered(pipe& p, const packet_number& as, std::uint64_t box_offset,
                               side_memory& seen) noexcept {
    source_entry& s = lease_table_of(p)->sources[as.from.index];
    s.number.store(as.number, std::memory_order_release);
    s.reference.store(box_offset, std::memory_order_release);
    VALPOOL_KILL_POINT("source.written");
    const std::uint64_t behind = try_put_tag(p, as.from.index, seen);
    if (behind == 0) return 0;
    VALPOOL_KILL_POINT("source.tagged");
    const std::uint64_t position = behind - 1;
    finish_put(p, p.cell_for(position), 2 * position | tagged);
    return behind;
}

bool finish_put(pipe& p, cell& c, std::uint64_t sequence) noexcept {
    lease_table* const t = lease_table_of(p);
    const std::uint64_t index = c.reference.load(std::memory_order_acquire);
    if (c.sequence.load(std::memory_order_acquire) != sequence) return true;
    if (!t || index >= most_sources) return false;
    source_entry& s = t->sources[index];
    std::uint64_t last = s.last.load(std::memory_order_acquire);
    const std::uint64_t number = s.number.load(std::memory_order_acquire);
    const std::uint64_t reference = s.reference.load(std::memory_order_acquire);
    // The entry does not change while the cell has its tag. So what was read before this look
    // belongs to this put, and the swaps fail after every later one.
    if (c.sequence.load(std::memory_order_acquire) != sequence) return true;
    if (last < number) s.last.compare_exchange_strong(last, number, std::memory_order_acq_rel);
    VALPOOL_KILL_POINT("source.numbered");
    swap_pair(&c, {sequence, index}, {(sequence & ~tagged) + 1, reference});
    VALPOOL_KILL_POINT("source.filled");
    return true;
}

std::uint64_t reference_behind_tag(const pipe& p, const cell& c) noexcept {
    const lease_table* const t = lease_table_of(p);
    const std::uint64_t index = c.reference.load(std::memory_order_acquire);
    if (!t || index >= most_sources) return 0;
    return t->sources[index].reference.load(std::memory_order_acquire);
}

}  // namespace valpool::detail
