#pragma once

/// Memory inside a box.

#include <valpool/detail/box.hpp>

namespace valpool::detail {

/// What lies in a box is aligned to, and takes up multiples of, the grain. What is larger than
/// `region_largest_small` has a chunk of its own, unless there is room for it in a box of which
/// nothing was freed.
constexpr std::size_t region_grain = 16;
constexpr std::size_t region_largest_small = 544;

/// Off the box's newest chunk; null when that has too little left. The size is a multiple of the
/// grain.
inline void* region_bump(box& b, std::size_t size_bytes) noexcept {
    const std::uint64_t start = (b.bump + region_grain - 1) & ~std::uint64_t{region_grain - 1};
    const std::uint64_t taken = start + size_bytes - b.bump;
    if (taken > b.bump_room) return nullptr;
    b.bump += taken;
    b.bump_room -= static_cast<std::uint32_t>(taken);
    return reinterpret_cast<char*>(&b) + (start - b.self);
}
/// The part of region_allocate that takes longer.
VALPOOL_API void* region_allocate_elsewhere(box& b, std::size_t size_bytes);
/// Memory inside the box, aligned to the grain, living at most as long as the box.
/// Throws PoolExhausted, with nothing changed. Never blocks, except while recovery runs.
/// Not for two threads at once on the same box.
inline void* region_allocate(box& b, std::size_t size_bytes) {
    // What a box is made with room for, as long as nothing was freed.
    if (size_bytes - 1 < region_largest_small && b.free_table == 0) {
        const std::size_t size = (size_bytes + region_grain - 1) & ~(region_grain - 1);
        if (void* const fresh = region_bump(b, size)) return fresh;
    }
    return region_allocate_elsewhere(b, size_bytes);
}
/// Gives memory of region_allocate back to the box, and with it all chunks in which nothing lies
/// any more to the pool. Amortised constant time.
VALPOOL_API void region_deallocate(box& b, void* memory, std::size_t size_bytes) noexcept;

}  // namespace valpool::detail
