#include "object/hold.hpp"

#include <valpool/base/error.hpp>
#include <valpool/object/detail/hold.hpp>

#include "base/kill_point.hpp"
#include "object/release.hpp"
#include "process/references.hpp"

#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace valpool::detail {

namespace {

/// False when the gate is closed for too long.
[[gnu::always_inline]] inline bool try_give_back(thread_lane& l, hold& h) noexcept {
    if (!l.try_enter() && !enter_soon(l)) return false;
    const leave_later pass(l);
    clear_entry(h);
    release_reference(*l.pool, *l.heap, *h.target);
    return true;
}

/// Keeps a hold without handles that could not be given back because the gate was closed.
void keep_for_later(hold* h) noexcept {
    const std::lock_guard guard(h->at->late_mutex);
    try {
        h->at->late_holds.push_back(h);
    } catch (const std::bad_alloc&) {
        // The reference lasts until the process ends.
    }
}

class box_references final : public reference_keeper {
public:
    void count(thread_lane& l, std::atomic<std::uint64_t>& entry,
               std::uint64_t box_offset) override {
        const inside pass(l);
        box& b = *l.pool->at<box>(box_offset);
        publish(b);
        b.refs.fetch_add(1, std::memory_order_relaxed);
        VALPOOL_KILL_POINT("fork.counted");
        entry.store(box_offset, std::memory_order_release);
    }
    void release(thread_lane& l, std::atomic<std::uint64_t>& entry) noexcept override {
        arena& a = *l.pool;
        box& b = *a.at<box>(entry.load(std::memory_order_relaxed));
        const bool was_listed = is_listed(b);
        entry.store(0, std::memory_order_relaxed);
        release_reference(a, *l.heap, b);
        if (was_listed) a.pipes_due.store(1, std::memory_order_relaxed);
    }
    void give_back_late(thread_lane& l) noexcept override {
        attachment& at = *l.at;
        std::vector<hold*> late;
        {
            const std::lock_guard guard(at.late_mutex);
            late.swap(at.late_holds);
        }
        for (hold* const h : late) {
            const bool was_listed = is_listed(*h->target);
            if (!try_give_back(l, *h)) {
                keep_for_later(h);
                continue;
            }
            if (was_listed) l.pool->pipes_due.store(1, std::memory_order_relaxed);
            return_hold(l, h);
        }
    }
};
constinit box_references references;

}  // namespace

hold* make_hold(thread_lane& l, deadline until) {
    const gate_limit limit(l, until.is_never() ? l.gate_until : until);
    set_reference_keeper(references);
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

}  // namespace valpool::detail
