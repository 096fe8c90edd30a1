#pragma once

/// Blocks and runs of pages: the pool's lowest allocator.
///
/// Every function that takes a lane_heap runs inside (attachment.hpp), by the heap's own thread. No
/// thread ever waits for another: bitmaps change by single atomic operations, and whatever a killed
/// process leaves half-done leaks until recovery sweeps it.

#include "alloc/arena.hpp"

#include <bit>

namespace valpool::detail {

/// What a page is claimed for. Values and pipes may not take all pages; ledgers (system) may take
/// any.
enum class page_use : std::uint32_t { system, values, pipes };

/// Allocates a block, or a run of pages, of at least `size_bytes`, and returns its offset; 0 when
/// the pool has none.
std::uint64_t allocate_space(arena& a, lane_heap& heap, std::size_t size_bytes,
                             page_use use = page_use::values) noexcept;
/// Blocks that are taken one after the other lie this many blocks apart. A processor that reads a
/// block prefetches the memory behind it, and must not take that away from a processor that is just
/// writing there. The distance is short: code that walks over many blocks should still profit from
/// the prefetching. It is odd, so that all 64 blocks come in turn.
constexpr std::uint32_t bits_apart = 3;

/// The bit of the block that a reserve hands out next. The reserve must not be empty.
inline std::uint32_t next_bit(std::uint64_t place, std::uint64_t mask) noexcept {
    const auto first = static_cast<std::uint32_t>(place & block_group::bit_mask);
    return (static_cast<std::uint32_t>(std::countr_zero(std::rotr(mask, static_cast<int>(first)))) +
            first) %
           64;
}

/// The distance of a group's block from the first page. `first_block` is group.first_block().
inline std::uint64_t block_at(std::uint64_t first_block, std::uint32_t bit,
                              std::size_t size_class) noexcept {
    return first_block + std::uint64_t{bit} * size_of_class[size_class];
}

struct reserved_block {
    std::uint64_t offset;      // 0: there was none
    std::uint64_t after_next;  // of the block after the next one; 0: none
};

/// Takes the next block of the lane's reserve: the fast path of allocate_space.
[[gnu::always_inline]] inline reserved_block take_reserved(const arena& a, lane_heap& heap,
                                                           unsigned size_class) noexcept {
    block_group& reserve = heap.reserves[size_class];
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    if (mask == 0) return {0, 0};
    const std::uint64_t first = reserve.first_block();
    const auto offset_of = [&](std::uint32_t bit) {
        return a.pages_offset + block_at(first, bit, size_class);
    };
    const std::uint32_t i = next_bit(reserve.place.load(std::memory_order_relaxed), mask);
    const std::uint64_t left = mask & ~(std::uint64_t{1} << i);
    reserve.place.store(first | (i + bits_apart) % 64, std::memory_order_relaxed);
    reserve.mask.store(left, std::memory_order_relaxed);
    // The fast case: the next two blocks are bits_apart and 2 * bits_apart bits behind this one.
    constexpr std::uint64_t next_two = 1 | std::uint64_t{1} << bits_apart;
    const std::uint64_t from_next = std::rotr(left, static_cast<int>((i + bits_apart) % 64));
    if ((from_next & next_two) == next_two)
        return {offset_of(i), offset_of((i + 2 * bits_apart) % 64)};
    if ((left & (left - 1)) == 0) return {offset_of(i), 0};
    const std::uint32_t next = next_bit((i + bits_apart) % 64, left);
    const std::uint64_t behind = left & ~(std::uint64_t{1} << next);
    return {offset_of(i), offset_of(next_bit((next + bits_apart) % 64, behind))};
}

/// The same for memory that mostly stays with one thread. It takes the lowest block first, so that
/// finding the next one does not depend on which this one was. `mask` is the reserve's, and not 0.
/// Returns the block's distance from the first page.
inline std::uint64_t take_lowest(block_group& reserve, std::uint64_t mask,
                                 std::size_t size_class) noexcept {
    reserve.mask.store(mask & (mask - 1), std::memory_order_relaxed);
    return block_at(reserve.first_block(), static_cast<std::uint32_t>(std::countr_zero(mask)),
                    size_class);
}

/// The bit in the group's word for the block of that class that starts at `granule`, counted from
/// the first page; 0 when the word does not contain that block. `granule` must be the start of a
/// block.
inline std::uint64_t bit_in(const block_group& group, std::uint64_t page_granules,
                            std::uint64_t granule, std::size_t size_class) noexcept {
    const std::uint64_t first = group.place.load(std::memory_order_relaxed) / block_granule;
    const std::uint32_t i = block_index_of.of_granule(granule - first, size_class);
    // For a block before the word, the index is absurdly large.
    return (granule ^ first) < page_granules && i < 64 ? std::uint64_t{1} << i : 0;
}

inline void put_back(block_group& reserve, std::uint64_t bit) noexcept {
    reserve.mask.store(reserve.mask.load(std::memory_order_relaxed) | bit,
                       std::memory_order_relaxed);
}

/// Frees the block or run that starts at `offset`.
void free_space(arena& a, lane_heap& heap, std::uint64_t offset) noexcept;
/// Gives everything that the heap has set aside back to the bitmaps.
void flush_heap(arena& a, lane_heap& heap) noexcept;
/// Returns those of the `count` pages from `first` on whose blocks are all free, so that other
/// sizes can use them. The call takes longer the more pages there are, and a repair waits for it.
void release_empty_pages(arena& a, std::uint32_t first, std::uint32_t count) noexcept;

/// Size of the block or run that starts at `offset`; 0 when it was given back meanwhile.
std::size_t space_bytes(const arena& a, std::uint64_t offset) noexcept;
/// Start of the block or run that contains `offset`; 0 when it lies in none.
std::uint64_t space_start(const arena& a, std::uint64_t offset) noexcept;

/// Calls visit(offset) for every block or run that starts in the page and is not free, including
/// blocks that a lane has set aside.
template <class Visitor>
void for_each_used_space(arena& a, std::uint32_t page, Visitor visit) {
    const std::uint32_t kind = a.page(page).kind.load(std::memory_order_acquire);
    if (kind == page_entry::run_head) visit(a.page_start(page));
    if (kind == page_entry::free || kind > size_class_count) return;
    for (std::uint32_t i = 0; i < a.blocks_per_page(kind - 1); ++i)
        if ((a.page(page).words()[i / 64].load(std::memory_order_acquire) >> (i % 64) & 1) == 0)
            visit(a.page_start(page) + i * class_size(kind - 1));
}

/// Calls visit(offset) for every block that the heap has set aside. The number of calls is bounded
/// even if the heap contains garbage, and offsets outside the pages are skipped.
template <class Visitor>
void for_each_set_aside(const arena& a, const lane_heap& heap, Visitor visit) {
    const auto visit_group = [&](const block_group& group) {
        const std::uint64_t first = a.pages_offset + group.first_block();
        std::uint64_t left = group.mask.load(std::memory_order_relaxed);
        if (left == 0 || !a.in_pages(first)) return;
        const std::uint32_t kind = a.page(a.page_of(first)).kind.load(std::memory_order_acquire);
        if (kind == page_entry::free || kind > size_class_count) return;
        for (; left != 0; left &= left - 1) {
            const auto i = static_cast<std::uint64_t>(std::countr_zero(left));
            const std::uint64_t offset = first + i * class_size(kind - 1);
            if (a.in_pages(offset)) visit(offset);
        }
    };
    for (const block_group& group : heap.reserves) visit_group(group);
    for (const block_group& group : heap.freed) visit_group(group);
}

/// Bytes in blocks and runs that are in use, including those of the pool itself: a part of
/// all_space. The number is exact when nobody allocates meanwhile.
std::size_t used_space(const arena& a) noexcept;
/// Bytes in all pages, including those that values may not use.
std::size_t all_space(const arena& a) noexcept;
/// The longest run that values can have, in pages.
std::size_t longest_free_run(const arena& a) noexcept;
/// Size of the largest block that the heap has set aside; 0 if there is none.
std::size_t largest_set_aside(const arena& a, const lane_heap& heap) noexcept;
/// Block size of the largest class that has a free block without a new page; 0 if none has.
std::size_t largest_free_block(const arena& a) noexcept;

}  // namespace valpool::detail
