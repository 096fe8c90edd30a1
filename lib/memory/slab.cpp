#include "memory/slab.hpp"

#include "base/kill_point.hpp"

#include <algorithm>
#include <bit>

namespace valpool::detail {
namespace {

constexpr std::uint64_t bit(std::uint32_t i) noexcept { return std::uint64_t{1} << (i % 64); }

/// Blocks of one bitmap word.
struct block_place {
    std::uint32_t page;
    std::uint32_t word;
    std::uint64_t mask;
};

void fill_reserve(block_reserve& reserve, const block_place& blocks) noexcept {
    reserve.page = blocks.page;
    reserve.word = static_cast<std::uint16_t>(blocks.word);
    reserve.mask.store(blocks.mask, std::memory_order_relaxed);
}

bool has_free_block(const page_entry& page, std::uint32_t words) noexcept {
    for (std::uint32_t w = 0; w < words; ++w)
        if (page.words()[w].load(std::memory_order_relaxed) != 0) return true;
    return false;
}

/// The partial maps are hints: a set bit promises nothing, and a lost one costs memory only until
/// the next free in that page.
void hint_partial(arena& a, unsigned size_class, std::uint32_t page) noexcept {
    auto& word = a.partial_map(size_class)[page / 64];
    if ((word.load(std::memory_order_relaxed) & bit(page)) == 0)
        word.fetch_or(bit(page), std::memory_order_release);  // pairs with the scan's acquire
}

void unhint_partial(arena& a, unsigned size_class, std::uint32_t page) noexcept {
    a.partial_map(size_class)[page / 64].fetch_and(~bit(page), std::memory_order_acq_rel);
    // A block may have been freed between the look and the clearing.
    if (a.page(page).kind.load(std::memory_order_acquire) == size_class + 1 &&
        has_free_block(a.page(page), a.words_per_page))
        hint_partial(a, size_class, page);
}

/// Gives blocks of one bitmap word back. Pairs with the acquire of claim_word: whoever gets a block
/// sees all that its last user did to it.
std::uint64_t return_blocks(arena& a, std::uint32_t page, std::uint32_t w,
                            std::uint64_t blocks) noexcept {
    return a.page(page).words()[w].fetch_or(blocks, std::memory_order_acq_rel) | blocks;
}

/// Takes all free blocks of one word. A page cannot change its class while somebody has blocks of
/// it, so looking at the class after the claim is enough.
bool claim_word(arena& a, block_reserve& reserve, unsigned size_class, std::uint32_t page,
                std::uint32_t w) noexcept {
    page_entry& entry = a.page(page);
    if (entry.words()[w].load(std::memory_order_relaxed) == 0) return false;
    const std::uint64_t blocks = entry.words()[w].exchange(0, std::memory_order_acq_rel);
    VALPOOL_KILL_POINT("slab.claimed_word");
    if (blocks == 0) return false;
    if (entry.kind.load(std::memory_order_acquire) != size_class + 1) {
        return_blocks(a, page, w, blocks);
        return false;
    }
    fill_reserve(reserve, {page, w, blocks});
    VALPOOL_KILL_POINT("slab.filled_reserve");
    return true;
}

bool claim_from_page(arena& a, block_reserve& reserve, unsigned size_class,
                     std::uint32_t page) noexcept {
    if (a.page(page).kind.load(std::memory_order_acquire) != size_class + 1) return false;
    for (std::uint32_t w = 0; w < a.words_per_page; ++w)
        if (claim_word(a, reserve, size_class, page, w)) return true;
    return false;
}

bool claim_from_partial(arena& a, lane_heap& heap, unsigned size_class) noexcept {
    const std::uint32_t words = a.map_words();
    const std::uint32_t last = heap.last_page[size_class];
    const std::uint32_t first = last == 0 ? 0 : (last - 1) / 64;
    for (std::uint32_t i = 0; i < words; ++i) {
        const std::uint32_t w = first + i < words ? first + i : first + i - words;
        auto& hints = a.partial_map(size_class)[w];
        for (std::uint64_t left = hints.load(std::memory_order_acquire); left != 0;
             left &= left - 1) {
            const std::uint32_t page = w * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
            if (claim_from_page(a, heap.reserves[size_class], size_class, page)) {
                heap.last_page[size_class] = page + 1;
                return true;
            }
            unhint_partial(a, size_class, page);
        }
    }
    return false;
}

/// False when values have as many pages as they may.
bool count_pages(arena& a, page_use use, std::uint32_t pages) noexcept {
    if (use == page_use::system) return true;
    // Never counted before it is known to fit: others would be refused for pages that nobody gets.
    std::uint32_t counted = a.value_pages.load(std::memory_order_relaxed);
    do {
        if (counted > a.value_page_limit || pages > a.value_page_limit - counted) return false;
    } while (
        !a.value_pages.compare_exchange_weak(counted, counted + pages, std::memory_order_relaxed));
    return true;
}

void uncount_pages(arena& a, page_use use, std::uint32_t pages) noexcept {
    if (use == page_use::values) a.value_pages.fetch_sub(pages, std::memory_order_relaxed);
}

page_use use_of(const page_entry& page) noexcept {
    return page.is_for_values.load(std::memory_order_relaxed) != 0 ? page_use::values
                                                                   : page_use::system;
}

/// A free page, taken out of the page map; page_count when there is none.
std::uint32_t find_page(arena& a) noexcept {
    for (std::uint32_t w = 0; w < a.map_words(); ++w) {
        auto& word = a.page_map()[w];
        std::uint64_t free = word.load(std::memory_order_relaxed);
        while (free != 0) {
            const std::uint64_t lowest = free & (~free + 1);
            if (word.compare_exchange_weak(free, free & ~lowest, std::memory_order_acq_rel))
                return w * 64 + static_cast<std::uint32_t>(std::countr_zero(lowest));
        }
    }
    return a.page_count;
}

std::uint32_t claim_page(arena& a, page_use use) noexcept {
    if (!count_pages(a, use, 1)) return a.page_count;
    const std::uint32_t page = find_page(a);
    if (page == a.page_count) uncount_pages(a, use, 1);
    return page;
}

bool claim_new_page(arena& a, lane_heap& heap, unsigned size_class, page_use use) noexcept {
    const std::uint32_t page = claim_page(a, use);
    if (page == a.page_count) return false;
    VALPOOL_KILL_POINT("slab.claimed_page");
    page_entry& entry = a.page(page);
    entry.is_for_values.store(use == page_use::values, std::memory_order_relaxed);
    entry.kind.store(size_class + 1, std::memory_order_release);
    VALPOOL_KILL_POINT("slab.typed_page");
    // The first word's blocks are this lane's at once; the others are free for all.
    for (std::uint32_t w = 1; w < a.words_per_page; ++w)
        entry.words()[w].store(a.valid_bits(size_class, w), std::memory_order_release);
    fill_reserve(heap.reserves[size_class], {page, 0, a.valid_bits(size_class, 0)});
    VALPOOL_KILL_POINT("slab.opened_page");
    heap.last_page[size_class] = page + 1;
    if (a.blocks_per_page(size_class) > 64) hint_partial(a, size_class, page);
    return true;
}

bool refill(arena& a, lane_heap& heap, unsigned size_class, page_use use) noexcept {
    const std::uint32_t last = heap.last_page[size_class];
    if (last != 0 && claim_from_page(a, heap.reserves[size_class], size_class, last - 1))
        return true;
    return claim_from_partial(a, heap, size_class) || claim_new_page(a, heap, size_class, use);
}

bool is_all_free(arena& a, std::uint32_t page, unsigned size_class) noexcept {
    for (std::uint32_t w = 0; w < a.words_per_page; ++w)
        if (a.page(page).words()[w].load(std::memory_order_relaxed) != a.valid_bits(size_class, w))
            return false;
    return true;
}

/// Takes every block of the page, or none: only then may its class change.
bool claim_whole_page(arena& a, std::uint32_t page, unsigned size_class) noexcept {
    page_entry& entry = a.page(page);
    for (std::uint32_t w = 0; w < a.words_per_page; ++w) {
        std::uint64_t all = a.valid_bits(size_class, w);
        if (all == 0 || entry.words()[w].compare_exchange_strong(all, 0, std::memory_order_acq_rel))
            continue;
        while (w-- > 0) return_blocks(a, page, w, a.valid_bits(size_class, w));
        return false;
    }
    // What was claimed may have been a new incarnation of the page.
    if (entry.kind.load(std::memory_order_acquire) == size_class + 1) return true;
    for (std::uint32_t w = 0; w < a.words_per_page; ++w)
        if (const std::uint64_t all = a.valid_bits(size_class, w)) return_blocks(a, page, w, all);
    return false;
}

void release_page(arena& a, std::uint32_t page) noexcept {
    uncount_pages(a, use_of(a.page(page)), 1);
    a.page(page).kind.store(page_entry::free, std::memory_order_release);
    VALPOOL_KILL_POINT("slab.untyped_page");
    a.page_map()[page / 64].fetch_or(bit(page), std::memory_order_acq_rel);
}

/// Returns freed blocks; a page that nobody uses any more goes back to the map, unless it is the
/// one this lane allocates from.
void free_blocks(arena& a, lane_heap& heap, std::uint32_t page, std::uint32_t w,
                 std::uint64_t blocks) noexcept {
    const unsigned size_class = a.page(page).kind.load(std::memory_order_relaxed) - 1;
    const std::uint64_t now = return_blocks(a, page, w, blocks);
    VALPOOL_KILL_POINT("slab.returned_blocks");
    if (now == a.valid_bits(size_class, w) && page + 1 != heap.last_page[size_class] &&
        is_all_free(a, page, size_class) && claim_whole_page(a, page, size_class)) {
        VALPOOL_KILL_POINT("slab.emptied_page");
        release_page(a, page);
        return;
    }
    hint_partial(a, size_class, page);
}

block_place place_in(const arena& a, std::uint32_t page, unsigned size_class,
                     std::uint64_t offset) noexcept {
    const std::uint32_t i = block_index_of.index(offset - a.page_start(page), size_class);
    return {page, i / 64, bit(i)};
}

block_place place_of(const arena& a, std::uint64_t offset) noexcept {
    const std::uint32_t page = a.page_of(offset);
    return place_in(a, page, a.page(page).kind.load(std::memory_order_relaxed) - 1, offset);
}

void flush_pending(arena& a, lane_heap& heap) noexcept {
    const std::uint32_t count = heap.pending_count.load(std::memory_order_relaxed);
    // From here on a kill leaks these blocks until recovery; the other order would free them twice.
    heap.pending_count.store(0, std::memory_order_relaxed);
    heap.pending_bytes = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("slab.took_pending");
    for (std::uint32_t i = 0; i < count;) {
        // Neighbours were mostly allocated, and so freed, in a row: one operation for all of them.
        block_place group = place_of(a, heap.pending[i]);
        for (++i; i < count; ++i) {
            const block_place next = place_of(a, heap.pending[i]);
            if (next.page != group.page || next.word != group.word) break;
            group.mask |= next.mask;
        }
        free_blocks(a, heap, group.page, group.word, group.mask);
    }
}

void free_block(arena& a, lane_heap& heap, std::uint64_t offset, std::uint32_t page,
                unsigned size_class) noexcept {
    const block_place place = place_in(a, page, size_class, offset);
    block_reserve& reserve = heap.reserves[size_class];
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    if (mask != 0 && reserve.page == place.page && reserve.word == place.word) {
        reserve.mask.store(mask | place.mask, std::memory_order_relaxed);
        return;
    }
    const std::uint32_t count = heap.pending_count.load(std::memory_order_relaxed);
    heap.pending[count] = offset;
    heap.pending_bytes += size_of_class[size_class];
    heap.pending_count.store(count + 1, std::memory_order_relaxed);
    // Bytes are limited as well as blocks, so that nobody sits on much of a small pool.
    if (count + 1 == lane_heap::pending_capacity || heap.pending_bytes > a.page_bytes())
        flush_pending(a, heap);
}

std::uint32_t pages_for(const arena& a, std::size_t size_bytes) noexcept {
    const std::uint64_t pages = (std::uint64_t{size_bytes} + a.page_bytes() - 1) >> a.page_shift;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(pages, UINT32_MAX));
}

bool is_page_free(const arena& a, std::uint32_t page) noexcept {
    return (a.page_map()[page / 64].load(std::memory_order_relaxed) & bit(page)) != 0;
}

void return_pages(arena& a, std::uint32_t first, std::uint32_t count) noexcept {
    for (std::uint32_t page = first; page < first + count;) {
        const std::uint32_t n = std::min(64 - page % 64, first + count - page);
        const std::uint64_t ones = n == 64 ? ~std::uint64_t{0} : bit(n) - 1;
        a.page_map()[page / 64].fetch_or(ones << (page % 64), std::memory_order_acq_rel);
        page += n;
    }
}

/// Takes `count` pages from `first` on; on false none, and `taken` says how many were free.
bool claim_pages(arena& a, std::uint32_t first, std::uint32_t count) noexcept {
    for (std::uint32_t page = first; page < first + count;) {
        const std::uint32_t n = std::min(64 - page % 64, first + count - page);
        const std::uint64_t wanted = (n == 64 ? ~std::uint64_t{0} : bit(n) - 1) << (page % 64);
        auto& word = a.page_map()[page / 64];
        std::uint64_t free = word.load(std::memory_order_relaxed);
        do {
            if ((free & wanted) != wanted) {
                return_pages(a, first, page - first);
                return false;
            }
        } while (!word.compare_exchange_weak(free, free & ~wanted, std::memory_order_acq_rel));
        page += n;
    }
    return true;
}

/// One step of a walk over the pages: `length` free ones in a row end right before `page`.
void walk_pages(const arena& a, std::uint32_t& page, std::uint32_t& length) noexcept {
    if (page % 64 == 0 && a.page_map()[page / 64].load(std::memory_order_relaxed) == 0) {
        length = 0;
        page += 64;
        return;
    }
    length = is_page_free(a, page) ? length + 1 : 0;
    ++page;
}

std::uint64_t open_run(arena& a, std::uint32_t first, std::uint32_t count, page_use use) noexcept {
    VALPOOL_KILL_POINT("slab.claimed_run");
    a.page(first).is_for_values.store(use == page_use::values, std::memory_order_relaxed);
    for (std::uint32_t i = 1; i < count; ++i)
        a.page(first + i).kind.store(page_entry::run_tail, std::memory_order_relaxed);
    a.page(first).run_pages.store(count, std::memory_order_relaxed);
    a.page(first).kind.store(page_entry::run_head, std::memory_order_release);
    VALPOOL_KILL_POINT("slab.opened_run");
    return a.page_start(first);
}

void free_run(arena& a, std::uint32_t first) noexcept {
    const std::uint32_t count = a.page(first).run_pages.load(std::memory_order_relaxed);
    uncount_pages(a, use_of(a.page(first)), count);
    for (std::uint32_t i = 0; i < count; ++i)
        a.page(first + i).kind.store(page_entry::free, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("slab.closed_run");
    return_pages(a, first, count);
}

}  // namespace

namespace {

std::uint64_t allocate_block(arena& a, lane_heap& heap, unsigned size_class,
                             page_use use) noexcept {
    std::uint64_t block = take_reserved(a, heap, size_class);
    if (block == 0 && refill(a, heap, size_class, use)) block = take_reserved(a, heap, size_class);
    VALPOOL_KILL_POINT("slab.took_block");
    return block;
}

std::uint64_t allocate_run(arena& a, std::size_t size_bytes, page_use use) noexcept {
    const std::uint32_t count = pages_for(a, size_bytes);
    if (count > a.page_count || !count_pages(a, use, count)) return 0;
    std::uint64_t found = 0;
    // The first row of so many; where another was faster, the search goes on one page further.
    for (std::uint32_t page = 0, length = 0; found == 0 && page < a.page_count;) {
        walk_pages(a, page, length);
        if (length < count) continue;
        const std::uint32_t first = page - count;
        if (claim_pages(a, first, count)) found = open_run(a, first, count, use);
        page = first + 1;
        length = 0;
    }
    if (found == 0) uncount_pages(a, use, count);
    return found;
}

}  // namespace

std::uint64_t allocate_space(arena& a, lane_heap& heap, std::size_t size_bytes,
                             page_use use) noexcept {
    if (size_bytes <= a.largest_block())
        return allocate_block(a, heap, size_class_of(std::max<std::size_t>(size_bytes, 1)), use);
    return allocate_run(a, size_bytes, use);
}

void free_space(arena& a, lane_heap& heap, std::uint64_t offset) noexcept {
    const std::uint32_t page = a.page_of(offset);
    const std::uint32_t kind = a.page(page).kind.load(std::memory_order_relaxed);
    if (kind == page_entry::run_head)
        free_run(a, page);
    else
        free_block(a, heap, offset, page, kind - 1);
}

void flush_heap(arena& a, lane_heap& heap) noexcept {
    flush_pending(a, heap);
    for (unsigned c = 0; c < size_class_count; ++c) {
        block_reserve& reserve = heap.reserves[c];
        const std::uint64_t mask = reserve.mask.exchange(0, std::memory_order_relaxed);
        heap.last_page[c] = 0;  // nothing is this lane's favourite any more
        if (mask != 0) free_blocks(a, heap, reserve.page, reserve.word, mask);
    }
}

void release_empty_pages(arena& a) noexcept {
    for (std::uint32_t page = 0; page < a.page_count; ++page) {
        const std::uint32_t kind = a.page(page).kind.load(std::memory_order_acquire);
        if (kind == page_entry::free || kind > size_class_count) continue;
        if (is_all_free(a, page, kind - 1) && claim_whole_page(a, page, kind - 1))
            release_page(a, page);
    }
}

std::size_t space_bytes(const arena& a, std::uint64_t offset) noexcept {
    const page_entry& page = a.page(a.page_of(offset));
    const std::uint32_t kind = page.kind.load(std::memory_order_relaxed);
    if (kind == page_entry::run_head)
        return std::size_t{page.run_pages.load(std::memory_order_relaxed)} << a.page_shift;
    return class_size(kind - 1);
}

std::uint64_t space_start(const arena& a, std::uint64_t offset) noexcept {
    if (!a.in_pages(offset)) return 0;
    const std::uint32_t page = a.page_of(offset);
    const std::uint32_t kind = a.page(page).kind.load(std::memory_order_acquire);
    if (kind == page_entry::run_head) return a.page_start(page);
    if (kind == page_entry::free || kind > size_class_count) return 0;
    const unsigned size_class = kind - 1;
    const std::uint32_t i = block_index_of.index(offset - a.page_start(page), size_class);
    if (i >= a.blocks_per_page(size_class)) return 0;
    return a.page_start(page) + i * class_size(size_class);
}

std::size_t used_space(const arena& a) noexcept {
    std::size_t used = 0;
    for (std::uint32_t page = 0; page < a.page_count; ++page) {
        const page_entry& entry = a.page(page);
        const std::uint32_t kind = entry.kind.load(std::memory_order_acquire);
        if (kind == page_entry::run_head) used += space_bytes(a, a.page_start(page));
        if (kind == page_entry::free || kind > size_class_count) continue;
        std::size_t free = 0;
        for (std::uint32_t w = 0; w < a.words_per_page; ++w)
            free += static_cast<std::size_t>(
                std::popcount(entry.words()[w].load(std::memory_order_relaxed)));
        used += (a.blocks_per_page(kind - 1) - free) * class_size(kind - 1);
    }
    std::size_t set_aside = 0;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        const lane_heap& heap = a.heap(i);
        for (unsigned c = 0; c < size_class_count; ++c)
            set_aside += class_size(c) *
                         static_cast<std::size_t>(
                             std::popcount(heap.reserves[c].mask.load(std::memory_order_relaxed)));
        if (heap.pending_count.load(std::memory_order_relaxed) != 0)
            set_aside += heap.pending_bytes;
    }
    return used - std::min(used, set_aside);
}

std::size_t longest_free_run(const arena& a) noexcept {
    const std::uint32_t in_use =
        std::min(a.value_pages.load(std::memory_order_relaxed), a.value_page_limit);
    std::size_t longest = 0;
    for (std::uint32_t page = 0, length = 0; page < a.page_count;) {
        walk_pages(a, page, length);
        longest = std::max<std::size_t>(longest, length);
    }
    return std::min<std::size_t>(longest, a.value_page_limit - in_use);
}

std::size_t largest_free_block(const arena& a) noexcept {
    std::size_t largest = 0;
    for (std::uint32_t page = 0; page < a.page_count; ++page) {
        const std::uint32_t kind = a.page(page).kind.load(std::memory_order_acquire);
        if (kind == page_entry::free || kind > size_class_count) continue;
        if (class_size(kind - 1) > largest && has_free_block(a.page(page), a.words_per_page))
            largest = class_size(kind - 1);
    }
    return largest;
}

}  // namespace valpool::detail
