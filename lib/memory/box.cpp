#include <valpool/detail/box.hpp>

#include "base/kill_point.hpp"
#include "base/prefetch.hpp"
#include "memory/box_lock.hpp"
#include "memory/hold.hpp"
#include "memory/recovery.hpp"
#include "memory/slab.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace valpool::detail {
namespace {

void free_chunks(arena& a, lane_heap& heap, std::uint64_t first) noexcept {
    for (std::uint64_t c = first; c != 0;) {
        const std::uint64_t next = a.at<chunk>(c)->next.load(std::memory_order_relaxed);
        free_space(a, heap, c);
        c = next;
    }
}

/// Gives references up; boxes that nobody else has join the work list.
struct release_work {
    arena& a;
    std::uint64_t& work;

    static void one(void* self, std::uint64_t offset) noexcept {
        auto& [a, work] = *static_cast<release_work*>(self);
        box& target = *a.at<box>(offset);
        if (target.refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        target.next_work = work;
        work = offset;
    }
};

void release_targets(arena& a, std::uint64_t first, std::uint64_t& work) noexcept {
    release_work context{a, work};
    for (std::uint64_t n = first; n != 0;) {
        const out_ref& node = *a.at<out_ref>(n);
        n = node.next.load(std::memory_order_relaxed);
        release_work::one(&context, node.target);
    }
}

/// A list instead of recursion: boxes may form chains of any length. Nothing reaches these boxes
/// any more, so a crash here leaves blocks that recovery sweeps.
void free_boxes(arena& a, lane_heap& heap, std::uint64_t first) noexcept {
    a.at<box>(first)->next_work = 0;
    for (std::uint64_t work = first; work != 0;) {
        const std::uint64_t offset = work;
        box& b = *a.at<box>(offset);
        work = b.next_work;
        VALPOOL_KILL_POINT("box.freeing");
        release_targets(a, b.out_refs.load(std::memory_order_relaxed), work);
        release_work packets{a, work};
        if (b.root_tag == queue_root_tag) queue_hooks.visit_box(a, b, release_work::one, &packets);
        free_chunks(a, heap, b.chunks.load(std::memory_order_relaxed));
        VALPOOL_KILL_POINT("box.freed_chunks");
        b.magic.store(0, std::memory_order_relaxed);
        free_space(a, heap, offset);
    }
}

/// Behind a root object of that size, of a box's first chunk.
std::uint32_t room_behind(std::size_t root_bytes, std::size_t size_bytes) noexcept {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(size_bytes - box_header_bytes - root_bytes, most));
}

/// Written at once, not field by field atomically: nobody sees it before its entry is written.
[[gnu::always_inline]] inline box& open_box(arena& a, std::uint64_t offset, std::size_t size_bytes,
                                            std::size_t root_bytes) noexcept {
    return *new (a.at<void>(offset)) box{.magic = magic_box,
                                         .refs = 1,
                                         .self = offset,
                                         .chunks = 0,
                                         .out_refs = 0,
                                         .free_table = 0,
                                         .next_work = 0,
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

hold* make_hold(thread_lane& l, deadline until) {
    const gate_limit limit(l, until.is_never() ? l.gate_until : until);
    auto fresh = std::make_unique<hold>();
    fresh->entry = take_entry(l);
    fresh->at = l.at;
    return fresh.release();
}

void return_hold(thread_lane& l, hold* h) noexcept {
    if (l.spare_holds.put(h)) return;
    return_entry(l, h->entry);
    delete h;
}

void new_hold::clear_entry() noexcept { detail::clear_entry(*hold_); }

void clear_entry(hold& h) noexcept {
    h.at->ledger.entry(h.entry).store(0, std::memory_order_release);
    VALPOOL_KILL_POINT("hold.cleared_entry");
}

void end_hold(thread_lane& l, hold* h) noexcept {
    attachment& at = *h->at;
    return_hold(l, h);
    if (at.orphaned.load(std::memory_order_relaxed)) hold_has_gone(at);
}

void release_reference(arena& a, lane_heap& heap, box& b) noexcept {
    // Alone with it, nobody can be counting at the same time. Acquire and release: what the others
    // did to the box comes before its memory is used again.
    if (b.refs.load(std::memory_order_acquire) != 1 &&
        b.refs.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    VALPOOL_KILL_POINT("box.dropped_last");
    const bool is_one_block = b.chunks.load(std::memory_order_relaxed) == 0 &&
                              b.out_refs.load(std::memory_order_relaxed) == 0 &&
                              b.root_tag != queue_root_tag;
    if (!is_one_block) return free_boxes(a, heap, b.self);
    b.magic.store(0, std::memory_order_relaxed);
    free_space(a, heap, b.self);
}

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
/// From what the lane has set aside; null when that is used up, or when the gate is closed.
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
    // The lines of those to come are another processor's, where a reader has let go of them. They
    // take longer than it takes to make one box.
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

hold* hold_box(box& b) {
    arena& a = arena_of(b);
    thread_lane& l = lane_of_thread(a);
    new_hold h(l);
    const inside pass(l);
    b.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("hold.counted");
    h.write_entry(b.self);
    VALPOOL_KILL_POINT("hold.wrote_entry");
    return h.release(b);
}

namespace {
/// False when the gate is closed for too long.
[[gnu::always_inline]] inline bool try_give_back(thread_lane& l, hold& h) noexcept {
    if (!l.try_enter() && !enter_soon(l)) return false;
    const leave_later pass(l);
    clear_entry(h);
    release_reference(*l.pool, *l.heap, *h.target);
    return true;
}
}  // namespace

void drop_handle(hold* h) noexcept {
    if (h->handles.load(std::memory_order_acquire) != 1 &&
        h->handles.fetch_sub(1, std::memory_order_acq_rel) != 1)
        return;
    if (h->at->lost.load(std::memory_order_relaxed)) {
        delete h;
        return;
    }
    try {
        thread_lane& l = lane_of_thread(*h->at->pool, deadline::in_seconds(0));
        if (!try_give_back(l, *h)) return keep_for_later(h);
        end_hold(l, h);
    } catch (const PoolStalled&) {
        keep_for_later(h);
    } catch (const std::exception&) {
        // No lane is left for this thread: the reference lasts until the process ends.
    }
}

void keep_for_later(hold* h) noexcept {
    const std::lock_guard guard(h->at->late_mutex);
    try {
        h->at->late_holds.push_back(h);
    } catch (const std::bad_alloc&) {
        // The reference lasts until the process ends.
    }
}

void give_back_late_holds(thread_lane& l) noexcept {
    attachment& at = *l.at;
    std::vector<hold*> late;
    {
        const std::lock_guard guard(at.late_mutex);
        late.swap(at.late_holds);
    }
    for (hold* const h : late) {
        const bool is_pipe = is_named_queue(*h->target);
        if (!try_give_back(l, *h)) {
            keep_for_later(h);
            continue;
        }
        if (is_pipe) l.pool->pipes_due.store(1, std::memory_order_relaxed);
        return_hold(l, h);
    }
}

out_ref* add_out_ref(box& from, box& to) {
    arena& a = arena_of(from);
    auto* const node = new (region_allocate(from, sizeof(out_ref))) out_ref;
    thread_lane& l = lane_of_thread(a);
    const inside pass(l);
    node->prev = 0;
    node->target = to.self;
    node->self = a.offset_of(node);
    const std::uint64_t head = from.out_refs.load(std::memory_order_relaxed);
    node->next.store(head, std::memory_order_relaxed);
    publish(to);
    to.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("out_ref.counted");
    from.out_refs.store(node->self, std::memory_order_release);
    VALPOOL_KILL_POINT("out_ref.linked");
    if (head != 0) a.at<out_ref>(head)->prev = node->self;
    return node;
}

void remove_out_ref(box& from, out_ref* node) noexcept {
    arena& a = arena_of(from);
    try {
        thread_lane& l = lane_of_thread(a);
        const maybe_inside pass(l);
        if (!pass) return;  // the reference goes with its box
        const std::uint64_t next = node->next.load(std::memory_order_relaxed);
        auto& link = node->prev == 0 ? from.out_refs : a.at<out_ref>(node->prev)->next;
        link.store(next, std::memory_order_release);
        VALPOOL_KILL_POINT("out_ref.unlinked");
        if (next != 0) a.at<out_ref>(next)->prev = node->prev;
        release_reference(a, *l.heap, *a.at<box>(node->target));
    } catch (const std::exception&) {
        return;  // no lane for this thread: the reference goes with its box
    }
    region_deallocate(from, node, sizeof(out_ref));
}

box& target_of(const out_ref& node) noexcept {
    const char* const start = reinterpret_cast<const char*>(&node) - node.self;
    return *reinterpret_cast<box*>(const_cast<char*>(start) + node.target);
}

void reset_box(box& b, std::size_t root_bytes, void (*construct)(box&)) {
    arena& a = arena_of(b);
    thread_lane& l = lane_of_thread(a);
    // Until there is a new root: whoever dies before leaves it poisoned.
    b.poisoned.store(true, std::memory_order_release);
    VALPOOL_KILL_POINT("box.reset_begun");
    forget_the_dead(l, b);
    {
        const inside pass(l);
        const std::uint64_t old_chunks = b.chunks.load(std::memory_order_relaxed);
        const std::uint64_t old_references = b.out_refs.load(std::memory_order_relaxed);
        // Off the lists first: what is still listed must never be counted too low.
        b.out_refs.store(0, std::memory_order_release);
        VALPOOL_KILL_POINT("box.reset_targets");
        b.chunks.store(0, std::memory_order_release);
        VALPOOL_KILL_POINT("box.reset_chunks");
        std::uint64_t work = 0;
        release_targets(a, old_references, work);
        free_chunks(a, *l.heap, old_chunks);
        b.free_table = 0;
        b.bump = b.self + box_header_bytes + root_bytes;
        b.bump_room = room_behind(root_bytes, space_bytes(a, b.self));
        while (work != 0) {
            const std::uint64_t next = a.at<box>(work)->next_work;
            free_boxes(a, *l.heap, work);
            work = next;
        }
    }
    construct(b);
    VALPOOL_KILL_POINT("box.reset_root");
    b.poisoned.store(false, std::memory_order_release);
}

}  // namespace valpool::detail
