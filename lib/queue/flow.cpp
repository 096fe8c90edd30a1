#include "queue/flow.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "process/gate.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace valpool::detail {
namespace {

/// Calls visit(record, bytes of its block) for each record of the pipe. In a damaged pool, ends
/// where the list makes no sense.
template <class Visitor>
void for_each_record(const arena& a, const pipe& p, Visitor visit) {
    std::uint32_t left = a.lane_count;
    for (std::uint64_t o = p.root.chunks.load(std::memory_order_acquire); o != 0 && left != 0;
         --left) {
        if (!a.in_pages(o) || o % alignof(flow_record) != 0 ||
            sizeof(chunk) + sizeof(flow_record) > a.size_bytes - o)
            return;
        const chunk& c = *a.at<chunk>(o);
        if (c.magic.load(std::memory_order_relaxed) != magic_chunk) return;
        visit(*reinterpret_cast<const flow_record*>(&c + 1), o);
        o = c.next.load(std::memory_order_relaxed);
    }
}

double seconds(std::uint64_t ns) noexcept { return static_cast<double>(ns) * 1e-9; }

double seconds_since(pass_note last, std::int64_t now_ms) noexcept {
    if (last.is_never()) return std::numeric_limits<double>::infinity();
    return static_cast<double>(std::max<std::int64_t>(now_ms - last.ms(), 0)) * 1e-3;
}

last_passes passes_in(const flow_record& r) noexcept {
    return {pass_note(r.last_in.load(std::memory_order_relaxed)),
            pass_note(r.last_out.load(std::memory_order_relaxed))};
}

void keep_later(pass_note& last, pass_note other) noexcept {
    if (other.word() > last.word()) last = other;
}

flow_record* find_record(arena& a, pipe& p, std::uint32_t lane) noexcept {
    const flow_record* found = nullptr;
    for_each_record(a, p, [&](const flow_record& r, std::uint64_t) {
        if (r.lane == lane) found = &r;
    });
    return const_cast<flow_record*>(found);
}

/// Null when there is no memory, or the gate is closed.
flow_record* make_record(thread_lane& l, pipe& p) noexcept {
    arena& a = *l.pool;
    const maybe_inside pass(l);
    if (!pass) return nullptr;
    const bool has_name = is_named_queue(p.root);
    const std::uint64_t offset = allocate_space(a, *l.heap, sizeof(chunk) + sizeof(flow_record),
                                                has_name ? page_use::pipes : page_use::values);
    if (offset == 0) return nullptr;
    VALPOOL_KILL_POINT("flow.allocated");
    auto& c = *new (a.at<void>(offset)) chunk{};
    auto& r = *new (&c + 1) flow_record{};
    r.lane = l.index;
    c.kind = chunk::single;
    c.left = chunk::left_nothing;
    c.magic.store(magic_chunk, std::memory_order_relaxed);
    std::uint64_t head = p.root.chunks.load(std::memory_order_relaxed);
    do c.next.store(head, std::memory_order_relaxed);
    // Release: a thread that finds the record finds it complete.
    while (!p.root.chunks.compare_exchange_weak(head, offset, std::memory_order_acq_rel));
    VALPOOL_KILL_POINT("flow.linked");
    if (has_name) a.system_bytes.fetch_add(space_bytes(a, offset), std::memory_order_relaxed);
    return &r;
}

}  // namespace

