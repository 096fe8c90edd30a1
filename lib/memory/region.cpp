#include "base/kill_point.hpp"
#include "base/round_up.hpp"
#include "memory/recovery.hpp"
#include "memory/slab.hpp"

#include <algorithm>
#include <cstring>

/// Memory inside a box: bumped off the newest chunk, reused through free lists of equal sizes, and,
/// for what is large, a chunk of its own that goes back to the pool at once.
///
/// Only the one process that changes the box runs this; a crash in the middle leaves the box
/// poisoned, and its chunk list walkable.

namespace valpool::detail {
namespace {

constexpr std::size_t list_count = region_largest_small / region_grain;
constexpr std::size_t table_bytes = list_count * sizeof(std::uint64_t);
constexpr std::size_t largest_growth = 4096;
/// What lies in a chunk of its own is aligned to a cache line.
constexpr std::size_t dedicated_header = 64;
static_assert(sizeof(chunk) <= dedicated_header);

std::size_t rounded(std::size_t size_bytes) noexcept {
    return round_up(std::max<std::size_t>(size_bytes, 1), region_grain);
}

std::uint64_t* list_for(arena& a, box& b, std::size_t size_bytes) noexcept {
    if (b.free_table == 0 || size_bytes > region_largest_small) return nullptr;
    return a.at<std::uint64_t>(b.free_table) + size_bytes / region_grain - 1;
}

void* pop_freed(arena& a, box& b, std::size_t size_bytes, std::size_t align) noexcept {
    std::uint64_t* const head = list_for(a, b, size_bytes);
    if (!head || *head == 0 || (*head & (align - 1)) != 0) return nullptr;
    auto* const memory = a.at<std::uint64_t>(*head);
    *head = *memory;
    return memory;
}

void link_chunk(arena& a, box& b, std::uint64_t offset, bool dedicated) noexcept {
    auto& c = *new (a.at<void>(offset)) chunk;
    c.magic.store(magic_chunk, std::memory_order_relaxed);
    c.dedicated = dedicated ? 1 : 0;
    c.size_bytes = space_bytes(a, offset);
    c.prev = 0;
    const std::uint64_t head = b.chunks.load(std::memory_order_relaxed);
    c.next.store(head, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("region.filled_chunk");
    b.chunks.store(offset, std::memory_order_release);
    VALPOOL_KILL_POINT("region.linked_chunk");
    if (head != 0) a.at<chunk>(head)->prev = offset;
}

chunk& add_chunk(thread_lane& l, box& b, std::size_t size_bytes, bool dedicated) {
    arena& a = *l.pool;
    const std::uint64_t offset = find_or_throw(l, size_bytes, [&] {
        const inside pass(l);
        const std::uint64_t found = allocate_space(a, *l.heap, size_bytes);
        if (found == 0) return found;
        VALPOOL_KILL_POINT("region.allocated_chunk");
        link_chunk(a, b, found, dedicated);
        return found;
    });
    return *a.at<chunk>(offset);
}

/// Each further chunk twice as large as the last one, within reason.
std::size_t next_chunk_bytes(const arena& a, const box& b, std::size_t needed) noexcept {
    const std::size_t last = space_bytes(a, space_start(a, b.bump + b.bump_room - 1));
    const std::size_t wanted =
        std::clamp(2 * last, region_largest_small, std::min(largest_growth, a.largest_block()));
    return std::max(wanted, needed + sizeof(chunk));
}

void remove_chunk(arena& a, box& b, chunk& c) {
    thread_lane& l = lane_of_thread(a);
    const maybe_inside pass(l);
    if (!pass) return;  // it comes back with its box

    const std::uint64_t next = c.next.load(std::memory_order_relaxed);
    auto& link = c.prev == 0 ? b.chunks : a.at<chunk>(c.prev)->next;
    link.store(next, std::memory_order_release);
    VALPOOL_KILL_POINT("region.unlinked_chunk");
    if (next != 0) a.at<chunk>(next)->prev = c.prev;
    c.magic.store(0, std::memory_order_relaxed);
    free_space(a, *l.heap, a.offset_of(&c));
}

/// The chunk that holds this allocation and no other; null when there is none.
chunk* dedicated_chunk(arena& a, void* memory) noexcept {
    const std::uint64_t offset = a.offset_of(memory);
    if (space_start(a, offset) + dedicated_header != offset) return nullptr;
    auto* const c = a.at<chunk>(offset - dedicated_header);
    const bool is_own = c->magic.load(std::memory_order_relaxed) == magic_chunk && c->dedicated;
    return is_own ? c : nullptr;
}

void push_freed(arena& a, box& b, void* memory, std::size_t size_bytes) noexcept {
    if (b.free_table == 0) {
        // The first freed piece that is large enough becomes the table itself.
        void* const table =
            size_bytes >= table_bytes ? memory : region_bump(b, table_bytes, region_grain);
        if (!table) return;  // reused no more; it comes back with the box
        std::memset(table, 0, table_bytes);
        b.free_table = a.offset_of(table);
        if (table == memory) return;
    }
    std::uint64_t* const head = list_for(a, b, size_bytes);
    if (!head) return;
    *static_cast<std::uint64_t*>(memory) = *head;
    *head = a.offset_of(memory);
}

}  // namespace

void* region_allocate_elsewhere(box& b, std::size_t size_bytes, std::size_t align) {
    arena& a = arena_of(b);
    if (size_bytes > a.size_bytes) throw_exhausted(a, size_bytes);
    const std::size_t size = rounded(size_bytes);
    if (void* const freed = pop_freed(a, b, size, align)) return freed;
    if (void* const fresh = region_bump(b, size, align)) return fresh;
    thread_lane& l = lane_of_thread(a);
    if (size > region_largest_small) {
        chunk& own = add_chunk(l, b, size + dedicated_header, true);
        return reinterpret_cast<char*>(&own) + dedicated_header;
    }
    const chunk& c = add_chunk(l, b, next_chunk_bytes(a, b, size + align - region_grain), false);
    b.bump = a.offset_of(&c + 1);
    b.bump_room = static_cast<std::uint32_t>(c.size_bytes - sizeof(chunk));
    return region_bump(b, size, align);
}

void region_deallocate(box& b, void* memory, std::size_t size_bytes) noexcept {
    arena& a = arena_of(b);
    const std::size_t size = rounded(size_bytes);
    try {
        chunk* const own = size > region_largest_small ? dedicated_chunk(a, memory) : nullptr;
        if (own)
            remove_chunk(a, b, *own);
        else
            push_freed(a, b, memory, size);
    } catch (const std::exception&) {
        // No lane for this thread: the chunk comes back with its box.
    }
}

}  // namespace valpool::detail
