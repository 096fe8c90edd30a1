#include "object/box.hpp"

#include "base/kill_point.hpp"
#include "base/prefetch.hpp"
#include "object/box_owner.hpp"
#include "object/hold.hpp"
#include "object/release.hpp"
#include "process/reclaim.hpp"

#include <algorithm>
#include <limits>

namespace valpool::detail {

namespace {

/// Bytes behind a root object of `root_bytes` in the first chunk of a box.
std::uint32_t room_behind(std::size_t root_bytes, std::size_t size_bytes) noexcept {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(size_bytes - box_header_bytes - root_bytes, most));
}

/// Writes the header at once instead of field by field atomically: nobody sees the box before its
/// ledger entry is written.
[[gnu::always_inline]] inline box& open_box(arena& a, std::uint64_t offset, std::size_t size_bytes,
                                            std::size_t root_bytes) noexcept {
    return *new (a.at<void>(offset)) box{.magic = magic_box,
                                         .refs = 1,
                                         .self = offset,
                                         .chunks = 0,
                                         .out_refs = 0,
                                         .free_table = 0,
                                         .bytes = 0,
                                         .bump = offset + box_header_bytes + root_bytes,
                                         .bump_room = room_behind(root_bytes, size_bytes),
                                         .lock_word = 0,
                                         .mutator = 0,
                                         .poisoned = false,
                                         .published = false,
                                         .root_tag = 0,
                                         .root_subtype = 0,
                                         .lock_depth = 0};
}

}  // namespace

StreamingPool* pool_of(const box& b) noexcept { return &arena_of(const_cast<box&>(b)); }

hold* create_large_box(arena& a, std::size_t size_bytes, std::size_t root_bytes, page_use use) {
    thread_lane& l = lane_of_thread(a);
    new_hold h(l);
    const std::uint64_t offset = find_or_throw(l, size_bytes, [&] {
        const inside pass(l);
        const std::uint64_t found = allocate_space(a, *l.heap, size_bytes, use);
        if (found == 0) return found;
        VALPOOL_KILL_POINT("box.allocated");
        h.write_entry(open_box(a, found, space_bytes(a, found), root_bytes).self);
        VALPOOL_KILL_POINT("box.wrote_large_entry");
        return found;
    });
    return h.release(*a.at<box>(offset));
}

namespace {
/// Makes a box in a block of the lane's reserve; null when the reserve is empty or the gate is
/// closed.
hold* create_box_at_once(arena& a, unsigned size_class, std::size_t root_bytes) {
    thread_lane& l = lane_of_thread(a);
    new_hold h(l);
    if (!l.try_enter()) [[unlikely]]
        return nullptr;
    const leave_later pass(l);
    const reserved_block taken = take_reserved(a, *l.heap, size_class);
    if (taken.offset == 0) return nullptr;
    VALPOOL_KILL_POINT("box.reserved");
    box& b = open_box(a, taken.offset, size_of_class[size_class], root_bytes);
    h.write_entry(taken.offset);
    VALPOOL_KILL_POINT("box.wrote_entry");
    // The cache lines of the next blocks may still be in the cache of another processor, where a
    // reader has freed them. To fetch them takes longer than to make one box, so this prefetches
    // the block after the next one.
    if (taken.after_next != 0) prefetch_to_write(a.at<void>(taken.after_next), usual_box_bytes);
    return h.release(b);
}
}  // namespace

hold* create_box(StreamingPool& pool, root_size size) {
    arena& a = arena_of(pool);
    const std::size_t least = box_header_bytes + size.root_bytes;
    std::size_t size_bytes = std::max(size.first_chunk_bytes, least);
    if (size_bytes > certain_block_bytes) {
        const std::size_t largest = a.largest_block();
        if (least > largest) return create_large_box(a, size_bytes, size.root_bytes);
        size_bytes = std::min(size_bytes, largest);
    }
    if (hold* const h = create_box_at_once(a, size_class_of(size_bytes), size.root_bytes)) return h;
    return create_large_box(a, size_bytes, size.root_bytes);
}

void reset_box(box& b, std::size_t root_bytes, void (*construct)(box&)) {
    arena& a = arena_of(b);
    thread_lane& l = lane_of_thread(a);
    // The box stays poisoned until it has a new root, even if this process dies before.
    b.poisoned.store(true, std::memory_order_release);
    VALPOOL_KILL_POINT("box.reset_begun");
    forget_the_dead(l, b);
    {
        const inside pass(l);
        const std::uint64_t old_chunks = b.chunks.load(std::memory_order_relaxed);
        const std::uint64_t old_references = b.out_refs.load(std::memory_order_relaxed);
        // Empty the lists first: a reference that is still listed must never be counted too low.
        b.out_refs.store(0, std::memory_order_release);
        VALPOOL_KILL_POINT("box.reset_targets");
        b.chunks.store(0, std::memory_order_release);
        VALPOOL_KILL_POINT("box.reset_chunks");
        std::uint64_t work = 0;
        release_targets(a, old_references, work);
        free_chunks(a, *l.heap, old_chunks);
        b.free_table = 0;
        b.bump.store(b.self + box_header_bytes + root_bytes, std::memory_order_relaxed);
        b.bump_room.store(room_behind(root_bytes, space_bytes(a, b.self)),
                          std::memory_order_relaxed);
        while (work != 0) {
            const std::uint64_t next = a.at<box>(work)->bytes.load(std::memory_order_relaxed);
            free_boxes(a, *l.heap, work);
            work = next;
        }
    }
    construct(b);
    VALPOOL_KILL_POINT("box.reset_root");
    b.poisoned.store(false, std::memory_order_release);
}

}  // namespace valpool::detail
