#pragma once

#include "alloc/size_class.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace valpool::detail {

/// First bytes of every block and run in use: what it is.
enum block_magic : std::uint32_t {
    magic_box = 0x786f6276,     // root of a region
    magic_chunk = 0x6b6e6863,   // more of a region
    magic_raw = 0x77617276,     // StreamingPool::allocate
    magic_freed = 0x65657266,   // raw memory given back
    magic_ledger = 0x7267646c,  // what a process holds
};

/// Header of raw memory; the user's bytes follow at raw_header_bytes().
/// Shape: `mark` is one word, so that one store makes and one comparison recognises it: block_magic
/// in its lower half (little-endian: where every other block has its own), above it the slot of the
/// process that the memory belongs to (12 bits), the lane that allocated it (12 bits) and the size
/// class of its block, size_class_count for a run (8 bits). The page table has the class as well,
/// but far away.
/// Writers: who allocates; who gives back. Recovery forgets the marks of the dead.
/// Crash safety: without the mark a block that is in no ledger and no box is swept, so it is the
/// last store of an allocation and the first one of giving back.
struct raw_header {
    std::atomic<std::uint64_t> mark;
    std::uint64_t unused;

    static constexpr std::uint32_t most_slots = 4096;  // and lanes

    /// Of a block of class 0.
    static constexpr std::uint64_t mark_of(std::uint32_t slot, std::uint32_t lane) noexcept {
        return magic_raw | std::uint64_t{slot} << 32 | std::uint64_t{lane} << 44;
    }
    static constexpr std::uint64_t with_class(std::uint64_t mark, std::uint64_t size_class) {
        return mark | size_class << 56;
    }
    /// The class in `mark` if it is otherwise that of `mark_of_lane`; else something larger than
    /// any class and than size_class_count.
    static constexpr std::uint64_t class_in(std::uint64_t mark,
                                            std::uint64_t mark_of_lane) noexcept {
        return std::rotl(mark - mark_of_lane, 8);
    }
    static constexpr std::uint32_t magic_in(std::uint64_t mark) noexcept {
        return static_cast<std::uint32_t>(mark);
    }
    static constexpr std::uint32_t slot_in(std::uint64_t mark) noexcept {
        return static_cast<std::uint32_t>(mark >> 32) % most_slots;
    }
};
static_assert(sizeof(raw_header) == 16, "what follows is aligned to 16");

}  // namespace valpool::detail
