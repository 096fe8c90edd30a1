#include <valpool/streaming_pool.hpp>

#include "base/kill_point.hpp"
#include "memory/recovery.hpp"
#include "memory/slab.hpp"

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

namespace valpool {

using namespace detail;

namespace {

constexpr std::uint32_t no_page = UINT32_MAX;

/// The block that starts at `offset`, or the run, of class size_class_count; no_page when neither
/// does.
inline block_place space_at(const arena& a, std::uint64_t offset) noexcept {
    if (!a.in_pages(offset)) return {no_page, 0, 0};
    const std::uint32_t page = a.page_of(offset);
    const std::uint64_t in_page = offset - a.page_start(page);
    const std::uint32_t kind = a.page(page).kind.load(std::memory_order_acquire);
    if (kind - 1 < size_class_count) {
        const block_place block{page, kind - 1, block_index_of.index(in_page, kind - 1)};
        const std::uint64_t size_bytes = size_of_class[kind - 1];
        if (block.index * size_bytes == in_page && in_page + size_bytes <= a.page_bytes())
            return block;
    } else if (kind == page_entry::run_head && in_page == 0) {
        return {page, size_class_count, 0};
    }
    return {no_page, 0, 0};
}

inline void free_at(arena& a, lane_heap& heap, const block_place& place) noexcept {
    if (place.size_class == size_class_count)
        free_run(a, place.page);
    else if (!put_reserved(heap, place))
        set_aside(a, heap, place);
}

/// Takes the mark of memory that another thread has allocated: of several that give it back at
/// once, one may. What stood there before.
std::uint64_t take_mark(std::atomic<std::uint64_t>& mark) noexcept {
    std::uint64_t before = mark.load(std::memory_order_relaxed);
    while (raw_header::magic_in(before) == magic_raw)
        if (mark.compare_exchange_weak(before, magic_freed)) break;
    return before;
}

[[noreturn]] void throw_not_allocated(std::uint64_t mark) {
    throw std::logic_error(raw_header::magic_in(mark) == magic_freed
                               ? "deallocate: this memory has been given back already"
                               : "deallocate: this is not an allocation of this pool");
}

/// Whether fork gives a child the very same memory or a copy of it.
bool is_shared_mapping(const void* memory) {
    std::FILE* const maps = std::fopen("/proc/self/maps", "re");
    if (!maps) return true;  // the safe guess: a child's references are counted
    bool shared = false;
    char line[512];
    const auto wanted = reinterpret_cast<std::uintptr_t>(memory);
    while (std::fgets(line, sizeof line, maps)) {
        std::uintptr_t first = 0;
        std::uintptr_t end = 0;
        char mode[5] = {};
        if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &first, &end, mode) != 3) continue;
        if (wanted >= first && wanted < end) shared = mode[3] == 's';
    }
    std::fclose(maps);
    return shared;
}

}  // namespace

StreamingPool* StreamingPool::CreateStreamingPool(char* memory, std::size_t size_bytes, int align) {
    if (!memory) throw std::logic_error("CreateStreamingPool: no memory was given");
    if (align < 1 || align > 64 || !std::has_single_bit(static_cast<unsigned>(align)))
        throw std::logic_error(
            "CreateStreamingPool: the alignment must be a power of two up to 64, "
            "not " +
            std::to_string(align));
    if (size_bytes >
            std::numeric_limits<std::uintptr_t>::max() - reinterpret_cast<std::uintptr_t>(memory) ||
        size_bytes > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()))
        throw std::runtime_error("CreateStreamingPool: no memory has " +
                                 std::to_string(size_bytes) + " bytes");
    // The pool itself wants cache lines; the caller's memory may start anywhere.
    void* start = memory;
    std::size_t left = size_bytes;
    if (!std::align(64, 1, start, left))
        throw std::runtime_error(std::to_string(size_bytes) + " bytes are too few for a pool");
    const arena_shape shape = shape_within(left);
    forget_bare(memory, size_bytes);
    std::memset(start, 0, arena_bytes(shape));
    arena& a = format_arena(start, shape, static_cast<std::size_t>(align), false);
    a.entrance.full_fences.store(1);
    attachment_user user = attach_bare(a, !is_shared_mapping(memory));
    ++user->users;  // Clean() takes it back
    return &a;
}

void StreamingPool::Clean(StreamingPool* pool) {
    if (!pool) return;
    arena& a = arena_of(*pool);
    if (a.shared_by_file)
        throw std::logic_error("Clean: this pool belongs to a SHMMain, which removes it");
    if (!pool->isPristine()) throw std::logic_error("Clean: the pool is still in use");
    attachment_user user = find_bare_attachment(a);
    if (user) --user->users;
    user.reset();
    a.magic = 0;
}

