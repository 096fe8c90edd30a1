#pragma once

/// Blocks and runs of pages: the pool's allocator of last instance.
///
/// Every function that takes a lane_heap runs inside (attachment.hpp), by the heap's own thread.
/// Nobody ever waits for anybody: bitmaps change by single atomic operations, and what a killed
/// process leaves half-done leaks until recovery sweeps it.

#include "alloc/arena.hpp"

#include <bit>

namespace valpool::detail {

/// What a page is claimed for. Values and pipes leave some of the pages alone; ledgers (system) may
/// have any.
enum class page_use : std::uint32_t { system, values, pipes };

/// Offset of a free block, or of a run of pages, of at least `size_bytes`, now used; 0 when the
/// pool has none.
std::uint64_t allocate_space(arena& a, lane_heap& heap, std::size_t size_bytes,
                             page_use use = page_use::values) noexcept;
/// Blocks that are taken in a row lie some way apart: a processor that reads one fetches the memory
/// behind it, too, and must not take it from the one who is just writing there. Not far, or who
/// walks many of them gains nothing by that. Odd, so that all 64 come in turn.
constexpr std::uint32_t bits_apart = 3;

/// Which bit of a reserve that is not empty is the next one to be taken.
inline std::uint32_t next_bit(std::uint64_t place, std::uint64_t mask) noexcept {
    const auto first = static_cast<std::uint32_t>(place & block_group::bit_mask);
    return (static_cast<std::uint32_t>(std::countr_zero(std::rotr(mask, static_cast<int>(first)))) +
            first) %
           64;
}

/// The distance of a group's block from the first page; `first_block` is the group's.
inline std::uint64_t block_at(std::uint64_t first_block, std::uint32_t bit,
                              std::size_t size_class) noexcept {
    return first_block + std::uint64_t{bit} * size_of_class[size_class];
}

struct reserved_block {
    std::uint64_t offset;      // 0: there was none
    std::uint64_t after_next;  // of the block that comes after the next one; 0: none
};

/// Takes the next one that the lane has set aside: the quick part of allocate_space.
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
    // Mostly those two are where one expects them.
    constexpr std::uint64_t next_two = 1 | std::uint64_t{1} << bits_apart;
    const std::uint64_t from_next = std::rotr(left, static_cast<int>((i + bits_apart) % 64));
    if ((from_next & next_two) == next_two)
        return {offset_of(i), offset_of((i + 2 * bits_apart) % 64)};
    if ((left & (left - 1)) == 0) return {offset_of(i), 0};
    const std::uint32_t next = next_bit((i + bits_apart) % 64, left);
    const std::uint64_t behind = left & ~(std::uint64_t{1} << next);
    return {offset_of(i), offset_of(next_bit((next + bits_apart) % 64, behind))};
}

/// The same for memory that its owner mostly keeps to itself: the lowest block first, which leaves
/// the next one to be found without looking at which this one was. `mask` is the reserve's, and not
/// empty; gives the block's distance from the first page.
inline std::uint64_t take_lowest(block_group& reserve, std::uint64_t mask,
                                 std::size_t size_class) noexcept {
    reserve.mask.store(mask & (mask - 1), std::memory_order_relaxed);
    return block_at(reserve.first_block(), static_cast<std::uint32_t>(std::countr_zero(mask)),
                    size_class);
}

/// The bit of the group's word for the block of that class that starts at `granule`, counted from
/// the first page; 0 when it is none of the word's. What is not the start of a block must not be
/// asked for.
inline std::uint64_t bit_in(const block_group& group, std::uint64_t page_granules,
                            std::uint64_t granule, std::size_t size_class) noexcept {
    const std::uint64_t first = group.place.load(std::memory_order_relaxed) / block_granule;
    const std::uint32_t i = block_index_of.of_granule(granule - first, size_class);
    // A block before the word has an absurd index.
    return (granule ^ first) < page_granules && i < 64 ? std::uint64_t{1} << i : 0;
}

inline void put_back(block_group& reserve, std::uint64_t bit) noexcept {
    reserve.mask.store(reserve.mask.load(std::memory_order_relaxed) | bit,
                       std::memory_order_relaxed);
}

/// Frees a block or run by its start.
void free_space(arena& a, lane_heap& heap, std::uint64_t offset) noexcept;
/// Gives everything the heap has set aside back to the bitmaps.
void flush_heap(arena& a, lane_heap& heap) noexcept;
/// Returns those of `count` pages from `first` on of which every block is free, so that another
/// size can have them. Takes the longer the more pages there are, and a repair waits for that.
void release_empty_pages(arena& a, std::uint32_t first, std::uint32_t count) noexcept;

/// Size of the block or run that starts at `offset`; 0 bytes when it was given back meanwhile.
std::size_t space_bytes(const arena& a, std::uint64_t offset) noexcept;
/// Start of the block or run that contains `offset`; 0 when it lies in none.
std::uint64_t space_start(const arena& a, std::uint64_t offset) noexcept;

/// Calls visit(offset) for every block or run that starts in the page and is not free; those that a
/// lane has set aside are among them.
template <class Visitor>
void for_each_used_space(arena& a, std::uint32_t page, Visitor visit) {
    const std::uint32_t kind = a.page(page).kind.load(std::memory_order_acquire);
    if (kind == page_entry::run_head) visit(a.page_start(page));
    if (kind == page_entry::free || kind > size_class_count) return;
    for (std::uint32_t i = 0; i < a.blocks_per_page(kind - 1); ++i)
        if ((a.page(page).words()[i / 64].load(std::memory_order_acquire) >> (i % 64) & 1) == 0)
            visit(a.page_start(page) + i * class_size(kind - 1));
}

/// Calls visit(offset) for every block that the heap has set aside. Bounded even where the heap is
/// garbage; what leads out of the pages is left out.
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

/// Bytes in blocks and runs that are in use, those of the pool itself included: a part of
/// all_space. Exact when nobody
/// allocates meanwhile.
std::size_t used_space(const arena& a) noexcept;
/// Bytes in all pages, those included that values may not have.
std::size_t all_space(const arena& a) noexcept;
/// The longest run of pages that values can have, in pages.
std::size_t longest_free_run(const arena& a) noexcept;
/// The largest block that the heap has set aside; 0 bytes if it has none.
std::size_t largest_set_aside(const arena& a, const lane_heap& heap) noexcept;
/// The largest class of which a block is free without taking a new page; 0 bytes if none is.
std::size_t largest_free_block(const arena& a) noexcept;

}  // namespace valpool::detail
