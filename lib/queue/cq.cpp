#include <valpool/queue/cq.hpp>

#include <valpool/value/detail/type_rows.hpp>

#include "queue/directory.hpp"
#include "queue/queue_core.hpp"
#include "queue/readiness.hpp"
#include "queue/when_full.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <stdexcept>
#include <string>

namespace valpool {

using namespace detail;

namespace {

deadline deadline_of(double timeout_s) { return deadline::of_time_out(timeout_s); }

deadline deadline_of(const Val& timeout_s) {
    if (timeout_s.tag == 'Z') return deadline::never();
    const bool is_number = find_number_type(timeout_s.tag) || is_big(timeout_s.tag);
    if (!timeout_s.isproxy && is_number && !is_complex_number(timeout_s.tag))
        return deadline_of(static_cast<double>(timeout_s));
    throw std::logic_error("a time-out must be a number of seconds, or None to wait for ever");
}

std::unique_ptr<queue_core> make_core(int capacity_packets, Allocator* pool, bool is_shared) {
    check_capacity(capacity_packets);
    const auto capacity = static_cast<std::size_t>(capacity_packets);
    return pool && is_shared ? make_unnamed_pool_queue(*pool, capacity) : make_heap_queue(capacity);
}

}  // namespace

CQ::CQ(int capacity_packets, Allocator* pool, bool shared_across_process)
    : core_(make_core(capacity_packets, pool, shared_across_process)) {}
CQ::CQ(std::unique_ptr<queue_core> core) noexcept : core_(std::move(core)) {}
CQ::~CQ() {
    // Their threads use the queue.
    readiness::end(readable_.load());
    readiness::end(writable_.load());
}

/// At the end of each operation: the queue may no longer be ready.
class CQ::settle_later {
public:
    explicit settle_later(CQ& queue) noexcept : queue_(queue) {}
    ~settle_later() {
        if (queue_.has_fd_.load(std::memory_order_relaxed)) [[unlikely]]
            queue_.settle();
    }
    settle_later(const settle_later&) = delete;
    settle_later& operator=(const settle_later&) = delete;

private:
    CQ& queue_;
};

[[gnu::noinline, gnu::cold]] void CQ::settle() noexcept {
    if (readiness* const r = readable_.load(std::memory_order_acquire)) r->settle();
    if (readiness* const w = writable_.load(std::memory_order_acquire)) w->settle();
}

int CQ::ready_fd(bool is_for_room) {
    static std::mutex making;
    const std::lock_guard guard(making);
    std::atomic<readiness*>& place = is_for_room ? writable_ : readable_;
    readiness* const there = place.load(std::memory_order_acquire);
    if (there && there->is_own()) return there->fd();
    const direction d = is_for_room ? direction::writing : direction::reading;
    auto* const made = new readiness(*core_, d);
    place.store(made, std::memory_order_release);
    has_fd_.store(true, std::memory_order_seq_cst);
    readiness::end(there);  // of the process that this one was forked from
    return made->fd();
}

std::string CQ::identity() const { return core_->identity(); }

int CQ::readable_fd() { return ready_fd(false); }
int CQ::writable_fd() { return ready_fd(true); }

void CQ::enq(const Val& value) {
    const settle_later after(*this);
    core_->put(value, deadline::never());
}
void CQ::enq(Val&& value) {
    const settle_later after(*this);
    core_->put(std::move(value), deadline::never());
}

bool CQ::enqueue(const Val& value, const Val& timeout_s) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(value, until); });
}
bool CQ::enqueue_within(const Val& value, double timeout_s) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(value, until); });
}
bool CQ::enqueue(Val&& value, const Val& timeout_s) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(std::move(value), until); });
}
bool CQ::enqueue_within(Val&& value, double timeout_s) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(std::move(value), until); });
}

namespace {

deadline deadline_of(WhenFull policy) {
    return policy == WhenFull::Wait ? deadline::never() : deadline::in_seconds(0);
}

bool enqueue_with(queue_core& core, Val& packet, WhenFull policy, deadline until) {
    return unless_broken(until, [&] { return put_with(core, packet, policy, until); });
}

}  // namespace

