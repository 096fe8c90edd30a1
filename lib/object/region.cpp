#include <valpool/object/detail/region.hpp>

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "base/round_up.hpp"
#include "object/free_pieces.hpp"
#include "object/size_guess.hpp"
#include "process/gate.hpp"
#include "process/reclaim.hpp"

#include <algorithm>
#include <bit>

/// Memory inside a box. As long as nothing is given back, allocation moves a bump pointer in the
/// newest chunk. A freed piece merges with its free neighbours and is used again, the smallest
/// fitting piece first. A chunk that becomes empty goes back to the pool at once, and so does a
/// large allocation, which has a chunk of its own.
///
/// Only the one process that changes the box runs this code. A crash in the middle leaves the box
/// poisoned, but its chunk list walkable.

namespace valpool::detail {
namespace {

constexpr std::size_t largest_growth = 4096;
/// In a smaller pool memory counts more than speed: what wrong guesses may waste.
constexpr std::size_t least_bytes_for_guesses = std::size_t{16} << 20;

std::size_t rounded(std::size_t size_bytes) noexcept {
    return round_up(std::max<std::size_t>(size_bytes, 1), region_grain);
}

constexpr std::uint32_t grains_in(std::uint64_t size_bytes) noexcept {
    return static_cast<std::uint32_t>(size_bytes / region_grain);
}

free_lists* lists_of(arena& a, const box& b) noexcept {
    return b.free_table == 0 ? nullptr : a.at<free_lists>(b.free_table);
}

/// The block that contains `offset`.
piece_block block_with(arena& a, box& b, std::uint64_t offset) noexcept {
    const std::size_t box_bytes = space_bytes(a, b.self);
    if (offset - b.self < box_bytes) {
        free_lists* const lists = lists_of(a, b);
        return {b.self, std::min(grains_in(box_bytes), free_lists::box_grains), nullptr,
                lists ? lists->box_map : nullptr};
    }
    const std::uint64_t start = space_start(a, offset);
    auto* const c = a.at<chunk>(start);
    return {start, grains_in(space_bytes(a, start)), c, free_map_of(*c)};
}

std::uint64_t end_of_bump(const box& b) noexcept {
    return b.bump.load(std::memory_order_relaxed) + b.bump_room.load(std::memory_order_relaxed);
}

/// From now on the bump allocates from `offset` to the end of the block that `offset` - 1 lies in.
/// That may be no room at all.
void bump_from(arena& a, box& b, std::uint64_t offset) noexcept {
    const std::uint64_t start =
        offset - 1 - b.self < space_bytes(a, b.self) ? b.self : space_start(a, offset - 1);
    b.bump.store(offset, std::memory_order_relaxed);
    const std::uint64_t room = start + space_bytes(a, start) - offset;
    b.bump_room.store(static_cast<std::uint32_t>(room), std::memory_order_relaxed);
}

void link_chunk(arena& a, box& b, std::uint64_t offset, chunk::content kind) noexcept {
    auto& c = *new (a.at<void>(offset)) chunk{};
    if (kind == chunk::pieces) clear_rest_of_map(c, space_bytes(a, offset));
    c.magic.store(magic_chunk, std::memory_order_relaxed);
    c.kind = kind;
    if (b.free_table == 0)
        c.left =
            kind == chunk::pieces ? b.bump.load(std::memory_order_relaxed) : chunk::left_nothing;
    const std::uint64_t head = b.chunks.load(std::memory_order_relaxed);
    c.next.store(head, std::memory_order_relaxed);
    // Without chunks the bump runs to the end of the box's own block.
    const std::uint64_t before =
        head != 0 ? b.bytes.load(std::memory_order_relaxed) : end_of_bump(b) - b.self;
    b.bytes.store(before + space_bytes(a, offset), std::memory_order_relaxed);
    VALPOOL_KILL_POINT("region.filled_chunk");
    b.chunks.store(offset, std::memory_order_release);
    VALPOOL_KILL_POINT("region.linked_chunk");
    if (head != 0) a.at<chunk>(head)->prev = offset;
}

/// 0 when the pool has no such block at hand.
std::uint64_t try_to_add_chunk(thread_lane& l, box& b, std::size_t size_bytes,
                               chunk::content kind) {
    const inside pass(l);
    const std::uint64_t found = allocate_space(*l.pool, *l.heap, size_bytes);
    if (found == 0) return 0;
    VALPOOL_KILL_POINT("region.allocated_chunk");
    link_chunk(*l.pool, b, found, kind);
    return found;
}

chunk& add_chunk(thread_lane& l, box& b, std::size_t size_bytes, chunk::content kind) {
    return *l.pool->at<chunk>(
        find_or_throw(l, size_bytes, [&] { return try_to_add_chunk(l, b, size_bytes, kind); }));
}

/// False when the pool cannot take the chunk back now; then nothing has changed.
bool remove_chunk(arena& a, box& b, chunk& c) noexcept {
    try {
        thread_lane& l = lane_of_thread(a);
        const maybe_inside pass(l);
        if (!pass) return false;

        const std::uint64_t next = c.next.load(std::memory_order_relaxed);
        auto& link = c.prev == 0 ? b.chunks : a.at<chunk>(c.prev)->next;
        link.store(next, std::memory_order_release);
        VALPOOL_KILL_POINT("region.unlinked_chunk");
        if (next != 0) a.at<chunk>(next)->prev = c.prev;
        c.magic.store(0, std::memory_order_relaxed);
        b.bytes.store(b.bytes.load(std::memory_order_relaxed) - space_bytes(a, a.offset_of(&c)),
                      std::memory_order_relaxed);
        free_space(a, *l.heap, a.offset_of(&c));
        return true;
    } catch (const std::exception&) {
        return false;  // no lane for this thread
    }
}

// The lists.

/// Puts into the lists the room that the bump leaves behind when it moves to another block.
void file_room(arena& a, box& b, free_lists& lists, std::uint64_t from) noexcept {
    const piece_block block = block_with(a, b, from - 1);
    const std::uint32_t first = block.index_of(round_up(from, region_grain));
    if (first >= block.grains) return;
    block.flip(first, block.grains - first, true);
    lists.insert(a, block.offset_of(first), block.grains - first);
}

/// Puts into the lists all room that was left while there were no lists. Chunks that have been
/// checked already come after all others in the chunk list.
void file_what_was_left(arena& a, box& b, free_lists& lists) noexcept {
    for (std::uint64_t offset = b.chunks.load(std::memory_order_relaxed); offset != 0;) {
        chunk& c = *a.at<chunk>(offset);
        if (c.left == 0) return;
        if (c.left > chunk::left_nothing) file_room(a, b, lists, c.left);
        c.left = 0;
        offset = c.next.load(std::memory_order_relaxed);
    }
}

/// Makes the box's lists; null when there is no memory for them. Without lists a box could not free
/// memory in a full pool, so they may use pages that values may not.
free_lists* open_lists(arena& a, box& b) noexcept {
    std::uint64_t offset = 0;
    try {
        thread_lane& l = lane_of_thread(a);
        const maybe_inside pass(l);
        if (!pass) return nullptr;
        constexpr std::size_t size_bytes = sizeof(chunk) + sizeof(free_lists);
        offset = allocate_space(a, *l.heap, size_bytes);
        if (offset == 0) offset = allocate_space(a, *l.heap, size_bytes, page_use::system);
        if (offset == 0) return nullptr;
        VALPOOL_KILL_POINT("region.allocated_lists");
        link_chunk(a, b, offset, chunk::lists);
    } catch (const std::exception&) {
        return nullptr;  // no lane for this thread
    }
    auto* const lists = new (a.at<chunk>(offset) + 1) free_lists{};
    b.free_table = a.offset_of(lists);
    file_what_was_left(a, b, *lists);
    return lists;
}

/// The offset of the only free piece, if it lies at the end of the box's own block; otherwise 0.
std::uint64_t only_end_of_box(arena& a, const box& b, const free_lists& lists) noexcept {
    if (!std::has_single_bit(lists.present)) return 0;
    const std::uint64_t offset = lists.first[std::countr_zero(lists.present)];
    const free_piece& piece = *a.at<free_piece>(offset);
    const std::uint64_t end = offset + std::uint64_t{piece.grains} * region_grain;
    return piece.next == 0 && end == b.self + space_bytes(a, b.self) ? offset : 0;
}

/// Removes the lists when no piece is free, or when only the end of the box's own block is free, as
/// it was before anything was freed. That end is then noted in the newest chunk. (If that chunk is
/// freed before lists are needed again, the room is not used any more.)
void close_lists_if_idle(arena& a, box& b, free_lists& lists) noexcept {
    const std::uint64_t left = lists.present == 0 ? 0 : only_end_of_box(a, b, lists);
    if (lists.present != 0 && left == 0) return;
    const std::uint64_t offset = b.free_table;
    b.free_table = 0;
    if (!remove_chunk(a, b, *(reinterpret_cast<chunk*>(&lists) - 1))) {
        b.free_table = offset;
        return;
    }
    const std::uint64_t newest = b.chunks.load(std::memory_order_relaxed);
    if (left != 0 && newest != 0) a.at<chunk>(newest)->left = left;
}

/// Where the bump continues when its chunk has been removed and there are no lists.
std::uint64_t bump_without_lists(arena& a, box& b, std::uint64_t left_of_chunk) noexcept {
    if (left_of_chunk > chunk::left_nothing) return left_of_chunk;
    const std::uint64_t newest = b.chunks.load(std::memory_order_relaxed);
    const std::uint64_t left = newest == 0 ? 0 : a.at<chunk>(newest)->left;
    if (left <= chunk::left_nothing) return b.self + space_bytes(a, b.self);
    a.at<chunk>(newest)->left = chunk::left_nothing;
    return left;
}

void* take_freed(arena& a, box& b, free_lists& lists, std::size_t size_bytes) noexcept {
    const std::uint32_t wanted = grains_in(size_bytes);
    const std::uint64_t offset = lists.find(wanted);
    if (offset == 0) return nullptr;
    const std::uint32_t found = lists.remove(a, offset);
    const piece_block block = block_with(a, b, offset);
    block.flip(block.index_of(offset), wanted, false);
    if (found != wanted) lists.insert(a, offset + size_bytes, found - wanted);
    return a.at<void>(offset);
}

// Giving back.

/// Moves the bump to the newest block that has free room at its end.
void bump_elsewhere(arena& a, box& b, free_lists& lists) noexcept {
    int looks = 64;  // any number of chunks of large allocations may come before it
    const auto bumps_in = [&](const piece_block& block) {
        const std::uint32_t first = block.map().row_start(block.grains);
        if (first == block.grains) return false;
        const std::uint64_t offset = block.offset_of(first);
        block.flip(first, lists.remove(a, offset), false);
        bump_from(a, b, offset);
        return true;
    };
    for (std::uint64_t c = b.chunks.load(std::memory_order_relaxed); c != 0 && looks-- > 0;) {
        const chunk& here = *a.at<chunk>(c);
        if (here.kind == chunk::pieces && bumps_in(block_with(a, b, c))) return;
        c = here.next.load(std::memory_order_relaxed);
    }
    if (!bumps_in(block_with(a, b, b.self))) bump_from(a, b, b.self + space_bytes(a, b.self));
}

/// Removes the chunk that the bump is in, when it has become empty.
void remove_bump_chunk(arena& a, box& b, chunk& c) noexcept {
    const std::uint64_t left = c.left;
    if (!remove_chunk(a, b, c)) return;  // the bump stays there
    if (free_lists* const lists = lists_of(a, b))
        bump_elsewhere(a, b, *lists);
    else
        bump_from(a, b, bump_without_lists(a, b, left));
}

/// Frees the piece right before the bump: moves the bump back over it and over a free piece before
/// it.
void bump_back(arena& a, box& b, std::uint64_t offset) noexcept {
    const piece_block block = block_with(a, b, offset);
    std::uint32_t first = block.index_of(offset);
    if (b.free_table != 0 && first < block.grains) {
        const std::uint32_t start = block.map().row_start(first);
        if (start != first) {
            lists_of(a, b)->remove(a, block.offset_of(start));
            block.flip(start, first - start, false);
        }
        first = start;
        offset = block.offset_of(first);
    }
    const std::uint64_t room = end_of_bump(b) - offset;
    b.bump_room.store(static_cast<std::uint32_t>(room), std::memory_order_relaxed);
    b.bump.store(offset, std::memory_order_relaxed);
    if (block.owner && offset == block.start + block.header_bytes())
        remove_bump_chunk(a, b, *block.owner);
}

void merge_freed(arena& a, box& b, free_lists& lists, std::uint64_t offset,
                 std::uint32_t grains) noexcept {
    const piece_block block = block_with(a, b, offset);
    const std::uint32_t at = block.index_of(offset);
    if (at + grains > block.grains) return;  // freed only with the box
    const std::uint32_t first = block.map().row_start(at);
    std::uint32_t end = at + grains;
    if (first != at) lists.remove(a, block.offset_of(first));
    if (end != block.grains && block.map().has(end)) end += lists.remove(a, block.offset_of(end));
    block.flip(at, grains, true);
    if (block.is_all_free() && remove_chunk(a, b, *block.owner)) return;
    lists.insert(a, block.offset_of(first), end - first);
}

void free_small(arena& a, box& b, std::uint64_t offset, std::size_t size_bytes) noexcept {
    if (offset + size_bytes == b.bump.load(std::memory_order_relaxed))
        return bump_back(a, b, offset);
    free_lists* lists = lists_of(a, b);
    if (!lists) lists = open_lists(a, b);
    if (lists) merge_freed(a, b, *lists, offset, grains_in(size_bytes));
}

/// The chunk that contains only this allocation; null when there is none.
chunk* chunk_of_single(arena& a, std::uint64_t offset) noexcept {
    if (space_start(a, offset) + sizeof(chunk) != offset) return nullptr;
    auto* const c = a.at<chunk>(offset - sizeof(chunk));
    const bool is_own =
        c->magic.load(std::memory_order_relaxed) == magic_chunk && c->kind == chunk::single;
    return is_own ? c : nullptr;
}

/// Frees the chunk of a single allocation. If the pool cannot take it back now, it is freed with
/// its box. The chunk's `left` moves to another chunk.
void free_single(arena& a, box& b, chunk& c) noexcept {
    const std::uint64_t left = c.left;
    const std::uint64_t behind = c.next.load(std::memory_order_relaxed);
    if (!remove_chunk(a, b, c) || left <= chunk::left_nothing) return;
    const std::uint64_t heir = behind != 0 ? behind : b.chunks.load(std::memory_order_relaxed);
    if (heir != 0 && a.at<chunk>(heir)->left <= chunk::left_nothing) a.at<chunk>(heir)->left = left;
}

// Allocating.

void* allocate_single(thread_lane& l, box& b, std::size_t size_bytes) {
    return &add_chunk(l, b, size_bytes + sizeof(chunk), chunk::single) + 1;
}

/// Each further chunk is twice as large as the last one, within limits. Behind one whose size was
/// guessed little is needed.
std::size_t next_chunk_bytes(arena& a, box& b, std::size_t needed) noexcept {
    const std::uint64_t last_byte = end_of_bump(b) - 1;
    const bool is_first = last_byte - b.self < space_bytes(a, b.self);
    const std::size_t last = space_bytes(a, is_first ? b.self : space_start(a, last_byte));
    const bool was_guessed = !is_first && last > largest_growth && last < a.largest_block();
    const std::size_t wanted = was_guessed ? region_largest_small : 2 * last;
    return std::max(
        std::clamp(wanted, region_largest_small, std::min(largest_growth, a.largest_block())),
        needed + sizeof(chunk));
}

void bump_in_chunk(arena& a, box& b, std::uint64_t offset) noexcept {
    const std::size_t size_bytes = space_bytes(a, offset);
    const std::size_t header = pieces_header_bytes(size_bytes);
    b.bump.store(offset + header, std::memory_order_relaxed);
    b.bump_room.store(static_cast<std::uint32_t>(size_bytes - header), std::memory_order_relaxed);
}

void open_chunk(thread_lane& l, box& b, std::size_t needed) {
    arena& a = *l.pool;
    const chunk& c = add_chunk(l, b, next_chunk_bytes(a, b, needed), chunk::pieces);
    if (free_lists* const lists = lists_of(a, b))
        file_room(a, b, *lists, b.bump.load(std::memory_order_relaxed));
    bump_in_chunk(a, b, a.offset_of(&c));
}

/// The first further chunk of a box, as large as what the thread's boxes mostly need. False when
/// that is not known, or the pool has no block of that size at hand.
bool open_usual_chunk(thread_lane& l, box& b, std::size_t needed) {
    arena& a = *l.pool;
    const std::size_t size_bytes =
        std::min<std::size_t>(usual_size.usual_bytes(), a.largest_block());
    if (b.chunks.load(std::memory_order_relaxed) != 0 || a.size_bytes < least_bytes_for_guesses ||
        size_bytes < needed + pieces_header_bytes(size_bytes))
        return false;
    const std::uint64_t offset = try_to_add_chunk(l, b, size_bytes, chunk::pieces);
    if (offset == 0) return false;
    bump_in_chunk(a, b, offset);
    return true;
}

}  // namespace

void* region_allocate_elsewhere(box& b, std::size_t size_bytes) {
    arena& a = arena_of(b);
    if (size_bytes > a.size_bytes) throw_exhausted(a, size_bytes);
    const std::size_t size = rounded(size_bytes);
    const bool is_large = size > region_largest_small;
    free_lists* const lists = lists_of(a, b);
    // A program that has freed memory of this box will free this, too. With a chunk of its own, the
    // memory goes back to the pool at once.
    if (lists && is_large) return allocate_single(lane_of_thread(a), b, size);
    if (lists)
        if (void* const freed = take_freed(a, b, *lists, size)) return freed;
    if (void* const fresh = region_bump(b, size)) return fresh;
    thread_lane& l = lane_of_thread(a);
    if (!lists && open_usual_chunk(l, b, size)) return region_bump(b, size);
    if (is_large) return allocate_single(l, b, size);
    open_chunk(l, b, size);
    return region_bump(b, size);
}

void region_deallocate(box& b, void* memory, std::size_t size_bytes) noexcept {
    arena& a = arena_of(b);
    const std::size_t size = rounded(size_bytes);
    const std::uint64_t offset = a.offset_of(memory);
    chunk* const own = size > region_largest_small ? chunk_of_single(a, offset) : nullptr;
    if (own)
        free_single(a, b, *own);
    else
        free_small(a, b, offset, size);
    if (free_lists* const lists = lists_of(a, b)) close_lists_if_idle(a, b, *lists);
}

}  // namespace valpool::detail
