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
inline std::uint32_t next_bit(const block_group& reserve, std::uint64_t mask) noexcept {
    const std::uint32_t first = reserve.next_bit;
    return (static_cast<std::uint32_t>(std::countr_zero(std::rotr(mask, static_cast<int>(first)))) +
            first) %
           64;
}

inline std::uint64_t reserved_block(const arena& a, const block_group& reserve, unsigned size_class,
                                    std::uint32_t bit) noexcept {
    const std::uint64_t index = std::uint64_t{reserve.word} * 64 + bit;
    return a.page_start(reserve.page) + index * size_of_class[size_class];
}

/// The next block of the lane's own; 0 when it has none of this class.
inline std::uint64_t next_reserved(const arena& a, const lane_heap& heap,
                                   unsigned size_class) noexcept {
    const block_group& reserve = heap.reserves[size_class];
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    return mask == 0 ? 0 : reserved_block(a, reserve, size_class, next_bit(reserve, mask));
}

/// Takes it: the quick part of allocate_space.
inline std::uint64_t take_reserved(const arena& a, lane_heap& heap, unsigned size_class) noexcept {
    block_group& reserve = heap.reserves[size_class];
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    if (mask == 0) return 0;
    const std::uint32_t i = next_bit(reserve, mask);
    reserve.next_bit = static_cast<std::uint16_t>((i + bits_apart) % 64);
    reserve.mask.store(mask & ~(std::uint64_t{1} << i), std::memory_order_relaxed);
    return reserved_block(a, reserve, size_class, i);
}

/// A block as the bitmaps know it.
struct block_place {
    std::uint32_t page;
    std::uint32_t size_class;
    std::uint32_t index;

    std::uint32_t word() const noexcept { return index / 64; }
    std::uint64_t bit() const noexcept { return std::uint64_t{1} << (index % 64); }
};

/// Of the block that `offset`, in a page of that class, lies in.
inline block_place place_in(const arena& a, std::uint32_t page, std::uint32_t size_class,
                            std::uint64_t offset) noexcept {
    return {page, size_class, block_index_of.index(offset - a.page_start(page), size_class)};
}

/// Whether the block lies where the lane takes its next ones from; then it is one of them again.
inline bool put_reserved(lane_heap& heap, const block_place& block) noexcept {
    block_group& reserve = heap.reserves[block.size_class];
    const std::uint64_t mask = reserve.mask.load(std::memory_order_relaxed);
    if (reserve.page != block.page || reserve.word != block.word()) return false;
    reserve.mask.store(mask | block.bit(), std::memory_order_relaxed);
    return true;
}

/// Sets a block aside that put_reserved did not want.
void set_aside(arena& a, lane_heap& heap, const block_place& block) noexcept;
/// Frees a run by its first page.
void free_run(arena& a, std::uint32_t first) noexcept;
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