bool CQ::enqueue(Val&& value, WhenFull policy, double timeout_s) {
    const settle_later after(*this);
    return enqueue_with(*core_, value, policy, deadline_of(timeout_s));
}
bool CQ::enqueue(Val&& value, WhenFull policy) {
    const settle_later after(*this);
    return enqueue_with(*core_, value, policy, deadline_of(policy));
}
bool CQ::enqueue(const Val& value, WhenFull policy, double timeout_s) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    Val packet = core_->as_packet(value);
    return enqueue_with(*core_, packet, policy, until);
}
bool CQ::enqueue(const Val& value, WhenFull policy) {
    const settle_later after(*this);
    Val packet = core_->as_packet(value);
    return enqueue_with(*core_, packet, policy, deadline_of(policy));
}

Val CQ::deq() {
    const settle_later after(*this);
    Val out;
    core_->take(out, deadline::never());
    return out;
}

bool CQ::dequeue(const Val& timeout_s, Val& out) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->take(out, until); });
}
bool CQ::dequeue_within(double timeout_s, Val& out) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->take(out, until); });
}

namespace {

void check_lease_options(const LeaseOptions& options) {
    if (std::isnan(options.deadline_s) || options.deadline_s < 0)
        throw std::logic_error("the deadline of a lease must be zero or more seconds");
    if (options.most_deliveries > LeaseOptions::highest_limit)
        throw std::logic_error("deliveries of a packet are limited to " +
                               std::to_string(LeaseOptions::highest_limit) + " at most");
    if (!options.dead_letters.empty()) check_pipe_name(options.dead_letters);
}

Lease lease_from(queue_core& core, deadline until, const LeaseOptions& options) {
    check_lease_options(options);
    std::unique_ptr<leased_packet> packet;
    unless_broken(until, [&] {
        packet = core.lease(until, options);
        return packet != nullptr;
    });
    return Lease(std::move(packet));
}

}  // namespace

Lease CQ::lease(const Val& timeout_s, const LeaseOptions& options) {
    const settle_later after(*this);
    return lease_from(*core_, deadline_of(timeout_s), options);
}
Lease CQ::lease_within(double timeout_s, const LeaseOptions& options) {
    const settle_later after(*this);
    return lease_from(*core_, deadline_of(timeout_s), options);
}

std::size_t CQ::enqueue_many(Val* values, std::size_t count, const Val& timeout_s) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    std::size_t done = 0;
    unless_broken(until, [&] {
        while (done < count && core_->put(std::move(values[done]), until)) ++done;
        return true;
    });
    return done;
}

std::size_t CQ::take_many(const packet_taker& out, std::size_t most, const Val& timeout_s) {
    const settle_later after(*this);
    const deadline until = deadline_of(timeout_s);
    std::size_t taken = 0;
    Val packet;
    const auto take = [&](deadline end) {
        out.make_room(out.container);
        if (!core_->take(packet, end)) return false;
        out.add(out.container, packet);
        ++taken;
        return true;
    };
    const auto take_by = [&](deadline end) {
        return unless_broken(end, [&] { return take(end); });
    };
    if (most == 0 || !take_by(until)) return 0;
    try {
        while (taken < most && take_by(deadline::in_seconds(0))) {
        }
    } catch (const PoolRetired&) {
        // The next call throws it: the packets taken so far belong to the caller.
    }
    return taken;
}

void CQ::spin(double seconds) {
    if (std::isnan(seconds) || seconds < 0)
        throw std::logic_error("the time to spin must be zero or more seconds");
    constexpr double longest_s = 1e9;
    const auto time = std::chrono::duration<double>(std::min(seconds, longest_s));
    core_->spin(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

std::size_t CQ::capacity() const noexcept { return core_->capacity(); }
std::size_t CQ::length() const noexcept { return core_->length(); }
PipeCounters CQ::counters() const noexcept { return core_->counters(); }
bool CQ::empty() const noexcept { return length() == 0; }
std::size_t CQ::leased() const noexcept { return core_->leased(); }
bool CQ::full() const noexcept { return length() + leased() >= capacity(); }

}  // namespace valpool