void add_up_records(const arena& a, const pipe& p, PipeCounters& sum) noexcept {
    const auto of = [](const auto& figure) { return figure.load(std::memory_order_relaxed); };
    for_each_record(a, p, [&](const flow_record& r, std::uint64_t) {
        sum.bytes_in += of(r.in.bytes);
        sum.bytes_out += of(r.out.bytes);
        sum.dropped += of(r.dropped);
        sum.redelivered += of(r.redelivered);
        sum.enqueue_waits += of(r.enqueue_waits);
        sum.dequeue_waits += of(r.dequeue_waits);
        sum.enqueue_wait_s += seconds(of(r.enqueue_wait_ns));
        sum.dequeue_wait_s += seconds(of(r.dequeue_wait_ns));
        sum.high_water = std::max<std::size_t>(sum.high_water, of(r.high_water));
    });
    const last_passes last = last_passes_of(a, p);
    const std::int64_t now = coarse_now_ms();
    sum.since_last_enqueue_s = seconds_since(last.in, now);
    sum.since_last_dequeue_s = seconds_since(last.out, now);
}

void add_up(const arena& a, const pipe& p, PipeCounters& sum) noexcept {
    add_up_records(a, p, sum);
    const passed_packets passed = packets_passed(p);
    sum.packets_in = passed.in;
    sum.packets_out = passed.out;
}

last_passes last_passes_of(const arena& a, const pipe& p) noexcept {
    last_passes last;
    for_each_record(a, p, [&](const flow_record& r, std::uint64_t) {
        keep_later(last.in, passes_in(r).in);
        keep_later(last.out, passes_in(r).out);
    });
    return last;
}

void visit_passes(const arena& a, const pipe& p,
                  const std::function<void(const last_passes&)>& visit) {
    for_each_record(a, p, [&](const flow_record& r, std::uint64_t) { visit(passes_in(r)); });
}

std::size_t flow_bytes(const arena& a, const pipe& p) noexcept {
    std::size_t bytes = 0;
    for_each_record(a, p, [&](const flow_record&, std::uint64_t o) { bytes += space_bytes(a, o); });
    return bytes;
}

flow_record* flow_meter::record_elsewhere(thread_lane& l) noexcept {
    // Where there was no memory, asking at every packet would cost more than the packet.
    if (pause_.load(std::memory_order_relaxed) != 0) {
        pause_.fetch_sub(1, std::memory_order_relaxed);
        return nullptr;
    }
    flow_record* r = find_record(arena_, pipe_, l.index);
    if (!r) r = make_record(l, pipe_);
    if (r)
        records_[l.index % kept].store(r, std::memory_order_release);
    else
        pause_.store(1000, std::memory_order_relaxed);
    return r;
}

void flow_meter::slept(thread_lane& l, why reason, std::uint64_t ns) noexcept {
    flow_record* const r = record_of(l);
    if (!r) return;
    const bool is_writer = reason == why::no_room;
    add(is_writer ? r->enqueue_waits : r->dequeue_waits, 1);
    add(is_writer ? r->enqueue_wait_ns : r->dequeue_wait_ns, ns);
    (is_writer ? r->in : r->out).due.store(0, relaxed);
}

void flow_meter::note_in(flow_record& r, std::uint32_t pid, side_memory& seen) noexcept {
    r.last_in.store(pass_note(coarse_now_ms(), pid).word(), relaxed);
    r.in.due.store(due_after(r.in), relaxed);
    // The remembered cursor is behind the true one, so this is never too low.
    const std::uint64_t depth = seen.next.load(relaxed) - seen.other.load(relaxed);
    if (depth > std::max(r.high_water.load(relaxed), pipe_.capacity / 8)) note_depth(r, seen);
}

void flow_meter::note_out(flow_record& r, std::uint32_t pid) noexcept {
    r.last_out.store(pass_note(coarse_now_ms(), pid).word(), relaxed);
    r.out.due.store(due_after(r.out), relaxed);
}

/// Reads the readers' cursor, so this is for when it may matter.
void flow_meter::note_depth(flow_record& r, side_memory& seen) noexcept {
    const std::uint64_t head = pipe_.head.load(relaxed);
    seen.other.store(head, relaxed);
    const std::uint64_t depth = seen.next.load(relaxed) - head;
    if (depth <= pipe_.capacity && depth > r.high_water.load(relaxed))
        r.high_water.store(depth, relaxed);
}

}  // namespace valpool::detail
