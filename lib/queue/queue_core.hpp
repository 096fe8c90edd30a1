#pragma once

#include <valpool/base/error.hpp>
#include <valpool/queue/cq.hpp>

#include "base/clock.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace valpool::detail {

class wait_set;
struct hold;
struct packet_number;

enum class direction { reading, writing };

/// The implementation of a Lease.
class leased_packet {
public:
    virtual ~leased_packet() = default;  // gives back
    virtual const Val& value() const noexcept = 0;
    virtual unsigned deliveries() const noexcept = 0;
    virtual std::uint64_t sequence() const noexcept = 0;
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
    /// Puts the packet of a source in, as put does. For queues that have a pipe_hold.
    virtual bool put_numbered(Val&& value, const packet_number& number, deadline until);
    /// See CQ::identity.
    virtual std::string identity() const {
        throw std::logic_error("a queue without a name has no identity");
    }
    /// The hold on the queue's pipe; null for a queue on the heap.
    virtual hold* pipe_hold() const noexcept { return nullptr; }
    /// Null when `until` has passed. The options have been checked.
    virtual std::unique_ptr<leased_packet> lease(deadline until, const LeaseOptions& options) = 0;
    /// The value as it will lie in the queue, if it is a container: all queues of the same pool
    /// then take it without another copy. Other values as they are. Throws as put.
    virtual Val as_packet(const Val& value) = 0;
    /// Takes the packet that waits longest and drops it; false when there is none. Does not wait.
    virtual bool drop_oldest() = 0;
    /// Counts a packet that was dropped instead of being put in.
    virtual void count_dropped() noexcept = 0;
    virtual PipeCounters counters() const noexcept = 0;
    /// Whether a try in that direction would not be in vain, as far as this thread can see: there
    /// is a packet, or room; or the call throws PoolRetired.
    virtual bool is_ready(direction d) const noexcept = 0;
    /// Makes sure that this thread can wait in the queue. Throws std::runtime_error when it cannot
    /// use the pool.
    virtual void admit_thread() = 0;
    /// From now on the queue wakes the set's thread when it becomes ready. Throws
    /// std::runtime_error when the thread cannot use the pool, std::bad_alloc.
    virtual void add_to(wait_set& set, direction d) = 0;
    virtual void remove_from(wait_set& set, direction d) noexcept = 0;
    /// Wakes another waiter: the wake-up that this thread got may have been meant for it.
    virtual void pass_on(direction d) noexcept = 0;
    /// Throws BreakRequested when the break checker ends the wait.
    virtual void ask_break_checker() const = 0;
    /// Called before each sleep in a set: how long it may last at most.
    virtual std::chrono::nanoseconds before_sleep() = 0;

    /// Sets how long a wait looks before it sleeps; negative: adaptive.
    virtual void spin(std::chrono::nanoseconds time) noexcept = 0;
    /// Null for a queue on the heap.
    virtual const StreamingPool* pool() const noexcept = 0;
    virtual std::size_t capacity() const noexcept = 0;
    virtual std::size_t length() const noexcept = 0;
    virtual std::size_t leased() const noexcept = 0;
};

/// For the functions that work on several queues, or on parts of one.
struct queue_access {
    static queue_core& core(CQ& queue) noexcept { return *queue.core_; }
    static void settle(CQ& queue) noexcept { queue.settle(); }
};

/// What the operation returns; false or nothing, as for a time-out, when the break checker ended
/// the wait. The same goes for a wait with a deadline when a stopped process has kept it out of the
/// pool until then.
template <class Operation>
auto unless_broken(deadline until, Operation operation) -> decltype(operation()) {
    try {
        return operation();
    } catch (const BreakRequested&) {
        return {};
    } catch (const PoolStalled&) {
        if (until.is_never()) throw;
        return {};
    }
}

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
