#pragma once

#include "alloc/size_class.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace valpool::detail {

/// The first bytes of every block and run in use say what it is.
enum block_magic : std::uint32_t {
    magic_box = 0x786f6276,     // root of a region
    magic_chunk = 0x6b6e6863,   // further chunk of a region
    magic_raw = 0x77617276,     // StreamingPool::allocate
    magic_freed = 0x65657266,   // raw memory that was given back
    magic_ledger = 0x7267646c,  // references that a process holds
};

/// Header of raw memory; the user's bytes follow raw_header_bytes() behind its start.
/// Shape: `mark` is one word, so that one store writes it and one comparison recognises it. Its
/// lower half is a block_magic (little-endian: where every other block has its magic, too). Above
/// follow the slot of the process that the memory belongs to (12 bits), the lane that allocated it
/// (12 bits), and the size class of its block, size_class_count for a run (8 bits). The page table
/// also has the class, but in another cache line.
/// Writers: the thread that allocates, and the one that gives back. Recovery clears the marks of
/// dead processes.
/// Crash safety: recovery sweeps a block that is in no ledger and no box and has no mark. So the
/// mark is the last store of an allocation and the first store of giving back.
struct raw_header {
    std::atomic<std::uint64_t> mark;
    std::uint64_t unused;

    static constexpr std::uint32_t most_slots = 4096;  // and lanes

    /// The mark of a block of class 0.
    static constexpr std::uint64_t mark_of(std::uint32_t slot, std::uint32_t lane) noexcept {
        return magic_raw | std::uint64_t{slot} << 32 | std::uint64_t{lane} << 44;
    }
    static constexpr std::uint64_t with_class(std::uint64_t mark, std::uint64_t size_class) {
        return mark | size_class << 56;
    }
    /// The class in `mark` if `mark` is otherwise equal to `mark_of_lane`; else a number larger
    /// than size_class_count.
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
