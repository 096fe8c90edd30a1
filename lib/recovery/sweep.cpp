#include "recovery/sweep.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"

#include <bit>

namespace valpool::detail {

namespace {

/// Raw memory is in use while the process that allocated it lives. The marks of dead processes are
/// cleared, so that no stale mark is mistaken for another process's later.
bool is_living_raw(arena& a, const slot_set& dead, std::uint64_t offset) noexcept {
    auto& header = *a.at<raw_header>(offset);
    const std::uint64_t mark = header.mark.load(std::memory_order_relaxed);
    if (raw_header::magic_in(mark) != magic_raw) return false;
    const std::uint32_t s = raw_header::slot_in(mark);
    if (s < a.lane_count && a.slot(s).state.load() == process_slot::attached && !dead.test(s))
        return true;
    header.mark.store(0, std::memory_order_relaxed);
    return false;
}

std::uint64_t living_raw_blocks(arena& a, const slot_set& dead, std::uint32_t p, std::uint32_t w,
                                std::uint64_t unmarked) noexcept {
    const page_entry& page = a.page(p);
    const unsigned size_class = page.kind.load(std::memory_order_relaxed) - 1;
    std::uint64_t living = 0;
    for (std::uint64_t left = unmarked & ~page.words()[w].load(); left != 0; left &= left - 1) {
        const auto i = static_cast<std::uint32_t>(std::countr_zero(left));
        const std::uint64_t offset = a.page_start(p) + (w * 64 + i) * class_size(size_class);
        if (is_living_raw(a, dead, offset)) living |= std::uint64_t{1} << i;
    }
    return living;
}

/// Makes the page free. Its bitmap becomes empty, so that nobody claims a block by a stale hint.
void clear_page(arena& a, std::uint32_t p) noexcept {
    page_entry& page = a.page(p);
    for (std::uint32_t w = 0; w < a.words_per_page; ++w)
        page.words()[w].store(0, std::memory_order_relaxed);
    page.kind.store(page_entry::free, std::memory_order_relaxed);
    page.use.store(0, std::memory_order_relaxed);
    a.page_map()[p / 64].fetch_or(std::uint64_t{1} << (p % 64), std::memory_order_relaxed);
}

void hold_page(arena& a, std::uint32_t p) noexcept {
    a.page_map()[p / 64].fetch_and(~(std::uint64_t{1} << (p % 64)), std::memory_order_relaxed);
}

void sweep_slab(arena& a, const slot_set& dead, std::uint32_t p) noexcept {
    page_entry& page = a.page(p);
    const unsigned size_class = page.kind.load(std::memory_order_relaxed) - 1;
    bool in_use = false;
    bool has_free = false;
    for (std::uint32_t w = 0; w < a.words_per_page; ++w) {
        const std::uint64_t valid = a.valid_bits(size_class, w);
        auto& marks = page.words()[a.words_per_page + w];
        const std::uint64_t marked = marks.load(std::memory_order_relaxed);
        const std::uint64_t used = marked | living_raw_blocks(a, dead, p, w, valid & ~marked);
        // Raw memory in use stays used in the bitmap, so a second recoverer finds it again.
        page.words()[w].store(valid & ~used, std::memory_order_relaxed);
        in_use = in_use || used != 0;
        has_free = has_free || (valid & ~used) != 0;
    }
    if (!in_use) return clear_page(a, p);
    hold_page(a, p);
    const std::uint64_t bit = std::uint64_t{1} << (p % 64);
    auto& hints = a.partial_map(size_class)[p / 64];
    if (has_free)
        hints.fetch_or(bit, std::memory_order_relaxed);
    else
        hints.fetch_and(~bit, std::memory_order_relaxed);
}

void sweep_pages(arena& a, const slot_set& dead) noexcept {
    for (std::uint32_t p = 0; p < a.page_count; ++p) {
        page_entry& page = a.page(p);
        const std::uint32_t kind = page.kind.load(std::memory_order_relaxed);
        if (kind != page_entry::free && kind <= size_class_count) {
            sweep_slab(a, dead, p);
            continue;
        }
        if (kind == page_entry::run_head && (page.run_mark.load(std::memory_order_relaxed) != 0 ||
                                             is_living_raw(a, dead, a.page_start(p)))) {
            const std::uint32_t count = page.run_pages.load(std::memory_order_relaxed);
            for (std::uint32_t i = 0; i < count; ++i) hold_page(a, p + i);
            p += count - 1;
            continue;
        }
        clear_page(a, p);
        VALPOOL_KILL_POINT("recovery.cleared_page");
    }
}

void empty_heaps(arena& a) noexcept {
    for (std::uint32_t i = 0; i < a.lane_count; ++i) a.heap(i).forget();
}

void recount_pages(arena& a) noexcept {
    page_counts counts(0);
    for (std::uint32_t p = 0; p < a.page_count; ++p) {
        const page_entry& page = a.page(p);
        const auto use = static_cast<page_use>(page.use.load(std::memory_order_relaxed));
        if (use == page_use::system) continue;
        std::uint32_t& pages = use == page_use::values ? counts.values : counts.pipes;
        const std::uint32_t kind = page.kind.load(std::memory_order_relaxed);
        if (kind == page_entry::run_head) pages += page.run_pages.load(std::memory_order_relaxed);
        if (kind != page_entry::free && kind <= size_class_count) ++pages;
    }
    a.claimed_pages.store(counts.word(), std::memory_order_relaxed);
    for (auto& hint : a.row_hints) hint.store(0, std::memory_order_relaxed);
}

}  // namespace

void sweep(arena& a, const slot_set& dead) noexcept {
    empty_heaps(a);
    VALPOOL_KILL_POINT("recovery.emptied_heaps");
    sweep_pages(a, dead);
    recount_pages(a);
    VALPOOL_KILL_POINT("recovery.swept");
}

}  // namespace valpool::detail
