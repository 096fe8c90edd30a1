#include "queue/pool_lease.hpp"

#include <valpool/object/detail/hold.hpp>
#include <valpool/value/detail/pack.hpp>

#include "base/kill_point.hpp"
#include "process/fork.hpp"
#include "queue/directory.hpp"
#include "queue/flow.hpp"
#include "queue/taps.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

namespace valpool::detail {

pool_lease::pool_lease(hold& pipe_hold) noexcept
    : arena_(*pipe_hold.at->pool), pipe_hold_(&pipe_hold), pipe_(pipe_in(*pipe_hold.target)) {
    add_handle(pipe_hold);
}

pool_lease::~pool_lease() {
    give_back();
    release_pipe(pipe_hold_);
}

void pool_lease::begin(const lease_ticket& ticket, hold* h) {
    ticket_ = ticket;
    generation_ = fork_generation();
    has_ended_ = false;
    try {
        unpack(h, value_);
    } catch (...) {
        give_back(false);
        drop_handle(h);
        throw;
    }
}

bool pool_lease::is_open() const noexcept {
    return !has_ended_ && generation_ == fork_generation();
}

bool pool_lease::ack() {
    if (!is_open()) return was_acknowledged_;
    {
        thread_lane& l = lane_of_thread(arena_);
        const inside pass(l);
        was_acknowledged_ = acknowledge(l, pipe_, ticket_);
        has_ended_ = true;
    }
    if (was_acknowledged_) wake_one(arena_, pipe_.producers, pipe_.room_topic());
    return was_acknowledged_;
}

namespace {

/// A lease that has ended in a thread that could not enter the pool: it had no lane, or the gate
/// stayed closed. The next thread of the process that waits in a queue gives it back.
struct late_lease {
    hold* pipe_hold;
    lease_ticket ticket;
    bool counts;
    std::uint32_t generation;  // of forks: a child leaves its parent's alone
};

class late_leases {
public:
    /// If there is no memory, the lease lasts until its deadline, or the end of the process.
    void add(const late_lease& late) noexcept {
        // Tries only: in a forked child the mutex may be held by a thread that does not exist
        // there.
        for (int tries = 0; tries < 1000; ++tries, std::this_thread::yield()) {
            const std::unique_lock guard(mutex_, std::try_to_lock);
            if (!guard) continue;
            try {
                all_.push_back(late);
                count_.store(all_.size(), std::memory_order_relaxed);
            } catch (const std::bad_alloc&) {
            }
            return;
        }
    }
    /// Those of that pool and of this process.
    std::vector<late_lease> take(const arena& a) noexcept {
        std::vector<late_lease> taken;
        if (count_.load(std::memory_order_relaxed) == 0) return taken;
        const std::unique_lock guard(mutex_, std::try_to_lock);
        if (!guard) return taken;
        const auto is_wanted = [&](const late_lease& late) {
            return late.generation == fork_generation() && late.pipe_hold->at->pool == &a &&
                   !late.pipe_hold->at->lost.load(std::memory_order_relaxed);
        };
        const auto rest = std::stable_partition(all_.begin(), all_.end(), std::not_fn(is_wanted));
        taken.assign(rest, all_.end());
        all_.erase(rest, all_.end());
        count_.store(all_.size(), std::memory_order_relaxed);
        return taken;
    }

private:
    std::mutex mutex_;
    std::atomic<std::size_t> count_{0};
    std::vector<late_lease> all_;
};
late_leases& late_ones() {
    static auto* const all = new late_leases;  // never destroyed: threads may outlive it
    return *all;
}

}  // namespace

void give_back_late_leases(thread_lane& l) noexcept {
    for (const late_lease& late : late_ones().take(*l.pool)) {
        pipe& p = pipe_in(*late.pipe_hold->target);
        bool is_back = false;
        {
            const maybe_inside pass(l);
            if (!pass) {
                late_ones().add(late);
                continue;
            }
            is_back = return_lease(p, late.ticket, late.counts);
        }
        if (is_back) wake_one(*l.pool, p.consumers, p.packet_topic());
        release_pipe(late.pipe_hold);
    }
}

void pool_lease::give_back(bool counts) noexcept {
    if (!is_open()) return;
    has_ended_ = true;
    try {
        bool is_back = false;
        {
            const inside pass(lane_of_thread(arena_));
            is_back = return_lease(pipe_, ticket_, counts);
        }
        if (is_back) wake_one(arena_, pipe_.consumers, pipe_.packet_topic());
    } catch (const std::exception&) {
        add_handle(*pipe_hold_);
        late_ones().add({pipe_hold_, ticket_, counts, generation_});
    }
}

namespace {
/// A hold on the pipe of that name; null when there is none, or no memory for the hold.
hold* find_pipe_to(arena& a, const std::string& name) {
    try {
        return hold_pipe(a, name);
    } catch (const PoolExhausted&) {
        return nullptr;
    }
}
}  // namespace

bool pool_lease::send_to(const std::string& name, const lease_ticket& ticket, hold* h) {
    ticket_ = ticket;
    generation_ = fork_generation();
    has_ended_ = false;
    bool is_sent = false;
    try {
        if (hold* const to = find_pipe_to(arena_, name)) {
            is_sent = try_send(pipe_in(*to->target), *h);
            release_pipe(to);
        }
    } catch (const PoolStalled&) {
        // It is tried again later.
    }
    give_back();
    drop_handle(h);
    return is_sent;
}

/// First the other pipe has a reference, then this one gives up its own: a death in between doubles
/// the packet.
bool pool_lease::try_send(pipe& to, hold& h) {
    thread_lane& l = lane_of_thread(arena_);
    side_memory seen;
    {
        const inside pass(l);
        if (!put_counted(l, to, *h.target, seen)) return false;
        VALPOOL_KILL_POINT("lease.sent");
        acknowledge(l, pipe_, ticket_);
        has_ended_ = true;
    }
    flow_meter(arena_, to).put_in(l, bytes_of(arena_, *h.target), seen);
    wake_one(arena_, to.consumers, to.packet_topic());
    wake_one(arena_, pipe_.producers, pipe_.room_topic());
    return true;
}

}  // namespace valpool::detail
