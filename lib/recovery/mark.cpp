#include "recovery/mark.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "object/box_lock.hpp"
#include "object/root_provider.hpp"

namespace valpool::detail {

namespace {

/// Starting from the roots, counts the references to every box anew and marks every block in use.
class marker final : public reference_visitor {
public:
    marker(arena& a, const slot_set& dead) noexcept : a_(a), dead_(dead) {}

    void clear() noexcept {
        for (std::uint32_t p = 0; p < a_.page_count; ++p) {
            page_entry& page = a_.page(p);
            page.run_mark.store(0, std::memory_order_relaxed);
            for (std::uint32_t w = 0; w < a_.words_per_page; ++w)
                page.words()[a_.words_per_page + w].store(0, std::memory_order_relaxed);
        }
    }

    /// Marks a block or run; true when it was not marked before.
    bool mark(std::uint64_t offset) noexcept {
        const std::uint32_t p = a_.page_of(offset);
        page_entry& page = a_.page(p);
        const std::uint32_t kind = page.kind.load(std::memory_order_relaxed);
        if (kind == page_entry::run_head)
            return page.run_mark.exchange(1, std::memory_order_relaxed) == 0;
        const std::uint32_t i = block_index_of.index(offset - a_.page_start(p), kind - 1);
        auto& word = page.words()[a_.words_per_page + i / 64];
        const std::uint64_t before = word.load(std::memory_order_relaxed);
        const std::uint64_t bit = std::uint64_t{1} << (i % 64);
        word.store(before | bit, std::memory_order_relaxed);
        return (before & bit) == 0;
    }

    void visit_box(std::uint64_t offset) noexcept {
        box& b = *a_.at<box>(offset);
        if (mark(offset)) {
            b.refs.store(0, std::memory_order_relaxed);
            b.bytes.store(work_, std::memory_order_relaxed);
            work_ = offset;
        }
        b.refs.fetch_add(1, std::memory_order_relaxed);
    }

    void visit(std::uint64_t offset) noexcept override { visit_box(offset); }

    void follow() noexcept {
        while (work_ != 0) {
            box& b = *a_.at<box>(work_);
            work_ = b.bytes.load(std::memory_order_relaxed);
            b.bytes.store(follow_chunks(b), std::memory_order_relaxed);
            follow_references(b);
            if (b.root_tag == queue_root_tag) roots().settle_box(a_, b, dead_);
            if (has_packets(b)) roots().visit_box(a_, b, *this);
            poison_if_orphaned(b);
        }
    }

private:
    /// Returns the bytes of the box and its chunks.
    std::uint64_t follow_chunks(box& b) noexcept {
        std::uint64_t bytes = space_bytes(a_, b.self);
        std::uint64_t previous = 0;
        for (std::uint64_t c = b.chunks.load(std::memory_order_relaxed); c != 0;) {
            mark(c);
            bytes += space_bytes(a_, c);
            chunk& here = *a_.at<chunk>(c);
            here.prev = previous;
            previous = c;
            c = here.next.load(std::memory_order_relaxed);
        }
        return bytes;
    }

    void follow_references(box& b) noexcept {
        std::uint64_t previous = 0;
        for (std::uint64_t n = b.out_refs.load(std::memory_order_relaxed); n != 0;) {
            out_ref& node = *a_.at<out_ref>(n);
            node.prev = previous;
            visit_box(node.target);
            previous = n;
            n = node.next.load(std::memory_order_relaxed);
        }
    }

    bool is_orphan(std::uint32_t lane_plus_one) const noexcept {
        if (lane_plus_one == 0) return false;
        const std::uint32_t owner = a_.lane_at(lane_plus_one - 1).owner.load();
        return owner != 0 && dead_.test(owner - 1);
    }

    void poison_if_orphaned(box& b) noexcept {
        if (is_orphan(b.mutator.load(std::memory_order_relaxed))) {
            b.poisoned.store(true, std::memory_order_relaxed);
            VALPOOL_KILL_POINT("recovery.poisoned");
            b.mutator.store(0, std::memory_order_relaxed);
        }
        if (is_orphan(lock_owner_in(b.lock_word.load(std::memory_order_relaxed)))) {
            b.poisoned.store(true, std::memory_order_relaxed);
            VALPOOL_KILL_POINT("recovery.poisoned_locked");
            free_lock_of_the_dead(b);
        }
    }

    arena& a_;
    const slot_set& dead_;
    std::uint64_t work_ = 0;
};

std::size_t mark_ledgers(arena& a, const slot_set& dead, marker& m) noexcept {
    std::size_t bytes = 0;
    for (std::uint32_t s = 0; s < a.lane_count; ++s) {
        if (a.slot(s).state.load() == process_slot::free || dead.test(s)) continue;
        for (std::uint64_t offset = a.slot(s).ledger.load(); offset != 0;) {
            const auto& block = *a.at<ledger_block>(offset);
            if (m.mark(offset)) bytes += space_bytes(a, offset);
            for (const auto& entry : block.entries)
                if (const std::uint64_t held = entry.load(std::memory_order_relaxed))
                    m.visit_box(held);
            m.follow();
            offset = block.next;
        }
    }
    return bytes;
}

std::size_t mark_pipes(arena& a, marker& m) noexcept {
    class all_pipes final : public reference_visitor {
    public:
        all_pipes(arena& pool, marker& all) noexcept : a_(pool), m_(all) {}
        void visit(std::uint64_t offset) noexcept override {
            m_.visit_box(offset);
            bytes += space_bytes(a_, offset);
            for (std::uint64_t c = a_.at<box>(offset)->chunks.load(std::memory_order_relaxed);
                 c != 0; c = a_.at<chunk>(c)->next.load(std::memory_order_relaxed))
                bytes += space_bytes(a_, c);
        }
        std::size_t bytes = 0;

    private:
        arena& a_;
        marker& m_;
    };
    all_pipes pipes(a, m);
    roots().visit_roots(a, pipes);
    m.follow();
    return pipes.bytes;
}

}  // namespace

std::size_t mark_what_is_alive(arena& a, const slot_set& dead) noexcept {
    marker m(a, dead);
    m.clear();
    VALPOOL_KILL_POINT("recovery.cleared_marks");
    std::size_t system_bytes = mark_ledgers(a, dead, m);
    VALPOOL_KILL_POINT("recovery.marked_ledgers");
    system_bytes += mark_pipes(a, m);
    VALPOOL_KILL_POINT("recovery.marked_queues");
    return system_bytes;
}

}  // namespace valpool::detail
