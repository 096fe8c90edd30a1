#include "queue/tap_reader.hpp"

#include <valpool/object/detail/hold.hpp>
#include <valpool/value/detail/pack.hpp>

#include "base/kill_point.hpp"
#include "base/word_pair.hpp"
#include "object/box.hpp"
#include "process/fork.hpp"
#include "process/reclaim.hpp"
#include "process/retirement.hpp"
#include "queue/directory.hpp"
#include "recovery/recovery.hpp"
#include "recovery/watch.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace valpool::detail {
namespace {

/// How long the reader waits for a packet after later ones have come. Its producer may have lost
/// its processor in between; or it has been stopped or killed there, and will never write.
constexpr std::chrono::milliseconds longest_gap{20};
// Nobody wakes the reader: that would cost the pipe's users.
constexpr std::chrono::microseconds shortest_nap{50};
constexpr std::chrono::microseconds longest_nap{2000};

/// A tap that only the returned hold refers to.
hold* make_tap(arena& a, const tap_order& order) {
    if (order.depth > a.size_bytes / sizeof(cell)) throw_exhausted(a, a.size_bytes);
    const std::uint64_t size_bytes = tap::size_bytes(order.depth);
    hold* const h = create_large_box(a, size_bytes, size_bytes - box_header_bytes, page_use::pipes);
    tap& t = tap_in(*h->target);
    std::memset(reinterpret_cast<char*>(&t) + box_header_bytes, 0, size_bytes - box_header_bytes);
    t.depth = order.depth;
    // A limit below the smallest packet is a limit, too.
    if (order.most_bytes != 0)
        t.most_units = std::max<std::uint64_t>(order.most_bytes / block_granule, 1);
    std::copy(order.pipe.begin(), order.pipe.end(), t.name);
    VALPOOL_KILL_POINT("tap.filled");
    // This comes last: from now on recovery looks for packets.
    std::atomic_signal_fence(std::memory_order_release);
    t.root.root_tag = tap_root_tag;
    VALPOOL_KILL_POINT("tap.made");
    return h;
}

void check_count(thread_lane& l) {
    std::uint32_t count = 0;
    {
        const inside pass(l);
        for_each_tap(*l.pool, [&](const tap&) { ++count; });
    }
    if (count >= most_taps)
        throw std::runtime_error("a pool can have " + std::to_string(most_taps) +
                                 " taps at most, and this one has as many");
}

/// The mark of the next packet that is put. Inside, or with the world stopped.
std::uint64_t mark_of_next(const arena& a, const tap& t) noexcept {
    const std::uint64_t base = t.base.load(std::memory_order_acquire);
    if (!t.is_connected()) return base;
    return base + next_to_put(*a.at<pipe>(t.at_pipe.load(std::memory_order_relaxed)));
}

void release_tap(hold* h) noexcept {
    const auto is_due = [](const arena& a, std::uint64_t offset) {
        const tap* const t = tap_at(a, offset);
        return t && t->root.refs.load(std::memory_order_acquire) == 1;
    };
    release_and_remove(h, {is_due, remove_unheld_taps});
}

}  // namespace

tap_reader::tap_reader(arena& a, const tap_order& order)
    : arena_(a),
      kept_(make_tap(a, order)),
      tap_(tap_in(*kept_->target)),
      generation_(fork_generation()) {
    try {
        link(order);
    } catch (...) {
        end();
        release_tap(kept_);
        throw;
    }
}

tap_reader::~tap_reader() {
    if (taken_) drop_handle(taken_);
    if (generation_ == fork_generation()) end();
    release_tap(kept_);
}

/// From when this returns, the tap misses nothing. If the pipe exists already, a producer may have
/// looked for taps before this one was there, and be about to put a packet. So this waits until
/// nobody is inside. If it waits in vain, because a process has been stopped there, the packet of
/// that process counts as missed.
void tap_reader::link(const tap_order& order) {
    thread_lane& l = lane_of_thread(arena_);
    check_count(l);
    bool is_there = false;
    {
        const inside pass(l);
        publish(tap_.root);
        tap_.owner.store(l.at->slot + 1, std::memory_order_relaxed);
        // The list's reference is counted before it exists.
        tap_.root.refs.fetch_add(1, std::memory_order_relaxed);
        VALPOOL_KILL_POINT("tap.counted");
        std::uint64_t newest = arena_.taps.load(std::memory_order_acquire);
        do {
            tap_.next.store(newest, std::memory_order_relaxed);
            // Release: who finds the tap finds it complete. A full barrier: either this thread
            // finds the pipe below, or who links the pipe finds the tap.
        } while (!arena_.taps.compare_exchange_weak(newest, tap_.root.self));
        VALPOOL_KILL_POINT("tap.linked");
        arena_.system_bytes.fetch_add(space_bytes(arena_, tap_.root.self),
                                      std::memory_order_relaxed);
        if (pipe* const p = find_pipe(arena_, order.pipe)) {
            is_there = true;
            connect(tap_, *p);
        }
    }
    if (is_there) begin_at_tail();
}

