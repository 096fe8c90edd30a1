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

/// The header of raw memory, or null when `memory` is not the start of an allocation.
raw_header* header_of(arena& a, void* memory) noexcept {
    const std::uint64_t offset = a.offset_of(memory);
    if (!a.in_pages(offset) || offset < a.pages_offset + a.raw_header_bytes()) return nullptr;
    const std::uint64_t start = offset - a.raw_header_bytes();
    return space_start(a, start) == start ? a.at<raw_header>(start) : nullptr;
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

char* StreamingPool::allocate(std::size_t size_bytes) {
    arena& a = arena_of(*this);
    if (size_bytes > a.size_bytes) throw_exhausted(a, size_bytes);
    thread_lane& l = lane_of_thread(a);
    const std::size_t header_bytes = a.raw_header_bytes();
    const std::uint64_t offset = find_or_throw(l, size_bytes, [&] {
        const inside pass(l);
        const std::uint64_t found = allocate_space(a, *l.heap, size_bytes + header_bytes);
        if (found == 0) return found;
        VALPOOL_KILL_POINT("raw.allocated");
        auto& header = *new (a.at<void>(found)) raw_header;
        header.slot = l.at->slot;
        header.size_bytes = size_bytes;
        header.magic.store(magic_raw, std::memory_order_release);
        VALPOOL_KILL_POINT("raw.marked");
        return found;
    });
    l.at->raw_count.fetch_add(1, std::memory_order_relaxed);
    return a.at<char>(offset + header_bytes);
}

void StreamingPool::deallocate(char* memory) {
    if (!memory) return;
    arena& a = arena_of(*this);
    raw_header* const header = header_of(a, memory);
    thread_lane& l = lane_of_thread(a);
    const inside pass(l);
    std::uint32_t expected = magic_raw;
    if (!header || !header->magic.compare_exchange_strong(expected, magic_freed)) {
        if (header && expected == magic_freed)
            throw std::logic_error("deallocate: this memory has been given back already");
        throw std::logic_error("deallocate: this is not an allocation of this pool");
    }
    VALPOOL_KILL_POINT("raw.unmarked");
    if (header->slot == l.at->slot) l.at->raw_count.fetch_sub(1, std::memory_order_relaxed);
    free_space(a, *l.heap, a.offset_of(header));
}

namespace detail {

void free_raw_memory(thread_lane& l) noexcept {
    arena& a = *l.pool;
    const auto free_if_mine = [&](std::uint64_t offset) {
        auto& header = *a.at<raw_header>(offset);
        std::uint32_t expected = magic_raw;
        if (header.magic.load(std::memory_order_relaxed) != magic_raw ||
            header.slot != l.at->slot ||
            !header.magic.compare_exchange_strong(expected, magic_freed))
            return;
        const inside pass(l);
        free_space(a, *l.heap, offset);
        l.at->raw_count.fetch_sub(1, std::memory_order_relaxed);
    };
    for (std::uint32_t p = 0; p < a.page_count && l.at->raw_count.load() > 0; ++p)
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
