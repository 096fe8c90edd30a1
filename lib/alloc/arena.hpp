#pragma once

/// The layout of a pool's memory. All references are offsets from the arena's start, so the arena
/// works at any address.
///
///   arena | process slots | lanes | lane heaps | seats | page table | page map | partial maps |
///   shapes of tables | pages
///
/// These edits bump layout_version: every change to a struct in this header, to the registry and
/// the seats, to box and chunk, to the size classes, to the queue's structs, to Val, its types and
/// tables, and to the hash of values, because tables store it.

#include <valpool/alloc/streaming_pool.hpp>

#include "alloc/raw_header.hpp"
#include "alloc/size_class.hpp"
#include "segment/registry.hpp"
#include "segment/seat.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace valpool::detail {

constexpr std::uint32_t layout_version = 15;
constexpr std::uint64_t arena_magic = 0x31616e6572617076;  // "vparena1"
constexpr std::size_t smallest_page_bytes = 4096;
/// Every pool has blocks of this size.
constexpr std::size_t certain_block_bytes = smallest_page_bytes / 2;

/// Free blocks of one bitmap word that belong to one lane alone.
/// Shape: `mask` has a bit for each block. With a mask of 0 the group is empty, and `place` may be
/// anything. `place` is the distance of the word's first block from the first page. The six lowest
/// bits of that distance are 0; a reserve stores in them the bit at which the search for a free
/// block begins. A checker may read both words at any time.
struct block_group {
    std::atomic<std::uint64_t> mask;
    std::atomic<std::uint64_t> place;

    static constexpr std::uint64_t bit_mask = 63;
    std::uint64_t first_block() const noexcept {
        return place.load(std::memory_order_relaxed) & ~bit_mask;
    }
};
static_assert(sizeof(block_group) == 16, "a lane heap has many");

/// Blocks that a thread has set aside, so that it does not need a shared cache line for each block
/// (the field calls this a thread cache). `reserves` has blocks for the thread's next allocations,
/// one group for each size class. `freed` has blocks that the thread has freed and not given back
/// yet: for each class those of one bitmap word, the word of the last freed block. Classes that are
/// freed_groups apart share a group.
/// Invariants: a block in a group is marked as used in its page's bitmap, and is in no other group.
/// `freed_bytes` is the size of all blocks in `freed`.
/// Writers: the lane's thread, inside; a recoverer, with the gate closed.
/// Crash safety: recovery rebuilds the bitmaps from what is reachable and empties every lane heap,
/// of dead and of living threads.
struct alignas(64) lane_heap {
    static constexpr unsigned freed_groups = 16;
    block_group reserves[size_class_count];
    block_group freed[freed_groups];
    std::atomic<std::uint32_t> freed_bytes;
    std::uint32_t last_page[size_class_count];  // page + 1: where to look first; 0: nowhere

    /// Empties all groups. Uses atomic stores: others may be reading how much is set aside.
    void forget() noexcept {
        const auto empty = [](block_group& group) {
            group.mask.store(0, std::memory_order_relaxed);
            group.place.store(0, std::memory_order_relaxed);
        };
        for (block_group& group : reserves) empty(group);
        for (block_group& group : freed) empty(group);
        freed_bytes.store(0, std::memory_order_relaxed);
        for (std::uint32_t& page : last_page) page = 0;
    }
};
static_assert(sizeof(lane_heap) == 832, "small pools have 64 of them: they must stay small");

/// A page's entry in the page table. Its bitmaps follow it: words_per_page words of free blocks (1:
/// free), then as many of recovery's marks.
/// Invariants:
///   1. kind free: all words of free blocks are 0, and the page map's bit is set (or the page is
///      just being claimed or released).
///   2. kind c + 1: a slab of size class c.
///   3. kind run_head: the first of `run_pages` pages; the others are run_tail.
/// Writers: the thread that has claimed the page (its bit in the page map) or all its blocks;
/// anybody writes the bitmaps, atomically.
/// Crash safety: a half-done change leaks at most the page until recovery.
struct page_entry {
    enum : std::uint32_t { free = 0, run_head = 100, run_tail = 101 };
    std::atomic<std::uint32_t> kind;
    std::atomic<std::uint32_t> run_pages;
    std::atomic<std::uint32_t> run_mark;
    std::atomic<std::uint32_t> use;  // a page_use, see page_counts

    std::atomic<std::uint64_t>* words() noexcept {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1);
    }
    const std::atomic<std::uint64_t>* words() const noexcept {
        return reinterpret_cast<const std::atomic<std::uint64_t>*>(this + 1);
    }
};
static_assert(sizeof(page_entry) == 16, "bitmaps follow, aligned to 8");