namespace {

/// When the lane has nothing set aside, and for what is larger than a block.
std::uint64_t allocate_anew(thread_lane& l, std::size_t size_bytes) {
    arena& a = *l.pool;
    if (size_bytes > a.size_bytes) throw_exhausted(a, size_bytes);
    return find_or_throw(l, size_bytes, [&] {
        const inside pass(l);
        const std::uint64_t found = allocate_space(a, *l.heap, size_bytes + a.raw_header_bytes());
        if (found == 0) return found;
        VALPOOL_KILL_POINT("raw.allocated");
        a.at<raw_header>(found)->mark.store(l.raw_mark, std::memory_order_release);
        VALPOOL_KILL_POINT("raw.marked");
        l.count_raw(1);
        return found;
    });
}

}  // namespace

char* StreamingPool::allocate(std::size_t size_bytes) {
    arena& a = arena_of(*this);
    thread_lane& l = lane_of_thread(a);
    const std::size_t header_bytes = a.raw_header_bytes();
    std::uint64_t offset = 0;
    if (size_bytes <= a.largest_block() - header_bytes) {
        const inside pass(l);
        offset = take_reserved(a, *l.heap, size_class_of(size_bytes + header_bytes));
        if (offset != 0) {
            VALPOOL_KILL_POINT("raw.reserved");
            a.at<raw_header>(offset)->mark.store(l.raw_mark, std::memory_order_release);
            VALPOOL_KILL_POINT("raw.marked_reserved");
            l.count_raw(1);
        }
    }
    if (offset == 0) offset = allocate_anew(l, size_bytes);
    return a.at<char>(offset + header_bytes);
}

void StreamingPool::deallocate(char* memory) {
    if (!memory) return;
    arena& a = arena_of(*this);
    thread_lane& l = lane_of_thread(a);
    const std::uint64_t offset = a.offset_of(memory) - a.raw_header_bytes();
    std::uint64_t mark = 0;
    {
        const inside pass(l);
        const block_place place = space_at(a, offset);
        if (place.page != no_page) {
            auto& header = *a.at<raw_header>(offset);
            mark = header.mark.load(std::memory_order_relaxed);
            if (mark == l.raw_mark)
                header.mark.store(magic_freed, std::memory_order_relaxed);
            else
                mark = take_mark(header.mark);
        }
        if (raw_header::magic_in(mark) == magic_raw) {
            std::atomic_signal_fence(std::memory_order_seq_cst);
            VALPOOL_KILL_POINT("raw.unmarked");
            if (raw_header::slot_in(mark) == l.at->slot) l.count_raw(-1);
            return free_at(a, *l.heap, place);
        }
    }
    throw_not_allocated(mark);
}

namespace detail {
namespace {

/// Pieces of raw memory that belong to the lane's process.
std::int64_t raw_pieces(const thread_lane& l) noexcept {
    std::int64_t pieces = l.at->raw_count.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < l.pool->lane_count; ++i) {
        const lane& other = l.pool->lane_at(i);
        if (other.owner.load(std::memory_order_relaxed) == l.at->slot + 1)
            pieces += other.raw_count.load(std::memory_order_relaxed);
    }
    return pieces;
}

}  // namespace

void free_raw_memory(thread_lane& l) noexcept {
    arena& a = *l.pool;
    std::int64_t left = raw_pieces(l);
    const auto free_if_mine = [&](std::uint64_t offset) {
        auto& header = *a.at<raw_header>(offset);
        std::uint64_t mark = header.mark.load(std::memory_order_relaxed);
        if (raw_header::magic_in(mark) != magic_raw || raw_header::slot_in(mark) != l.at->slot ||
            !header.mark.compare_exchange_strong(mark, magic_freed))
            return;
        const inside pass(l);
        free_space(a, *l.heap, offset);
        --left;
    };
    for (std::uint32_t p = 0; p < a.page_count && left > 0; ++p)
        for_each_used_space(a, p, free_if_mine);
}

}  // namespace detail

bool StreamingPool::contains(const void* memory) const noexcept {
    return arena_of(*this).contains(memory);
}

bool StreamingPool::isPristine() const {
    const arena& a = arena_of(*this);
    return used_space(a) == a.system_bytes.load(std::memory_order_relaxed);
}

bool StreamingPool::isFull() const { return biggestFree() == 0; }

std::size_t StreamingPool::biggestFree() const {
    arena& a = arena_of(const_cast<StreamingPool&>(*this));
    thread_lane& l = lane_of_thread(a);
    std::size_t block_bytes = largest_free_block(a);
    for (unsigned c = 0; c < size_class_count; ++c)
        if (l.heap->reserves[c].mask.load(std::memory_order_relaxed) != 0)
            block_bytes = std::max(block_bytes, class_size(c));
    const std::size_t run_bytes = longest_free_run(a) << a.page_shift;
    const std::size_t largest = std::max(block_bytes, run_bytes);
    return largest - std::min(largest, a.raw_header_bytes());
}

std::size_t StreamingPool::bytes() const {
    const arena& a = arena_of(*this);
    return std::size_t{a.value_page_limit} << a.page_shift;
}

std::size_t StreamingPool::usedBytes() const { return used_space(arena_of(*this)); }

}  // namespace valpool
