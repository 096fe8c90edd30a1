#include <valpool/object/detail/out_ref.hpp>

#include <valpool/object/detail/region.hpp>

#include "base/kill_point.hpp"
#include "object/release.hpp"
#include "process/gate.hpp"

#include <exception>

namespace valpool::detail {

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

}  // namespace valpool::detail
