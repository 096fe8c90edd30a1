#include "queue/directory.hpp"

#include <valpool/object/detail/hold.hpp>

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "object/box.hpp"
#include "object/release.hpp"
#include "object/root_provider.hpp"
#include "queue/flow.hpp"
#include "queue/leases.hpp"
#include "queue/taps.hpp"
#include "recovery/recovery.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>

namespace valpool::detail {
namespace {

// --- the list ----------------------------------------------------------------------------------

/// May be called outside, too: it stops where the list makes no sense, because somebody may be
/// changing the list.
template <class Visitor>
void for_each_pipe(arena& a, Visitor visit) noexcept {
    std::uint64_t left = a.page_count * std::uint64_t{64};
    for (std::uint64_t o = a.pipes.load(std::memory_order_acquire); left-- != 0 && o != 0;) {
        if (!pipe_at(a, o)) return;
        pipe& p = *a.at<pipe>(o);
        o = p.next.load(std::memory_order_relaxed);
        visit(p);
    }
}

/// Publishes the pipe unless there is already one of that name, which is then returned. Inside.
pipe* link_pipe(arena& a, pipe& p) noexcept {
    std::uint64_t newest = a.pipes.load(std::memory_order_acquire);
    do {
        if (pipe* const other = find_pipe(a, p.name_view())) return other;
        p.next.store(newest, std::memory_order_relaxed);
        p.removals_before = a.pipe_removals.load(std::memory_order_relaxed);
        // Release: a thread that finds the pipe finds it complete.
    } while (!a.pipes.compare_exchange_weak(newest, p.root.self, std::memory_order_acq_rel));
    VALPOOL_KILL_POINT("pipe.linked");
    return &p;
}

/// The link that leads to the pipe. The pipe must be in the list.
std::atomic<std::uint64_t>& link_to(arena& a, const pipe& p) noexcept {
    std::atomic<std::uint64_t>* link = &a.pipes;
    while (link->load(std::memory_order_relaxed) != p.root.self)
        link = &a.at<pipe>(link->load(std::memory_order_relaxed))->next;
    return *link;
}

// --- removal, with the world stopped -----------------------------------------------------------

/// Removes the pipe and gives up the packets in it.
void take_out(arena& a, lane_heap& heap, pipe& p) noexcept {
    link_to(a, p).store(p.next.load(std::memory_order_relaxed), std::memory_order_release);
    VALPOOL_KILL_POINT("removal.unlinked");
    disconnect_taps(a, p);
    VALPOOL_KILL_POINT("removal.untapped");
    a.pipe_removals.fetch_add(1, std::memory_order_acq_rel);
    const std::uint64_t bytes =
        space_bytes(a, p.root.self) + lease_table_bytes(a, p) + flow_bytes(a, p);
    a.system_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("removal.uncounted");
    p.root.root_subtype = unnamed_queue;  // no stale topic in a seat leads to it
    release_reference(a, heap, p.root);
}

bool is_unheld(const pipe& p) noexcept { return p.root.refs.load(std::memory_order_acquire) == 1; }
bool is_unused(const pipe& p) noexcept {
    return is_unheld(p) && packet_count(p) == 0 && count_leases(p).out == 0;
}

void remove_unheld_pipes(arena& a, lane_heap& heap) noexcept {
    for_each_pipe(a, [&](pipe& p) {
        if (p.root.root_subtype == temporary_queue && is_unheld(p)) take_out(a, heap, p);
    });
}

/// A remover may have died after it had unlinked the pipe and before it disconnected the pipe's
/// taps. Nothing has used the pipe's memory again: the gate has been closed since.
void disconnect_from_removed_pipes(arena& a) noexcept {
    for_each_tap(a, [&](tap& t) {
        const std::uint64_t offset = t.at_pipe.load(std::memory_order_relaxed);
        bool is_there = offset <= tap::ended;
        for_each_pipe(a, [&](const pipe& p) { is_there = is_there || p.root.self == offset; });
        if (!is_there) disconnect(t, *a.at<pipe>(offset));
    });
}

// --- what recovery asks ------------------------------------------------------------------------

/// The named pipe with that topic. Null for an unnamed one, which may be gone by now; threads that
/// wait there check often enough by themselves. Inside.
const pipe* pipe_of_topic(const arena& a, std::uint64_t topic) noexcept {
    const std::uint64_t offset = topic - topic % block_granule;
    return offset != 0 && space_start(a, offset) == offset ? pipe_at(a, offset) : nullptr;
}

/// Enters to look: the waiter may have died, and the pipe may be gone with it.
bool could_go_on(thread_lane& l, std::uint64_t topic) noexcept {
    if (!l.try_enter()) return false;
    const leave_later pass(l);
    const pipe* const p = pipe_of_topic(*l.pool, topic);
    if (!p) return false;
    return topic == p->room_topic() ? has_room(*p) : has_packet(*p);
}

class pipe_roots final : public root_provider {
public:
    void repair_lane(arena& a, std::uint32_t lane_index) noexcept override {
        for_each_pipe(a, [=](pipe& p) {
            p.producers.forget(lane_index);
            p.consumers.forget(lane_index);
        });
        a.seat_at(lane_index).asleep.store(0, std::memory_order_relaxed);
    }

