#pragma once

#include <valpool/queue/cq.hpp>

#include "base/clock.hpp"

#include <chrono>
#include <memory>

namespace valpool::detail {

/// The implementation of a Lease.
class leased_packet {
public:
    virtual ~leased_packet() = default;  // gives back
    virtual const Val& value() const noexcept = 0;
    virtual unsigned deliveries() const noexcept = 0;
    virtual bool ack() = 0;
    virtual void give_back() noexcept = 0;
};

/// The implementation of a CQ: a queue in a pool, or one on the heap of this process.
class queue_core {
public:
    virtual ~queue_core() = default;
    /// False when `until` has passed. Throws BreakRequested when the break checker ended the wait.
    virtual bool put(const Val& value, deadline until) = 0;
    virtual bool put(Val&& value, deadline until) = 0;
    virtual bool take(Val& out, deadline until) = 0;
    /// Null when `until` has passed. The options have been checked.
    virtual std::unique_ptr<leased_packet> lease(deadline until, const LeaseOptions& options) = 0;
    /// Sets how long a wait looks before it sleeps; negative: adaptive.
    virtual void spin(std::chrono::nanoseconds time) noexcept = 0;
    virtual std::size_t capacity() const noexcept = 0;
    virtual std::size_t length() const noexcept = 0;
    virtual std::size_t leased() const noexcept = 0;
};

std::unique_ptr<queue_core> make_heap_queue(std::size_t capacity_packets);

struct break_options {
    /// Null: none. The checker belongs to the queue's owner, which outlives the queue. It is not
    /// copied, because it may have state, which must exist only once.
    const break_checker* checker = nullptr;
    std::chrono::microseconds period{100000};
};
/// Takes over the hold on a pipe, even if it throws. The hold's attachment must outlive the queue.
std::unique_ptr<queue_core> make_pool_queue(hold* h, break_options breaks);
std::unique_ptr<queue_core> make_unnamed_pool_queue(StreamingPool& pool,
                                                    std::size_t capacity_packets);

}  // namespace valpool::detail