void tap_reader::begin_at_tail() {
    const auto begin = [&] { next_ = mark_of_next(arena_, tap_); };
    if (change_alone(*kept_->at, [&](lane_heap&) { begin(); })) return;
    const inside pass(lane_of_thread(arena_));
    begin();
}

/// Disconnects the tap for ever and gives up what is in it, a few cells at a time, so that nobody
/// waits long for this thread to leave.
void tap_reader::end() noexcept {
    constexpr std::uint64_t at_once = 64;
    try {
        thread_lane& l = lane_of_thread(arena_, deadline::in_seconds(0));
        for (std::uint64_t i = 0; i < tap_.depth; i += at_once) {
            const maybe_inside pass(l);
            if (!pass) return;  // what is left is given up with the tap
            const std::uint64_t before =
                tap_.at_pipe.exchange(tap::ended, std::memory_order_acq_rel);
            VALPOOL_KILL_POINT("tap.ended");
            if (before > tap::ended)
                arena_.at<pipe>(before)->attention.fetch_sub(attention_tap,
                                                             std::memory_order_relaxed);
            const std::uint64_t end = std::min(i + at_once, tap_.depth);
            for (std::uint64_t m = i; m < end; ++m) {
                cell& c = tap_.cell_for(m);
                drop_cell(l, tap_, c, c.sequence.load(std::memory_order_acquire));
            }
        }
    } catch (const std::exception&) {
        // No lane for this thread: the tap is emptied when it is removed.
    }
}

bool tap_reader::next(deadline until, Val& out) {
    if (generation_ != fork_generation())
        throw std::logic_error(
            "a Tap belongs to the process that made it; a forked child makes one of its own");
    if (arena_.contains(&out))
        throw std::logic_error("Tap::next: the result must not lie in the pool itself");
    thread_lane& l = lane_of_thread(arena_, until);
    for (auto nap = shortest_nap;; nap = std::min(2 * nap, longest_nap)) {
        if (take(until)) return deliver(out);
        if (is_retired(arena_)) {
            if (take(until)) return deliver(out);
            throw_retired(arena_);
        }
        if (until.has_passed()) return false;
        look_now_and_then(l);
        std::this_thread::sleep_until(until.or_in(nap).when());
    }
}

/// When there is no memory for the result, the packet is delivered next time.
bool tap_reader::deliver(Val& out) {
    unpack(taken_, out);
    taken_ = nullptr;
    return true;
}

/// Takes the next packet that is there; false when there is none now.
bool tap_reader::take(deadline until) {
    while (!taken_) {
        cell& c = tap_.cell_for(next_);
        const std::uint64_t sequence = c.sequence.load(std::memory_order_acquire);
        if (sequence > next_ + 1)
            skip_to(sequence - tap_.depth);  // it was overrun; this is the oldest that may be there
        else if (sequence == next_ + 1 && c.reference.load(std::memory_order_relaxed) == 0)
            skip_to(next_ + 1);  // it was too large
        else if (sequence == next_ + 1 ? !take_from(c, until) : !skip_gap())
            return false;
    }
    return true;
}

/// Tries to take the packet out of the cell; false when the gate is closed.
bool tap_reader::take_from(cell& c, deadline until) {
    thread_lane& l = lane_of_thread(arena_);
    new_hold taker(l, until);
    if (!l.try_enter() && !enter_by(l, until)) return false;
    const leave_later pass(l);
    const tap_reference r{c.reference.load(std::memory_order_relaxed)};
    if (r.word == 0) return true;
    // As in try_take: if a producer takes the packet away now, the entry is cleared again.
    taker.write_entry(r.box_offset());
    VALPOOL_KILL_POINT("tap.wrote_entry");
    if (!swap_pair(&c, {next_ + 1, r.word}, {next_ + 1, 0})) {
        taker.clear_entry();
        return true;
    }
    VALPOOL_KILL_POINT("tap.took");
    tap_.units.fetch_sub(r.units(), std::memory_order_relaxed);
    ++next_;
    taken_ = taker.release(*arena_.at<box>(r.box_offset()));
    return true;
}

/// The next packet has not been written. If later ones have been for too long, skips to the first
/// of them. False: there is nothing but to wait.
bool tap_reader::skip_gap() {
    const std::uint64_t newest = tap_.newest.load(std::memory_order_acquire);
    if (newest <= next_ + 1) return false;
    const steady_time now = std::chrono::steady_clock::now();
    if (std::exchange(gap_, next_) != next_) gap_began_ = now;
    if (now - gap_began_ < longest_gap) return false;
    std::uint64_t m = std::max(next_ + 1, newest > tap_.depth ? newest - tap_.depth : 0);
    while (m + 1 < newest && tap_.cell_for(m).sequence.load(std::memory_order_acquire) <= m) ++m;
    // It may have been written after all, right now.
    if (tap_.cell_for(next_).sequence.load(std::memory_order_acquire) <= next_) skip_to(m);
    return true;
}

void tap_reader::skip_to(std::uint64_t mark) noexcept {
    missed_ += mark - next_;
    next_ = mark;
}

}  // namespace valpool::detail