/// How many pages have been claimed for values and for pipes. Both counts share one word, because
/// neither use may take more pages than the other leaves. Ledgers may take whatever is left. See
/// may_claim in slab.cpp.
struct page_counts {
    std::uint32_t values;  // and raw memory
    std::uint32_t pipes;

    explicit page_counts(std::uint64_t word) noexcept
        : values(static_cast<std::uint32_t>(word)), pipes(static_cast<std::uint32_t>(word >> 32)) {}
    std::uint64_t word() const noexcept { return values | std::uint64_t{pipes} << 32; }
};

/// Shape: the pool's first bytes. Everything before `entrance` is constant after format_arena().
struct arena : StreamingPool {
    std::uint64_t magic;
    std::uint64_t size_bytes;  // from the arena's start to the end of its last page
    std::uint64_t nonce;       // distinguishes two pools of the same name
    std::uint32_t version;
    std::uint32_t page_shift;
    std::uint32_t page_count;
    std::uint32_t words_per_page;
    std::uint32_t lane_count;  // also of slots, lane heaps and seats
    std::uint32_t raw_align;
    std::uint32_t value_page_limit;   // the other pages are for pipes and bookkeeping only
    std::uint32_t bookkeeping_pages;  // how many of those for bookkeeping only
    std::uint64_t slots_offset;
    std::uint64_t lanes_offset;
    std::uint64_t heaps_offset;
    std::uint64_t seats_offset;
    std::uint64_t table_offset;
    std::uint64_t table_stride;
    std::uint64_t map_offset;
    std::uint64_t partial_offset;
    std::uint64_t partial_stride;
    std::uint64_t shapes_offset;
    std::uint64_t shape_bytes;  // 0: no area for shapes
    std::uint64_t pages_offset;
    std::uint64_t shared_by_file;  // 1: has a pool_file, so deaths are noticed

    alignas(64) gate entrance;
    watch looks;
    alignas(64) std::atomic<std::uint64_t> pipes;  // newest named pipe; 0: none
    std::atomic<std::uint64_t> system_bytes;       // of named pipes, taps and ledgers
    std::atomic<std::uint64_t> claimed_pages;      // page_counts
    std::atomic<std::uint64_t> taps;               // newest tap; 0: none
    /// Grows after pipes or taps have left their list and before their memory can be reused. It
    /// serves readers of these lists that are not inside.
    std::atomic<std::uint32_t> pipe_removals;
    std::atomic<std::uint32_t> pipes_due;     // 1: a repair may find a pipe or a tap to remove
    std::atomic<std::uint32_t> page_returns;  // how often pages have been given back
    std::atomic<std::uint32_t> main_slot;     // slot + 1 of the SHMMain
    std::atomic<std::uint32_t> kept;          // 1: the pool stays when nobody uses it
    /// Hints: as far as anybody has noticed, no row of at least 2^i free pages begins before page
    /// row_hints[i]. A wrong hint costs a search from the first page.
    static constexpr unsigned row_hint_count = 7;
    std::atomic<std::uint32_t> row_hints[row_hint_count];

    arena() = default;  // used only over zeroed memory, see format_arena

    template <class T>
    T* at(std::uint64_t offset) noexcept {
        return reinterpret_cast<T*>(reinterpret_cast<char*>(this) + offset);
    }
    template <class T>
    const T* at(std::uint64_t offset) const noexcept {
        return reinterpret_cast<const T*>(reinterpret_cast<const char*>(this) + offset);
    }
    std::uint64_t offset_of(const void* p) const noexcept {
        return static_cast<std::uint64_t>(static_cast<const char*>(p) -
                                          reinterpret_cast<const char*>(this));
    }
    bool contains(const void* p) const noexcept { return offset_of(p) < size_bytes; }

