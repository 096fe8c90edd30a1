#include "alloc/slab.hpp"

#include "base/kill_point.hpp"

#include <algorithm>
#include <bit>

namespace valpool::detail {
namespace {

constexpr std::uint64_t bit(std::uint32_t i) noexcept { return std::uint64_t{1} << (i % 64); }

std::uint64_t page_in_pages(const arena& a, std::uint32_t page) noexcept {
    return std::uint64_t{page} << a.page_shift;
}

/// Makes the group one of the word that starts with `first_block`. A reserve keeps the bit at which
/// its next search begins.
void fill_group(block_group& group, std::uint64_t first_block, std::uint64_t blocks) noexcept {
    const std::uint64_t next = group.place.load(std::memory_order_relaxed) & block_group::bit_mask;
    group.place.store(first_block | next, std::memory_order_relaxed);
    group.mask.store(blocks, std::memory_order_relaxed);
}

void fill_group(const arena& a, block_group& group, unsigned size_class, std::uint32_t page,
                std::uint32_t w, std::uint64_t blocks) noexcept {
    const std::uint64_t word_bytes = std::uint64_t{64} * size_of_class[size_class];
    fill_group(group, page_in_pages(a, page) + w * word_bytes, blocks);
}

bool has_free_block(const page_entry& page, std::uint32_t words) noexcept {
    for (std::uint32_t w = 0; w < words; ++w)
        if (page.words()[w].load(std::memory_order_relaxed) != 0) return true;
    return false;
}

/// The partial maps are hints: a set bit promises nothing, and a lost bit costs memory only until
/// the next block of that page is freed.
void hint_partial(arena& a, unsigned size_class, std::uint32_t page) noexcept {
    auto& word = a.partial_map(size_class)[page / 64];
    if ((word.load(std::memory_order_relaxed) & bit(page)) == 0)
        word.fetch_or(bit(page), std::memory_order_release);  // pairs with the scan's acquire
}

void unhint_partial(arena& a, unsigned size_class, std::uint32_t page) noexcept {
    a.partial_map(size_class)[page / 64].fetch_and(~bit(page), std::memory_order_acq_rel);
    // A block may have been freed between the search and the clearing of the bit.
    if (a.page(page).kind.load(std::memory_order_acquire) == size_class + 1 &&
        has_free_block(a.page(page), a.words_per_page))
        hint_partial(a, size_class, page);
}

block_group& freed_group(lane_heap& heap, unsigned size_class) noexcept {
    return heap.freed[size_class % lane_heap::freed_groups];
}

std::uint32_t page_of(const arena& a, const block_group& group) noexcept {
    return static_cast<std::uint32_t>(group.first_block() >> a.page_shift);
}

/// The size class of a group that has blocks, or had some until just now.
unsigned class_of(const arena& a, const block_group& group) noexcept {
    return a.page(page_of(a, group)).kind.load(std::memory_order_relaxed) - 1;
}

/// Empties the group before its blocks go elsewhere: a kill in between leaks them until recovery,
/// but blocks in two places at once could be allocated twice.
void take_freed(lane_heap& heap, block_group& freed, unsigned size_class,
                std::uint64_t blocks) noexcept {
    freed.mask.store(0, std::memory_order_relaxed);
    const std::uint32_t bytes =
        static_cast<std::uint32_t>(std::popcount(blocks)) * size_of_class[size_class];
    heap.freed_bytes.store(heap.freed_bytes.load(std::memory_order_relaxed) - bytes,
                           std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// Gives back blocks of one bitmap word. The release pairs with the acquire of claim_word: the next
/// owner of a block sees everything that its last user did to it.
std::uint64_t return_blocks(arena& a, std::uint32_t page, std::uint32_t w,
                            std::uint64_t blocks) noexcept {
    return a.page(page).words()[w].fetch_or(blocks, std::memory_order_acq_rel) | blocks;
}

/// Takes all free blocks of one word. A page cannot change its class while somebody has blocks of
/// it, so it is enough to check the class after the claim.
bool claim_word(arena& a, block_group& reserve, unsigned size_class, std::uint32_t page,
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
    fill_group(a, reserve, size_class, page, w, blocks);
    VALPOOL_KILL_POINT("slab.filled_reserve");
    return true;
}

bool claim_from_page(arena& a, block_group& reserve, unsigned size_class,
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

/// How many more pages may be claimed for `use`.
std::uint32_t may_claim(const arena& a, page_use use, page_counts counts) noexcept {
    const auto rest = [](std::uint32_t limit, std::uint32_t counted) {
        return limit - std::min(limit, counted);
    };
    const std::uint32_t both = counts.values + counts.pipes;
    if (use == page_use::pipes) return rest(a.pipe_page_limit(), both);
    if (use == page_use::values)
        return std::min(rest(a.value_page_limit, counts.values), rest(a.shared_page_limit(), both));
    return a.page_count;
}

page_counts counts_of(const arena& a) noexcept {
    return page_counts(a.claimed_pages.load(std::memory_order_relaxed));
}

/// Counts claimed pages; false when no more may be claimed for `use`. Pages that exceed the limit
/// are not counted even for a moment: others would be refused because of pages that nobody gets.
bool count_pages(arena& a, page_use use, std::uint32_t pages) noexcept {
    if (use == page_use::system) return true;
    std::uint64_t before = a.claimed_pages.load(std::memory_order_relaxed);
    for (;;) {
        page_counts counts(before);
        if (pages > may_claim(a, use, counts)) return false;
        (use == page_use::values ? counts.values : counts.pipes) += pages;
        if (a.claimed_pages.compare_exchange_weak(before, counts.word(), std::memory_order_relaxed))
            return true;
    }
}

void uncount_pages(arena& a, page_use use, std::uint32_t pages) noexcept {
    page_counts less(0);
    if (use == page_use::values) less.values = pages;
    if (use == page_use::pipes) less.pipes = pages;
    if (less.word() != 0) a.claimed_pages.fetch_sub(less.word(), std::memory_order_relaxed);
}

page_use use_of(const page_entry& page) noexcept {
    return static_cast<page_use>(page.use.load(std::memory_order_relaxed));
}

void set_use(page_entry& page, page_use use) noexcept {
    page.use.store(static_cast<std::uint32_t>(use), std::memory_order_relaxed);
}

/// Sets the pages' bits in the page map, then counts the return. A search that finds no pages, and
/// sees the same count before and after, knows that there were none. The releases pair with the
/// acquires of find_pages.
void return_pages(arena& a, std::uint32_t first, std::uint32_t count) noexcept {
    if (count == 0) return;
    for (std::uint32_t page = first; page < first + count;) {
        const std::uint32_t n = std::min(64 - page % 64, first + count - page);
        const std::uint64_t ones = n == 64 ? ~std::uint64_t{0} : bit(n) - 1;
        a.page_map()[page / 64].fetch_or(ones << (page % 64), std::memory_order_acq_rel);
        page += n;
    }
    a.page_returns.fetch_add(1, std::memory_order_acq_rel);
}

/// Takes `count` pages from `first` on, or none. It goes from the end to the start, and
/// return_pages from the start to the end. So a half-taken row still begins where the whole row
/// does, and nobody takes pages from its middle.
bool claim_pages(arena& a, std::uint32_t first, std::uint32_t count) noexcept {
    for (std::uint32_t end = first + count; end > first;) {
        const std::uint32_t n = std::min((end - 1) % 64 + 1, end - first);
        const std::uint64_t ones = n == 64 ? ~std::uint64_t{0} : bit(n) - 1;
        const std::uint64_t wanted = ones << ((end - n) % 64);
        auto& word = a.page_map()[(end - 1) / 64];
        std::uint64_t free = word.load(std::memory_order_relaxed);
        do {
            if ((free & wanted) != wanted) {
                return_pages(a, end, first + count - end);
                return false;
            }
        } while (!word.compare_exchange_weak(free, free & ~wanted, std::memory_order_acq_rel));
        end -= n;
    }
    return true;
}

/// The first page in [page, end) that is free (or, with `is_free` false, not free); `end` when
/// there is none.
std::uint32_t next_page(const arena& a, std::uint32_t page, std::uint32_t end,
                        bool is_free) noexcept {
    while (page < end) {
        std::uint64_t word = a.page_map()[page / 64].load(std::memory_order_acquire);
        if (!is_free) word = ~word;
        word >>= page % 64;
        if (word != 0)
            return std::min(page + static_cast<std::uint32_t>(std::countr_zero(word)), end);
        page = (page / 64 + 1) * 64;
    }
    return end;
}

/// The index of the row hint for a search for `count` pages.
unsigned hint_for(std::uint32_t count) noexcept {
    return std::min(31U - static_cast<unsigned>(std::countl_zero(count)),
                    arena::row_hint_count - 1);
}

/// Writes the hint only when that changes it: everybody reads its cache line.
void store_hint(std::atomic<std::uint32_t>& hint, std::uint32_t page) noexcept {
    if (hint.load(std::memory_order_relaxed) != page) hint.store(page, std::memory_order_relaxed);
}

/// The first page of the row of free pages that reaches up to `page`; `page` itself when the page
/// before it is not free.
std::uint32_t row_start(const arena& a, std::uint32_t page) noexcept {
    std::uint64_t before = ~(~std::uint64_t{0} << (page % 64));
    for (std::uint32_t w = page / 64;; --w, before = ~std::uint64_t{0}) {
        const std::uint64_t taken = ~a.page_map()[w].load(std::memory_order_acquire) & before;
        if (taken != 0) return w * 64 + static_cast<std::uint32_t>(std::bit_width(taken));
        if (w == 0) return 0;
    }
}

/// Lowers the hints after pages from `first` on have become free. The row that they extend may
/// begin before `first`. If its part before `first` was already long enough for a hint, that hint
/// has counted it. So for hint i, a new row begins less than 2^i pages before `first`.
void lower_hints(arena& a, std::uint32_t first) noexcept {
    for (unsigned i = 0; i < arena::row_hint_count; ++i) {
        auto& hint = a.row_hints[i];
        const std::uint32_t least = first - std::min(first, (1U << i) - 1);
        if (least >= hint.load(std::memory_order_relaxed)) continue;
        // A hint must be the start of a row: a search that began in the middle would cut the row in
        // two.
        const std::uint32_t start = row_start(a, first);
        if (start < hint.load(std::memory_order_relaxed))
            hint.store(start, std::memory_order_relaxed);
    }
}

struct page_search {
    std::uint32_t count;  // of pages
    std::uint32_t begin;  // of the first row found that is long enough for the hint
    bool has_begun = false;
};

/// Takes the first `count` free pages in a row that begin in [page, end); page_count when there are
/// none. Only the page map decides: when another thread takes the pages first, the search looks at
/// them again.
std::uint32_t claim_row(arena& a, page_search& search, std::uint32_t page,
                        std::uint32_t end) noexcept {
    const std::uint32_t hinted = 1U << hint_for(search.count);
    for (;;) {
        page = next_page(a, page, end, true);
        if (page == end) return a.page_count;
        // Pages that were in use when the search passed them may have become free since.
        page = row_start(a, page);
        if (search.count > a.page_count - page) return a.page_count;
        const std::uint32_t after = next_page(a, page, page + search.count, false);
        if (!search.has_begun && after - page >= hinted) {
            search.begin = page;
            search.has_begun = true;
        }
        if (after - page < search.count)
            page = after;
        else if (claim_pages(a, page, search.count))
            return page;
    }
}

/// Takes `count` free pages in a row out of the page map; page_count when there are not so many.
/// During the search one row may become free behind it while another is taken ahead of it. So the
/// search starts again when pages were given back meanwhile.
std::uint32_t find_pages(arena& a, std::uint32_t count) noexcept {
    auto& hint = a.row_hints[hint_for(count)];
    constexpr int most_tries = 100;
    for (int tries = 0; tries < most_tries; ++tries) {
        const std::uint32_t returns = a.page_returns.load(std::memory_order_acquire);
        page_search search{count, 0};
        const std::uint32_t from = std::min(hint.load(std::memory_order_relaxed), a.page_count);
        std::uint32_t page = claim_row(a, search, from, a.page_count);
        if (page == a.page_count) {
            search.has_begun = false;
            page = claim_row(a, search, 0, from);
        }
        if (page != a.page_count) {
            store_hint(hint, search.begin == page ? page + count : search.begin);
            return page;
        }
        if (a.page_returns.load(std::memory_order_relaxed) == returns) break;
    }
    return a.page_count;
}

/// Claims pages in a row for `use`; page_count when there are none. They are counted only after
/// they have been found: counting a row that the pool does not have would refuse to others pages
/// that it has.
std::uint32_t claim_pages_for(arena& a, page_use use, std::uint32_t count) noexcept {
    if (count > may_claim(a, use, counts_of(a))) return a.page_count;
    const std::uint32_t first = find_pages(a, count);
    if (first == a.page_count || count_pages(a, use, count)) return first;
    return_pages(a, first, count);
    lower_hints(a, first);
    return a.page_count;
}

bool claim_new_page(arena& a, lane_heap& heap, unsigned size_class, page_use use) noexcept {
    const std::uint32_t page = claim_pages_for(a, use, 1);
    if (page == a.page_count) return false;
    VALPOOL_KILL_POINT("slab.claimed_page");
    page_entry& entry = a.page(page);
    set_use(entry, use);
    entry.kind.store(size_class + 1, std::memory_order_release);
    VALPOOL_KILL_POINT("slab.typed_page");
    // This lane takes the blocks of the first word at once; the others are free for all.
    for (std::uint32_t w = 1; w < a.words_per_page; ++w)
        entry.words()[w].store(a.valid_bits(size_class, w), std::memory_order_release);
    fill_group(a, heap.reserves[size_class], size_class, page, 0, a.valid_bits(size_class, 0));
    VALPOOL_KILL_POINT("slab.opened_page");
    heap.last_page[size_class] = page + 1;
    if (a.blocks_per_page(size_class) > 64) hint_partial(a, size_class, page);
    return true;
}

/// Moves the blocks that the lane itself freed last into its reserve: no shared word changes.
bool reuse_freed(arena& a, lane_heap& heap, unsigned size_class) noexcept {
    block_group& freed = freed_group(heap, size_class);
    const std::uint64_t blocks = freed.mask.load(std::memory_order_relaxed);
    if (blocks == 0 || class_of(a, freed) != size_class) return false;
    take_freed(heap, freed, size_class, blocks);
    VALPOOL_KILL_POINT("slab.took_own_freed");
    fill_group(heap.reserves[size_class], freed.first_block(), blocks);
    return true;
}

bool refill(arena& a, lane_heap& heap, unsigned size_class, page_use use) noexcept {
    if (reuse_freed(a, heap, size_class)) return true;
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

/// Takes every block of the page, or none. Only a thread that has all blocks may change the page's
/// class.
bool claim_whole_page(arena& a, std::uint32_t page, unsigned size_class) noexcept {
    page_entry& entry = a.page(page);
    for (std::uint32_t w = 0; w < a.words_per_page; ++w) {
        std::uint64_t all = a.valid_bits(size_class, w);
        if (all == 0 || entry.words()[w].compare_exchange_strong(all, 0, std::memory_order_acq_rel))
            continue;
        while (w-- > 0) return_blocks(a, page, w, a.valid_bits(size_class, w));
        return false;
    }
    // The page may have been released and reused with another class meanwhile.
    if (entry.kind.load(std::memory_order_acquire) == size_class + 1) return true;
    for (std::uint32_t w = 0; w < a.words_per_page; ++w)
        if (const std::uint64_t all = a.valid_bits(size_class, w)) return_blocks(a, page, w, all);
    return false;
}

void release_page(arena& a, std::uint32_t page) noexcept {
    uncount_pages(a, use_of(a.page(page)), 1);
    a.page(page).kind.store(page_entry::free, std::memory_order_release);
    VALPOOL_KILL_POINT("slab.untyped_page");
    return_pages(a, page, 1);
    lower_hints(a, page);
}

/// Returns freed blocks. A page that nobody uses any more goes back to the page map, unless it is
/// the one that this lane allocates from.
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

/// Gives `blocks`, taken from the group, back to the group's bitmap word.
void free_group(arena& a, lane_heap& heap, const block_group& group,
                std::uint64_t blocks) noexcept {
    const std::uint32_t page = page_of(a, group);
    const std::uint64_t in_page = group.first_block() - page_in_pages(a, page);
    free_blocks(a, heap, page, block_index_of.index(in_page, class_of(a, group)) / 64, blocks);
}

void flush_group(arena& a, lane_heap& heap, block_group& freed) noexcept {
    const std::uint64_t blocks = freed.mask.load(std::memory_order_relaxed);
    if (blocks == 0) return;
    take_freed(heap, freed, class_of(a, freed), blocks);
    VALPOOL_KILL_POINT("slab.took_freed");
    free_group(a, heap, freed, blocks);
}

void flush_freed(arena& a, lane_heap& heap) noexcept {
    for (block_group& freed : heap.freed) flush_group(a, heap, freed);
}

std::uint32_t pages_for(const arena& a, std::size_t size_bytes) noexcept {
    const std::uint64_t pages = (std::uint64_t{size_bytes} + a.page_bytes() - 1) >> a.page_shift;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(pages, UINT32_MAX));
}

std::uint64_t open_run(arena& a, std::uint32_t first, std::uint32_t count, page_use use) noexcept {
    VALPOOL_KILL_POINT("slab.claimed_run");
    set_use(a.page(first), use);
    for (std::uint32_t i = 1; i < count; ++i)
        a.page(first + i).kind.store(page_entry::run_tail, std::memory_order_relaxed);
    a.page(first).run_pages.store(count, std::memory_order_relaxed);
    a.page(first).kind.store(page_entry::run_head, std::memory_order_release);
    VALPOOL_KILL_POINT("slab.opened_run");
    return a.page_start(first);
}

std::uint64_t bit_of(const arena& a, const block_group& group, std::uint64_t in_pages,
                     unsigned size_class) noexcept {
    return bit_in(group, a.page_bytes() / block_granule, in_pages / block_granule, size_class);
}

/// Puts the block into its class's group, alone or with others of the same bitmap word.
void add_freed(arena& a, lane_heap& heap, std::uint64_t in_pages, unsigned size_class) noexcept {
    block_group& freed = freed_group(heap, size_class);
    // An empty group may be of another class.
    const std::uint64_t mask = freed.mask.load(std::memory_order_relaxed);
    const std::uint64_t bit = mask == 0 ? 0 : bit_of(a, freed, in_pages, size_class);
    if (bit != 0) return freed.mask.store(mask | bit, std::memory_order_relaxed);
    flush_group(a, heap, freed);
    const auto page = static_cast<std::uint32_t>(in_pages >> a.page_shift);
    const std::uint32_t i = block_index_of.index(in_pages - page_in_pages(a, page), size_class);
    fill_group(a, freed, size_class, page, i / 64, std::uint64_t{1} << (i % 64));
}

/// Keeps a freed block that is not from the lane's reserve, to give it back together with others.
void set_aside(arena& a, lane_heap& heap, std::uint64_t in_pages, unsigned size_class) noexcept {
    add_freed(a, heap, in_pages, size_class);
    const std::uint32_t bytes =
        heap.freed_bytes.load(std::memory_order_relaxed) + size_of_class[size_class];
    heap.freed_bytes.store(bytes, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("slab.set_aside");
    // No lane may keep much of a small pool to itself.
    if (bytes > a.page_bytes()) flush_freed(a, heap);
}

void free_run(arena& a, std::uint32_t first) noexcept {
    const std::uint32_t count = a.page(first).run_pages.load(std::memory_order_relaxed);
    uncount_pages(a, use_of(a.page(first)), count);
    for (std::uint32_t i = 0; i < count; ++i)
        a.page(first + i).kind.store(page_entry::free, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("slab.closed_run");
    return_pages(a, first, count);
    lower_hints(a, first);
}

std::uint64_t allocate_block(arena& a, lane_heap& heap, unsigned size_class,
                             page_use use) noexcept {
    std::uint64_t block = take_reserved(a, heap, size_class).offset;
    if (block == 0 && refill(a, heap, size_class, use))
        block = take_reserved(a, heap, size_class).offset;
    VALPOOL_KILL_POINT("slab.took_block");
    return block;
}

std::uint64_t allocate_run(arena& a, std::size_t size_bytes, page_use use) noexcept {
    const std::uint32_t count = pages_for(a, size_bytes);
    if (count > a.page_count) return 0;
    const std::uint32_t first = claim_pages_for(a, use, count);
    return first == a.page_count ? 0 : open_run(a, first, count, use);
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
    if (kind == page_entry::run_head) return free_run(a, page);
    const std::uint64_t in_pages = offset - a.pages_offset;
    block_group& reserve = heap.reserves[kind - 1];
    if (const std::uint64_t bit = bit_of(a, reserve, in_pages, kind - 1))
        put_back(reserve, bit);
    else
        set_aside(a, heap, in_pages, kind - 1);
}

void flush_heap(arena& a, lane_heap& heap) noexcept {
    flush_freed(a, heap);
    for (unsigned c = 0; c < size_class_count; ++c) {
        block_group& reserve = heap.reserves[c];
        const std::uint64_t mask = reserve.mask.exchange(0, std::memory_order_relaxed);
        heap.last_page[c] = 0;  // this lane prefers no page any more
        if (mask != 0) free_group(a, heap, reserve, mask);
    }
}

void release_empty_pages(arena& a, std::uint32_t first, std::uint32_t count) noexcept {
    const std::uint32_t end = first + std::min(count, a.page_count - first);
    for (std::uint32_t page = first; page < end; ++page) {
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
    // Others may have given the space back since the caller looked.
    return kind == page_entry::free || kind > size_class_count ? 0 : class_size(kind - 1);
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
    std::size_t unused = 0;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        const lane_heap& heap = a.heap(i);
        for (unsigned c = 0; c < size_class_count; ++c)
            unused += class_size(c) * static_cast<std::size_t>(std::popcount(
                                          heap.reserves[c].mask.load(std::memory_order_relaxed)));
        unused += heap.freed_bytes.load(std::memory_order_relaxed);
    }
    return used - std::min(used, unused);
}

std::size_t all_space(const arena& a) noexcept { return std::size_t{a.page_count} << a.page_shift; }

std::size_t longest_free_run(const arena& a) noexcept {
    std::size_t longest = 0;
    for (std::uint32_t page = 0; page < a.page_count;) {
        const std::uint32_t first = next_page(a, page, a.page_count, true);
        page = next_page(a, first, a.page_count, false);
        longest = std::max<std::size_t>(longest, page - first);
    }
    return std::min<std::size_t>(longest, may_claim(a, page_use::values, counts_of(a)));
}

std::size_t largest_set_aside(const arena& a, const lane_heap& heap) noexcept {
    std::size_t largest = 0;
    for_each_set_aside(a, heap, [&](std::uint64_t offset) {
        largest = std::max(largest, space_bytes(a, offset));
    });
    return largest;
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
