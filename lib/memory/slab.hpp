#pragma once

/// Blocks and runs of pages: the pool's allocator of last instance.
///
/// Every function that takes a lane_heap runs inside (see gate_pass in attachment.hpp), by the
/// heap's own thread. Nobody ever waits for anybody: bitmaps change by single atomic operations,
/// and what a killed process leaves half-done leaks until recovery sweeps it.

#include "memory/arena.hpp"

#include <bit>

namespace valpool::detail {

/// Values leave some of the pages alone; queues and bookkeeping may have any.
enum class page_use { values, system };

/// Offset of a free block, or of a run of pages, of at least `size_bytes`, now used; 0 when the
/// pool has none.
std::uint64_t allocate_space(arena& a, lane_heap& heap, std::size_t size_bytes,
                             page_use use = page_use::values) noexcept;
/// Blocks that are taken in a row lie far apart: a processor that reads one fetches the memory
/// behind it, too, and must not take it from the one who is just writing there.
constexpr std::uint32_t bits_apart = 23;

/// Which bit of a reserve that is not empty is the next one to be taken.
inline std::uint32_t next_bit(std::uint64_t place, std::uint64_t mask) noexcept {
    const auto first = static_cast<std::uint32_t>(place & block_group::bit_mask);
    return (static_cast<std::uint32_t>(std::countr_zero(std::rotr(mask, static_cast<int>(first)))) +
            first) %
           64;
}

/// The next block of the lane's own; 0 when it has none of this class.
inline std::uint64_t next_reserved(const arena& a, const lane_heap& heap,
                                   unsigned size_class) noexcept {
    const block_group& reserve = heap.reserves[size_class];
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    if (mask == 0) return 0;
    return a.pages_offset + reserve.first_block() +
           std::uint64_t{next_bit(reserve.place, mask)} * size_of_class[size_class];
}

/// Takes it: the quick part of allocate_space.
inline std::uint64_t take_reserved(const arena& a, lane_heap& heap, unsigned size_class) noexcept {
    block_group& reserve = heap.reserves[size_class];
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    if (mask == 0) return 0;
    const std::uint32_t i = next_bit(reserve.place, mask);
    const std::uint64_t first_block = reserve.first_block();
    reserve.place = first_block | (i + bits_apart) % 64;
    reserve.mask.store(mask & ~(std::uint64_t{1} << i), std::memory_order_relaxed);
    return a.pages_offset + first_block + std::uint64_t{i} * size_of_class[size_class];
}

/// The bit of the group's word for the block of that class that starts at `in_pages`, counted from
/// the first page; 0 when it is none of the word's.
inline std::uint64_t bit_in(const block_group& group, std::size_t page_bytes,
                            std::uint64_t in_pages, unsigned size_class) noexcept {
    const std::uint64_t first_block = group.first_block();
    const std::uint64_t behind = in_pages - first_block;
    const std::uint32_t i = block_index_of.index(behind, size_class);
    const bool is_there = (in_pages ^ first_block) < page_bytes && i < 64 &&
                          std::uint64_t{i} * size_of_class[size_class] == behind;
    return is_there ? std::uint64_t{1} << i : 0;
}

inline void put_back(block_group& reserve, std::uint64_t bit) noexcept {
    reserve.mask.store(reserve.mask.load(std::memory_order_relaxed) | bit,
                       std::memory_order_relaxed);
}

/// Puts a block back where the lane takes its next ones from; false when it is not from there.
inline bool put_reserved(lane_heap& heap, std::size_t page_bytes, std::uint64_t in_pages,
                         unsigned size_class) noexcept {
    block_group& reserve = heap.reserves[size_class];
    const std::uint64_t bit = bit_in(reserve, page_bytes, in_pages, size_class);
    if (bit != 0) put_back(reserve, bit);
    return bit != 0;
}

/// Frees a block or run by its start.
void free_space(arena& a, lane_heap& heap, std::uint64_t offset) noexcept;
/// Gives everything the heap has set aside back to the bitmaps.
void flush_heap(arena& a, lane_heap& heap) noexcept;
/// Returns pages of which every block is free, so that another size can have them.
void release_empty_pages(arena& a) noexcept;

/// Size of the block or run that starts at `offset`.
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

/// Bytes in blocks and runs that are in use, those of the pool itself included. Exact when nobody
/// allocates meanwhile.
std::size_t used_space(const arena& a) noexcept;
/// The longest run of pages that values can have, in pages.
std::size_t longest_free_run(const arena& a) noexcept;
/// The largest class of which a block is free without taking a new page; 0 bytes if none is.
std::size_t largest_free_block(const arena& a) noexcept;

}  // namespace valpool::detail