    void settle(arena& a, const slot_set& dead) noexcept override {
        settle_taps(a, dead);
        disconnect_from_removed_pipes(a);
        for_each_pipe(a, [&](pipe& p) { recount_taps(a, p); });
    }

    void visit_roots(arena& a, reference_visitor& visitor) noexcept override {
        for_each_pipe(a, [&](pipe& p) {
            visitor.visit(p.root.self);
            if (const lease_table* const t = lease_table_of(p)) visitor.visit(t->root.self);
        });
        visit_taps(a, visitor);
    }

    void settle_box(arena& a, box& b, const slot_set& dead) noexcept override {
        settle_leases(a, pipe_in(b), dead);
    }

    /// Visits the packets in any order. check() may call this while the pipe is being freed, so the
    /// capacity, from which the cells' places follow, is read only once.
    void visit_box(arena& a, box& b, reference_visitor& visitor) noexcept override {
        if (b.root_tag == tap_root_tag) return visit_tapped_packets(a, b, visitor);
        const pipe& p = pipe_in(b);
        const std::uint64_t capacity = __atomic_load_n(&p.capacity, __ATOMIC_RELAXED);
        if (capacity > a.size_bytes / sizeof(cell) ||
            pipe::size_bytes(capacity) > a.size_bytes - a.offset_of(&b))
            return;
        const auto* const cells = reinterpret_cast<const cell*>(&p + 1);
        for (std::uint64_t i = 0; i < capacity; ++i) {
            const cell& c = cells[i * pipe::stride_for(capacity)];
            const std::uint64_t sequence = c.sequence.load(std::memory_order_relaxed);
            if (is_tag_of_source(sequence))
                visitor.visit(reference_behind_tag(p, c));
            else if ((sequence & 1) != 0 && (sequence & tagged) == 0)
                visitor.visit(c.reference.load(std::memory_order_relaxed));
        }
        visit_leases(p, visitor);
    }

    void remove_unheld(arena& a, lane_heap& heap) noexcept override {
        remove_unheld_pipes(a, heap);
        remove_unheld_taps(a, heap);
    }

