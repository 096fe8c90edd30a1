#include <valpool/queue/cq.hpp>

#include <valpool/value/detail/type_rows.hpp>

#include "queue/directory.hpp"
#include "queue/queue_core.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>

namespace valpool {

using namespace detail;

namespace {

deadline deadline_of(double timeout_s) {
    if (std::isnan(timeout_s)) throw std::logic_error("a time-out cannot be NaN");
    return deadline::in_seconds(timeout_s);
}

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

/// False, as for a time-out, when the break checker ended the wait. The same goes for a wait with a
/// deadline when a stopped process has kept it out of the pool until then.
template <class Operation>
bool unless_broken(deadline until, Operation operation) {
    try {
        return operation();
    } catch (const BreakRequested&) {
        return false;
    } catch (const PoolStalled&) {
        if (until.is_never()) throw;
        return false;
    }
}

}  // namespace

CQ::CQ(int capacity_packets, Allocator* pool, bool shared_across_process)
    : core_(make_core(capacity_packets, pool, shared_across_process)) {}
CQ::CQ(std::unique_ptr<queue_core> core) noexcept : core_(std::move(core)) {}
CQ::~CQ() = default;

void CQ::enq(const Val& value) { core_->put(value, deadline::never()); }
void CQ::enq(Val&& value) { core_->put(std::move(value), deadline::never()); }

bool CQ::enqueue(const Val& value, const Val& timeout_s) {
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(value, until); });
}
bool CQ::enqueue_within(const Val& value, double timeout_s) {
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(value, until); });
}
bool CQ::enqueue(Val&& value, const Val& timeout_s) {
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(std::move(value), until); });
}
bool CQ::enqueue_within(Val&& value, double timeout_s) {
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->put(std::move(value), until); });
}

Val CQ::deq() {
    Val out;
    core_->take(out, deadline::never());
    return out;
}

bool CQ::dequeue(const Val& timeout_s, Val& out) {
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->take(out, until); });
}
bool CQ::dequeue_within(double timeout_s, Val& out) {
    const deadline until = deadline_of(timeout_s);
    return unless_broken(until, [&] { return core_->take(out, until); });
}

namespace {

void check_lease_options(const LeaseOptions& options) {
    if (std::isnan(options.deadline_s) || options.deadline_s < 0)
        throw std::logic_error("the deadline of a lease must be zero or more seconds");
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
    return lease_from(*core_, deadline_of(timeout_s), options);
}
Lease CQ::lease_within(double timeout_s, const LeaseOptions& options) {
    return lease_from(*core_, deadline_of(timeout_s), options);
}

std::size_t CQ::enqueue_many(Val* values, std::size_t count, const Val& timeout_s) {
    const deadline until = deadline_of(timeout_s);
    std::size_t done = 0;
    unless_broken(until, [&] {
        while (done < count && core_->put(std::move(values[done]), until)) ++done;
        return true;
    });
    return done;
}

std::size_t CQ::take_many(const packet_taker& out, std::size_t most, const Val& timeout_s) {
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
bool CQ::empty() const noexcept { return length() == 0; }
std::size_t CQ::leased() const noexcept { return core_->leased(); }
bool CQ::full() const noexcept { return length() + leased() >= capacity(); }

}  // namespace valpool
