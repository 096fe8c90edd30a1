#include "monitor/seen_pipe.hpp"

#include "queue/directory.hpp"

#include <algorithm>
#include <bit>
#include <unordered_set>

namespace valpool::detail {

seen_pipe::seen_pipe(const arena& a, const pipe& p) noexcept : arena_(&a), live_(&p) {
    std::memcpy(copy_, static_cast<const void*>(&p), offsetof(pipe, tail));
    const std::uint64_t offset = a.offset_of(&p);
    const std::uint64_t room = a.size_bytes - offset;
    // As pipe_at, but of the copy.
    makes_sense_ = shape().root.self == offset && is_named_queue(shape().root) && capacity() > 0 &&
                   capacity() <= a.size_bytes / sizeof(cell) && shape().has_its_shape() &&
                   pipe::size_bytes(capacity()) <= room &&
                   std::memchr(shape().name, 0, sizeof shape().name) != nullptr;
    if (makes_sense_) name_ = shape().name;
}

/// As the ring's function of that name.
std::uint64_t seen_pipe::next_position(const std::atomic<std::uint64_t>& cursor,
                                       std::uint64_t done) const noexcept {
    std::uint64_t position = cursor.load(std::memory_order_acquire);
    for (std::uint64_t steps = 0; steps <= 2 * capacity(); ++steps) {
        const auto sequence = untagged(cell_at(position).sequence.load(std::memory_order_acquire));
        if (sequence <= 2 * position + done) break;
        position = after(shape(), position, sequence);
    }
    return position;
}

passed_packets seen_pipe::passed() const noexcept {
    const std::uint64_t out = next_position(live_->head, 1);
    return {std::max(out, next_position(live_->tail, 0)), out};
}

std::vector<seen_pipe::lease> seen_pipe::leases() const {
    const std::uint64_t offset = live_->leases.load(std::memory_order_acquire);
    std::vector<lease> found;
    if (!arena_->in_pages(offset) || offset % alignof(lease_entry) != 0 ||
        arena_->size_bytes - offset < sizeof(lease_table))
        return found;
    const auto& table = *arena_->at<lease_table>(offset);
    if (table.root.magic.load(std::memory_order_acquire) != magic_box ||
        table.root.root_tag != lease_table_tag)
        return found;
    const std::uint64_t room =
        (arena_->size_bytes - offset - sizeof(lease_table)) / sizeof(lease_entry);
    const std::uint64_t count = std::min({std::uint64_t{table.used.load(std::memory_order_acquire)},
                                          room, capacity() + arena_->lane_count});
    for (std::uint64_t i = 0; i < count; ++i) {
        const lease_entry& e = table.entry(i);
        const lease_state state{e.low.load(std::memory_order_acquire),
                                e.high.load(std::memory_order_acquire)};
        if (state.what() != lease_state::leased && state.what() != lease_state::returned) continue;
        found.push_back({state, e.reference.load(std::memory_order_acquire), &e});
    }
    return found;
}

void seen_pipe::add_returned(std::vector<waiting_packet>& into, std::size_t most) const {
    const auto now_us = static_cast<std::uint64_t>(steady_now_ns() / 1000);
    for (const lease& l : leases()) {
        if (into.size() == most) return;
        if (l.state.can_be_delivered(now_us))
            into.push_back(
                {l.box_offset, {{&l.entry->low, l.state.low}, {&l.entry->high, l.state.high}}});
    }
}

std::vector<seen_pipe::waiting_packet> seen_pipe::waiting(std::size_t most) const {
    std::vector<waiting_packet> found;
    add_returned(found, most);
    const passed_packets at = passed();
    const std::uint64_t end = at.out + std::min(at.in - at.out, capacity());
    for (std::uint64_t position = at.out; position < end && found.size() < most; ++position) {
        const cell& c = cell_at(position);
        const std::uint64_t sequence = c.sequence.load(std::memory_order_acquire);
        const std::uint64_t reference = c.reference.load(std::memory_order_acquire);
        // The sequence never comes again: if it is the same afterwards, the reference was its.
        if (sequence == 2 * position + 1)
            found.push_back({reference, {{&c.sequence, sequence}, {}}});
    }
    return found;
}

std::vector<std::uint32_t> seen_pipe::sleepers(const wait_list& list, std::uint64_t topic) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t w = 0; w < wait_list::words; ++w) {
        std::uint64_t left = list.lanes[w].load(std::memory_order_acquire);
        for (; left != 0; left &= left - 1) {
            const std::uint32_t i = w * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
            if (i >= arena_->lane_count) break;
            const seat& s = arena_->seat_at(i);
            const std::uint64_t its = s.topic.load(std::memory_order_acquire);
            // A bit may be stale; the seat knows.
            if (s.asleep.load(std::memory_order_acquire) == 1 && (its == topic || its == any_topic))
                found.push_back(i + 1);
        }
    }
    return found;
}

namespace {
std::vector<seen_pipe> walk_pipes(const arena& a) {
    std::vector<seen_pipe> found;
    std::unordered_set<std::uint64_t> seen;  // in a list that is changed, or damaged, it may circle
    for (std::uint64_t o = a.pipes.load(std::memory_order_acquire); o != 0;) {
        const pipe* const p = pipe_at(a, o);
        if (!p || !seen.insert(o).second) break;
        const seen_pipe pipe(a, *p);
        o = p->next.load(std::memory_order_acquire);
        if (!pipe.makes_sense()) break;
        found.push_back(pipe);
    }
    return found;
}
}  // namespace

std::vector<seen_pipe> seen_pipes(const arena& a) {
    constexpr int looks = 100;
    std::vector<seen_pipe> found;
    for (int i = 0; i < looks; ++i) {
        const std::uint32_t removals = a.pipe_removals.load(std::memory_order_acquire);
        found = walk_pipes(a);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (a.pipe_removals.load(std::memory_order_acquire) == removals) break;
    }
    return found;
}

}  // namespace valpool::detail