    std::uint32_t rouse_sleepers(thread_lane& l) noexcept override {
        arena& a = *l.pool;
        std::array<std::uint64_t, 64> roused;
        std::size_t topics = 0;
        std::uint32_t sleepers = 0;
        for (std::uint32_t i = 0; i < a.lane_count; ++i) {
            seat& s = a.seat_at(i);
            if (s.asleep.load(std::memory_order_acquire) == 0) continue;
            ++sleepers;
            const std::uint64_t topic = s.topic.load(std::memory_order_relaxed);
            const auto end = roused.begin() + static_cast<std::ptrdiff_t>(topics);
            if (topics == roused.size() || std::find(roused.begin(), end, topic) != end) continue;
            if (could_go_on(l, topic) && wake_seat(s, topic)) roused[topics++] = topic;
        }
        return sleepers;
    }
};
constinit pipe_roots all_pipes;

// --- making one --------------------------------------------------------------------------------

void check_size(const arena& a, std::uint64_t capacity) {
    if (capacity > a.size_bytes / sizeof(cell)) throw_exhausted(a, capacity * sizeof(cell));
}

/// A pipe that only the returned hold refers to.
hold* make_pipe(arena& a, const pipe_order& order, page_use use) {
    check_size(a, order.capacity);
    const std::uint64_t size_bytes = pipe::size_bytes(order.capacity);
    hold* const h = create_large_box(a, size_bytes, size_bytes - box_header_bytes, use);
    pipe& p = pipe_in(*h->target);
    std::memset(reinterpret_cast<char*>(&p) + box_header_bytes, 0, sizeof(pipe) - box_header_bytes);
    p.capacity = order.capacity;
    p.cell_stride = pipe::stride_for(order.capacity);
    p.rotation = pipe::rotation_for(order.capacity);
    std::copy(order.name.begin(), order.name.end(), p.name);
    for (std::uint64_t i = 0; i < order.capacity; ++i) {
        p.cell_for(i).sequence.store(2 * i, std::memory_order_relaxed);
        p.cell_for(i).reference.store(0, std::memory_order_relaxed);
    }
    VALPOOL_KILL_POINT("pipe.filled");
    if (!order.name.empty())
        p.root.root_subtype = order.is_temporary ? temporary_queue : named_queue;
    // This comes last: from now on recovery looks for packets.
    std::atomic_signal_fence(std::memory_order_release);
    p.root.root_tag = queue_root_tag;
    VALPOOL_KILL_POINT("pipe.made");
    return h;
}

/// Links the pipe into the directory. If the directory already has one of that name, the hold moves
/// to that one.
void link_or_replace(arena& a, hold& h) {
    thread_lane& l = lane_of_thread(a);
    const inside pass(l);
    box& own = *h.target;
    publish(own);
    // The directory's reference is counted before it exists.
    own.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("pipe.counted");
    box& linked = link_pipe(a, pipe_in(own))->root;
    if (&linked == &own) {
        a.system_bytes.fetch_add(space_bytes(a, own.self), std::memory_order_relaxed);
        connect_taps(a, pipe_in(own));
        return;
    }
    connect_taps(a, pipe_in(linked));
    linked.refs.fetch_add(1, std::memory_order_relaxed);
    h.at->ledger.entry(h.entry).store(linked.self, std::memory_order_release);
    h.target = &linked;
    own.refs.fetch_sub(1, std::memory_order_relaxed);
    release_reference(a, *l.heap, own);
}

[[noreturn]] void throw_other_capacity(std::string_view name, std::uint64_t its,
                                       std::uint64_t wanted) {
    throw std::logic_error("the pipe " + quoted(std::string(name)) + " exists with a capacity of " +
                           std::to_string(its) + " packets, not " + std::to_string(wanted));
}

bool is_there(thread_lane& l, std::string_view name) {
    const inside pass(l);
    return find_pipe(*l.pool, name) != nullptr;
}

}  // namespace

void register_pipes() noexcept { set_root_provider(all_pipes); }

pipe* find_pipe(arena& a, std::string_view name) noexcept {
    for (std::uint64_t o = a.pipes.load(std::memory_order_acquire); o != 0;) {
        pipe& p = *a.at<pipe>(o);
        if (p.name_view() == name) return &p;
        o = p.next.load(std::memory_order_relaxed);
    }
    return nullptr;
}

const pipe* pipe_at(const arena& a, std::uint64_t offset) noexcept {
    if (!a.in_pages(offset) || offset % block_granule != 0 || a.size_bytes - offset < sizeof(pipe))
        return nullptr;
    const auto& p = *a.at<pipe>(offset);
    const std::uint64_t capacity = __atomic_load_n(&p.capacity, __ATOMIC_RELAXED);
    const bool is_pipe = p.root.magic.load(std::memory_order_acquire) == magic_box &&
                         p.root.self == offset && is_named_queue(p.root) && capacity > 0 &&
                         capacity <= a.size_bytes / sizeof(cell) && p.has_its_shape() &&
                         pipe::size_bytes(capacity) <= a.size_bytes - offset;
    return is_pipe ? &p : nullptr;
}

hold* hold_pipe(arena& a, std::string_view name) {
    thread_lane& l = lane_of_thread(a);
    // A process that waits for a pipe needs no ledger until the pipe exists.
    if (!is_there(l, name)) return nullptr;
    new_hold h(l);
    const inside pass(l);
    pipe* const p = find_pipe(a, name);
    if (!p) return nullptr;
    VALPOOL_KILL_POINT("pipe.found");
    connect_taps(a, *p);
    p->root.refs.fetch_add(1, std::memory_order_relaxed);
    VALPOOL_KILL_POINT("pipe.held");
    h.write_entry(p->root.self);
    return h.release(p->root);
}

hold* open_pipe(arena& a, const pipe_order& order) {
    hold* h = hold_pipe(a, order.name);
    if (!h) {
        h = make_pipe(a, order, page_use::pipes);
        try {
            link_or_replace(a, *h);
        } catch (...) {
            drop_handle(h);
            throw;
        }
    }
    const std::uint64_t capacity = pipe_in(*h->target).capacity;
    if (capacity == order.capacity) return h;
    release_pipe(h);
    throw_other_capacity(order.name, capacity, order.capacity);
}

hold* make_unnamed_pipe(arena& a, std::uint64_t capacity) {
    register_pipes();
    return make_pipe(a, {{}, capacity}, page_use::values);
}

namespace {
void remove_if_unheld(attachment& at, std::uint64_t offset, const removal& how) {
    arena& a = *at.pool;
    thread_lane& l = lane_of_thread(a, deadline::in_seconds(0));
    {
        const maybe_inside pass(l);
        if (!pass) return a.pipes_due.store(1, std::memory_order_relaxed);
        if (!how.is_due(a, offset)) return;
    }
    if (!change_alone(at, [&](lane_heap& heap) { how.remove_all(a, heap); }))
        a.pipes_due.store(1, std::memory_order_relaxed);
}
}  // namespace

void release_and_remove(hold* h, const removal& how) noexcept {
    attachment& at = *h->at;
    const bool is_lost = at.lost.load(std::memory_order_relaxed);
    const std::uint64_t offset = h->target->self;
    drop_handle(h);
    if (is_lost) return;
    try {
        remove_if_unheld(at, offset, how);
    } catch (const std::exception&) {
        // No lane for this thread: the next repair does it.
        at.pool->pipes_due.store(1, std::memory_order_relaxed);
    }
}

void release_pipe(hold* h) noexcept {
    if (h->target->root_subtype != temporary_queue) return drop_handle(h);
    const auto is_due = [](const arena& a, std::uint64_t offset) {
        const pipe* const p = pipe_at(a, offset);
        return p && p->root.root_subtype == temporary_queue && is_unheld(*p);
    };
    release_and_remove(h, {is_due, remove_unheld_pipes});
}

bool remove_pipe(attachment& at, std::string_view name) {
    check_pipe_name(name);
    arena& a = *at.pool;
    constexpr std::chrono::milliseconds longest{200};
    thread_lane& l = lane_of_thread(a);
    const gate_limit limit(l, deadline::in(longest));
    const auto may_go = [&] {
        const inside pass(l);
        const pipe* const p = find_pipe(a, name);
        return p && is_unused(*p);
    };
    bool is_removed = false;
    const auto remove = [&](lane_heap& heap) {
        pipe* const p = find_pipe(a, name);
        is_removed = p && is_unused(*p);
        if (is_removed) take_out(a, heap, *p);
    };
    try {
        if (!may_go()) {
            // The references of a dead process may still be counted.
            if (!is_there(l, name)) return false;
            recover_patiently(at);
            if (!may_go()) return false;
        }
        change_alone(at, remove);
    } catch (const PoolStalled&) {
        return false;
    }
    return is_removed;
}

void check_pipe_name(std::string_view name) {
    if (name.empty()) throw std::logic_error("a pipe needs a name");
    if (name.size() > pipe::longest_name)
        throw std::logic_error("a pipe's name can have " + std::to_string(pipe::longest_name) +
                               " bytes at most; this one has " + std::to_string(name.size()));
    if (name.find('\0') != std::string_view::npos)
        throw std::logic_error("a pipe's name cannot contain a zero byte: " +
                               quoted(std::string(name)));
}

void check_capacity(long long capacity_packets) {
    if (capacity_packets < 1)
        throw std::logic_error("a queue's capacity must be at least one packet, not " +
                               std::to_string(capacity_packets));
}

}  // namespace valpool::detail
