#include "object/release.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "object/root_provider.hpp"

namespace valpool::detail {

void free_chunks(arena& a, lane_heap& heap, std::uint64_t first) noexcept {
    for (std::uint64_t c = first; c != 0;) {
        const std::uint64_t next = a.at<chunk>(c)->next.load(std::memory_order_relaxed);
        free_space(a, heap, c);
        c = next;
    }
}

namespace {
/// Gives up references. A box without any other reference joins the work list.
class release_work final : public reference_visitor {
public:
    release_work(arena& a, std::uint64_t& work) noexcept : a_(a), work_(work) {}

    void visit(std::uint64_t offset) noexcept override {
        box& target = *a_.at<box>(offset);
        if (target.refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        target.bytes.store(work_, std::memory_order_relaxed);
        work_ = offset;
    }

private:
    arena& a_;
    std::uint64_t& work_;
};
}  // namespace

void release_targets(arena& a, std::uint64_t first, std::uint64_t& work) noexcept {
    release_work released(a, work);
    for (std::uint64_t n = first; n != 0;) {
        const out_ref& node = *a.at<out_ref>(n);
        n = node.next.load(std::memory_order_relaxed);
        released.visit(node.target);
    }
}

/// Uses a list instead of recursion, because boxes may form chains of any length. Nothing reaches
/// these boxes any more, so recovery sweeps the blocks that a crash leaves here.
void free_boxes(arena& a, lane_heap& heap, std::uint64_t first) noexcept {
    a.at<box>(first)->bytes.store(0, std::memory_order_relaxed);
    for (std::uint64_t work = first; work != 0;) {
        const std::uint64_t offset = work;
        box& b = *a.at<box>(offset);
        work = b.bytes.load(std::memory_order_relaxed);
        VALPOOL_KILL_POINT("box.freeing");
        release_targets(a, b.out_refs.load(std::memory_order_relaxed), work);
        release_work packets(a, work);
        if (has_packets(b)) roots().visit_box(a, b, packets);
        free_chunks(a, heap, b.chunks.load(std::memory_order_relaxed));
        VALPOOL_KILL_POINT("box.freed_chunks");
        b.magic.store(0, std::memory_order_relaxed);
        free_space(a, heap, offset);
    }
}

void free_unreferenced(arena& a, lane_heap& heap, box& b) noexcept {
    VALPOOL_KILL_POINT("box.dropped_last");
    const bool is_one_block = b.chunks.load(std::memory_order_relaxed) == 0 &&
                              b.out_refs.load(std::memory_order_relaxed) == 0 && !has_packets(b);
    if (!is_one_block) return free_boxes(a, heap, b.self);
    b.magic.store(0, std::memory_order_relaxed);
    free_space(a, heap, b.self);
}

}  // namespace valpool::detail