    process_slot& slot(std::uint32_t i) noexcept { return at<process_slot>(slots_offset)[i]; }
    const process_slot& slot(std::uint32_t i) const noexcept {
        return at<process_slot>(slots_offset)[i];
    }
    lane& lane_at(std::uint32_t i) noexcept { return at<lane>(lanes_offset)[i]; }
    const lane& lane_at(std::uint32_t i) const noexcept { return at<lane>(lanes_offset)[i]; }
    lane_heap& heap(std::uint32_t i) noexcept { return at<lane_heap>(heaps_offset)[i]; }
    const lane_heap& heap(std::uint32_t i) const noexcept { return at<lane_heap>(heaps_offset)[i]; }
    seat& seat_at(std::uint32_t i) noexcept { return at<seat>(seats_offset)[i]; }
    const seat& seat_at(std::uint32_t i) const noexcept { return at<seat>(seats_offset)[i]; }
    page_entry& page(std::uint32_t i) noexcept {
        return *at<page_entry>(table_offset + i * table_stride);
    }
    const page_entry& page(std::uint32_t i) const noexcept {
        return *at<page_entry>(table_offset + i * table_stride);
    }
    std::atomic<std::uint64_t>* page_map() noexcept {
        return at<std::atomic<std::uint64_t>>(map_offset);
    }
    const std::atomic<std::uint64_t>* page_map() const noexcept {
        return at<std::atomic<std::uint64_t>>(map_offset);
    }
    std::atomic<std::uint64_t>* partial_map(unsigned size_class) noexcept {
        return at<std::atomic<std::uint64_t>>(partial_offset + size_class * partial_stride);
    }

    std::size_t page_bytes() const noexcept { return std::size_t{1} << page_shift; }
    std::uint32_t map_words() const noexcept { return (page_count + 63) / 64; }
    std::uint64_t page_start(std::uint32_t i) const noexcept {
        return pages_offset + (std::uint64_t{i} << page_shift);
    }
    bool in_pages(std::uint64_t offset) const noexcept {
        return offset >= pages_offset && offset < size_bytes;
    }
    bool in_shapes(std::uint64_t offset) const noexcept {
        return offset - shapes_offset < shape_bytes;
    }
    std::uint32_t page_of(std::uint64_t offset) const noexcept {
        return static_cast<std::uint32_t>((offset - pages_offset) >> page_shift);
    }
    /// How many pages values and pipes share.
    std::uint32_t shared_page_limit() const noexcept { return page_count - bookkeeping_pages; }
    /// How many of those pipes may take. They leave some to values: a pool full of pipes would be
    /// useless.
    std::uint32_t pipe_page_limit() const noexcept {
        return shared_page_limit() - bookkeeping_pages / 4;
    }
    std::size_t largest_block() const noexcept {
        return page_bytes() / 2 < largest_class_size ? page_bytes() / 2 : largest_class_size;
    }
    std::uint32_t blocks_per_page(unsigned size_class) const noexcept {
        return block_index_of.index(page_bytes(), size_class);
    }
    /// The bits of word `w` that stand for blocks when the page is cut into `size_class`.
    std::uint64_t valid_bits(unsigned size_class, std::uint32_t w) const noexcept {
        const std::uint32_t blocks = blocks_per_page(size_class);
        if (w * 64 >= blocks) return 0;
        const std::uint32_t here = blocks - w * 64;
        return here >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1;
    }
    std::size_t raw_header_bytes() const noexcept {
        return raw_align > sizeof(raw_header) ? raw_align : sizeof(raw_header);
    }
};
static_assert(largest_class_size <= 65536 / 4, "a 64 KiB page holds four of the largest blocks");

inline arena& arena_of(StreamingPool& pool) noexcept { return static_cast<arena&>(pool); }
inline const arena& arena_of(const StreamingPool& pool) noexcept {
    return static_cast<const arena&>(pool);
}
/// Values may use only some of the pages, so that a pipe can still be opened in a pool that is full
/// of values. Neither values nor pipes may use the last pages: however full the pool is, a process
/// can still attach and take packets out.
struct arena_shape {
    std::size_t page_bytes;
    std::size_t page_count;
    std::size_t value_pages;
    std::size_t lane_count;
};
/// A shape whose pages for values hold at least `pool_bytes`. Throws std::runtime_error when that
/// is more than an address space.
arena_shape shape_for_pool(std::size_t pool_bytes);
/// The shape of an arena that takes at most `size_bytes` in all. Throws std::runtime_error when no
/// arena is that small.
arena_shape shape_within(std::size_t size_bytes);
/// Bytes from an arena's start to the end of its last page.
std::size_t arena_bytes(const arena_shape& shape) noexcept;
/// Lays out an arena over zeroed memory that is aligned to 64 and has arena_bytes(shape) bytes.
arena& format_arena(void* memory, const arena_shape& shape, std::size_t raw_align, bool by_file);
/// Checks an arena that has `available` bytes of file from its start against what format_arena
/// makes. Says what is wrong; null when all sizes and offsets are sound.
const char* arena_defect(const arena& a, std::size_t available) noexcept;

}  // namespace valpool::detail
