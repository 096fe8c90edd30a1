#pragma once

/// Memory inside a box.

#include <valpool/object/detail/box.hpp>

namespace valpool::detail {

/// Every allocation in a box is aligned to the grain and takes up a multiple of it. An allocation
/// larger than `region_largest_small` gets a chunk of its own, unless nothing was freed in the box
/// and the current chunk has room for it.
constexpr std::size_t region_grain = 16;
constexpr std::size_t region_largest_small = 544;

/// Allocates from the box's current chunk by moving the bump pointer; null when the chunk has too
/// little room left. `size_bytes` must be a multiple of the grain.
inline void* region_bump(box& b, std::size_t size_bytes) noexcept {
    const std::uint64_t bump = b.bump.load(std::memory_order_relaxed);
    const std::uint64_t start = (bump + region_grain - 1) & ~std::uint64_t{region_grain - 1};
    const std::uint64_t taken = start + size_bytes - bump;
    const std::uint32_t room = b.bump_room.load(std::memory_order_relaxed);
    if (taken > room) return nullptr;
    b.bump.store(bump + taken, std::memory_order_relaxed);
    b.bump_room.store(room - static_cast<std::uint32_t>(taken), std::memory_order_relaxed);
    return reinterpret_cast<char*>(&b) + (start - b.self);
}
/// The slow path of region_allocate.
VALPOOL_API void* region_allocate_elsewhere(box& b, std::size_t size_bytes);
/// Allocates memory inside the box, aligned to the grain. It lives at most as long as the box.
/// Throws PoolExhausted, with nothing changed. Never blocks, except while recovery runs.
/// Two threads must not call it at once for the same box.
inline void* region_allocate(box& b, std::size_t size_bytes) {
    // The fast case: a small allocation in a box in which nothing was freed.
    if (size_bytes - 1 < region_largest_small && b.free_table == 0) {
        const std::size_t size = (size_bytes + region_grain - 1) & ~(region_grain - 1);
        if (void* const fresh = region_bump(b, size)) return fresh;
    }
    return region_allocate_elsewhere(b, size_bytes);
}
/// Gives memory of region_allocate back to the box. Chunks that become empty go back to the pool.
/// Amortised constant time.
VALPOOL_API void region_deallocate(box& b, void* memory, std::size_t size_bytes) noexcept;

}  // namespace valpool::detail
