#pragma once

/// CQ: the bounded FIFO queue between threads and processes.

#include <valpool/alloc/streaming_pool.hpp>
#include <valpool/base/detail/break_checker.hpp>
#include <valpool/base/detail/config.hpp>
#include <valpool/queue/lease.hpp>
#include <valpool/queue/pipe_counters.hpp>
#include <valpool/queue/when_full.hpp>
#include <valpool/value/val.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace valpool {

namespace detail {
struct attachment;
struct pipe;
class queue_core;
class readiness;
struct queue_access;

template <class T>
using if_seconds = std::enable_if_t<
    std::is_convertible_v<T, double> && !std::is_base_of_v<Val, T> && !is_like_x11_none<T>, int>;
template <class T>
using if_number_packet =
    std::enable_if_t<number_tag<number_like<T>>() != 'Z' && !is_like_x11_none<T>, int>;
/// Where packets go. The library must not see the container itself: with -D_GLIBCXX_DEBUG the
/// program's std::vector is not the library's.
struct packet_taker {
    void* container;
    void (*make_room)(void* container);         // for one packet, before it is taken
    void (*add)(void* container, Val& packet);  // does not throw after make_room
};
}  // namespace detail

/// A queue of values with a capacity in packets. Any number of threads and processes may enqueue
/// and dequeue at the same time. Each packet goes to exactly one consumer, and the packets of one
/// producer arrive in their order.
///
/// In a pool, a packet is a reference: a shared value (see Shared) is passed without a copy.
/// Enqueue copies into the pool what is not in this pool yet (a plain value, a heap proxy, a value
/// of another pool); a container arrives as a proxy to that copy. A dequeue clears the reference in
/// the queue at once.
///
/// Time-outs are seconds on the monotonic clock. None, infinity and huge values: wait for ever.
/// Zero or less: try once. NaN, and anything but a number: std::logic_error.
/// A wait ends early in two cases only. First, the break checker of the ServerSide or ClientSide
/// that the queue belongs to asks for it: then enqueue and dequeue return false, and enq and deq
/// throw BreakRequested. Second, the pool is retired: a call that finds no packet, or no room, in a
/// named pipe of a retired pool throws PoolRetired.
/// Waits are cancellation points of pthread_cancel.
///
/// Waiting threads are served in turn. A thread that has waited in vain for some milliseconds goes
/// before those that come later and can wait themselves. A thread that sleeps because a pipe of 16
/// packets or more is full is woken when a quarter of it is free, and for less room within 0.2 s.
///
/// Process safety: a process that is stopped or killed, at any instruction, never keeps others from
/// the queue, and its packet is either in the queue or not. One exception: while a process is
/// stopped in the milliseconds in which it repairs the pool, calls with a time-out return false
/// when their time is over, and enq of a value that has to be copied throws PoolStalled.
/// Source: "C++ Cross-Process Shared Memory Tools": ServerSide, ClientSide, Complex Interactions.
class VALPOOL_API CQ {
public:
    /// A queue on the heap, within this process. With an allocator and `shared_across_process`: a
    /// queue in that pool, for this process and its forked children.
    /// Throws std::logic_error when `capacity_packets` is below 1, PoolExhausted when the queue
    /// does not fit the pool.
    explicit CQ(int capacity_packets, Allocator* pool = nullptr,
                bool shared_across_process = false);
    ~CQ();
    CQ(const CQ&) = delete;
    CQ& operator=(const CQ&) = delete;

    /// Waits for room, for ever, and appends the value.
    /// Throws BreakRequested; PoolExhausted, with nothing changed, when the value has to be copied
    /// into the pool and does not fit.
    void enq(const Val& value);
    void enq(Val&& value);
    template <class N, detail::if_number_packet<N> = 0>
    void enq(N number) {
        enq(Val(number));
    }
    void enq(detail::None_is_a_macro_here_write_Val*) = delete;

    /// Waits for room until the time-out; returns false when there was none.
    bool enqueue(const Val& value, const Val& timeout_s = Val());
    template <class S, detail::if_seconds<S> = 0>
    bool enqueue(const Val& value, S timeout_s) {
        return enqueue_within(value, static_cast<double>(timeout_s));
    }
    bool enqueue(const Val& value, detail::None_is_a_macro_here_write_Val*) = delete;
    /// Moves the value into the queue when it returns true; `value` is None then. For a shared
    /// value this changes no reference count. When it returns false or throws, `value` is
    /// untouched.
    bool enqueue(Val&& value, const Val& timeout_s = Val());
    template <class S, detail::if_seconds<S> = 0>
    bool enqueue(Val&& value, S timeout_s) {
        return enqueue_within(std::move(value), static_cast<double>(timeout_s));
    }
    bool enqueue(Val&& value, detail::None_is_a_macro_here_write_Val*) = delete;
    template <class N, detail::if_number_packet<N> = 0>
    bool enqueue(N number, const Val& timeout_s = Val()) {
        return enqueue(Val(number), timeout_s);
    }
    template <class N, class S, detail::if_number_packet<N> = 0, detail::if_seconds<S> = 0>
    bool enqueue(N number, S timeout_s) {
        return enqueue_within(Val(number), static_cast<double>(timeout_s));
    }
    template <class N, detail::if_number_packet<N> = 0>
    bool enqueue(N number, detail::None_is_a_macro_here_write_Val*) = delete;
    bool enqueue(detail::None_is_a_macro_here_write_Val*, const Val& timeout_s = Val()) = delete;
    template <class S, detail::if_seconds<S> = 0>
    bool enqueue(detail::None_is_a_macro_here_write_Val*, S timeout_s) = delete;
    bool enqueue(detail::None_is_a_macro_here_write_Val*,
                 detail::None_is_a_macro_here_write_Val*) = delete;

    /// Waits for room until the time-out (seconds; infinity: for ever; zero or less: no wait). If
    /// there is still none, the policy says what happens. Returns whether the value is in the queue
    /// now. With DropOldest that is so unless all room is leased out, or the break checker ended
    /// the wait. Dropped packets are counted (see counters). A moved value is None when this
    /// returns true, and otherwise untouched.
    /// Throws as the enqueue without a policy.
    bool enqueue(const Val& value, WhenFull policy, double timeout_s);
    bool enqueue(Val&& value, WhenFull policy, double timeout_s);
    /// Without a time-out, Wait waits for ever, and the others not at all.
    bool enqueue(const Val& value, WhenFull policy);
    bool enqueue(Val&& value, WhenFull policy);

    /// Waits for a packet, for ever, and returns it. Throws BreakRequested.
    Val deq();

    /// Waits for a packet until the time-out. Returns false when there was none; `out` is untouched
    /// then. `out` must not lie in the pool itself (std::logic_error).
    /// Throws PoolRetired, and, without a time-out, PoolStalled. When the packet has to be copied
    /// (text and big integers; every packet when `out` lies in another pool), also std::bad_alloc,
    /// PoolExhausted and PoisonedError. Then `out` is untouched and the packet is not lost: this
    /// object's next dequeue gets it first. When the object is destroyed before that, the packet
    /// goes to the end of the pipe if there is room; when the process dies, the packet is lost.
    bool dequeue(const Val& timeout_s, Val& out);
    template <class S, detail::if_seconds<S> = 0>
    bool dequeue(S timeout_s, Val& out) {
        return dequeue_within(static_cast<double>(timeout_s), out);
    }
    bool dequeue(detail::None_is_a_macro_here_write_Val*, Val& out) = delete;

    /// Waits for a packet until the time-out, and hands it out: the queue keeps it until the lease
    /// is acknowledged. The lease is false when there was no packet. Packets that were given back,
    /// whose leases have expired, or whose consumers have died come first, oldest first, here and
    /// for dequeue. A packet that is leased still takes its place in the capacity. The first lease
    /// on a pipe makes a table for the leases there (32 bytes a packet of the capacity, and 4 to 34
    /// KiB). Throws like dequeue; PoolExhausted when the table does not fit the pool;
    /// std::logic_error for a deadline that is negative or NaN, for an invalid name of the pipe for
    /// dead letters or the name of this pipe, and for any such name on the heap.
    Lease lease(const Val& timeout_s, const LeaseOptions& options = {});
    template <class S, detail::if_seconds<S> = 0>
    Lease lease(S timeout_s, const LeaseOptions& options = {}) {
        return lease_within(static_cast<double>(timeout_s), options);
    }
    Lease lease(detail::None_is_a_macro_here_write_Val*, const LeaseOptions& options = {}) = delete;

    /// These never wait: false when the queue is full, or empty.
    bool try_enqueue(const Val& value) { return enqueue_within(value, 0.0); }
    bool try_enqueue(Val&& value) { return enqueue_within(std::move(value), 0.0); }
    template <class N, detail::if_number_packet<N> = 0>
    bool try_enqueue(N number) {
        return enqueue_within(Val(number), 0.0);
    }
    bool try_enqueue(detail::None_is_a_macro_here_write_Val*) = delete;
    bool try_dequeue(Val& out) { return dequeue_within(0.0, out); }

    /// Moves `count` values into the queue, in their order, and waits for room until the time-out.
    /// Each value that has been moved is None then. Returns how many: fewer than `count` when the
    /// time was over. Packets of other producers may come in between.
    /// Throws like enqueue; what was moved before that stays in the queue.
    std::size_t enqueue_many(Val* values, std::size_t count, const Val& timeout_s = Val());
    std::size_t enqueue_many(std::vector<Val>& values, const Val& timeout_s = Val()) {
        return enqueue_many(values.data(), values.size(), timeout_s);
    }
    template <class S, detail::if_seconds<S> = 0>
    std::size_t enqueue_many(Val* values, std::size_t count, S timeout_s) {
        return enqueue_many(values, count, Val(static_cast<double>(timeout_s)));
    }
    template <class S, detail::if_seconds<S> = 0>
    std::size_t enqueue_many(std::vector<Val>& values, S timeout_s) {
        return enqueue_many(values, Val(static_cast<double>(timeout_s)));
    }
    std::size_t enqueue_many(Val* values, std::size_t count,
                             detail::None_is_a_macro_here_write_Val*) = delete;
    std::size_t enqueue_many(std::vector<Val>& values,
                             detail::None_is_a_macro_here_write_Val*) = delete;
    /// Waits for a packet until the time-out, then takes what is there without any more waiting, at
    /// most `most` packets, and appends them to `out`. Returns how many; 0 when the time was over.
    /// Throws like dequeue, and std::bad_alloc; the packets taken before that are in `out`.
    std::size_t dequeue_many(std::vector<Val>& out, std::size_t most,
                             const Val& timeout_s = Val()) {
        const detail::packet_taker end_of_out{
            &out,
            [](void* o) {
                auto& v = *static_cast<std::vector<Val>*>(o);
                if (v.size() == v.capacity()) v.reserve(v.size() < 4 ? 8 : 2 * v.size());
            },
            [](void* o, Val& packet) {
                static_cast<std::vector<Val>*>(o)->push_back(std::move(packet));
            }};
        return take_many(end_of_out, most, timeout_s);
    }
    template <class S, detail::if_seconds<S> = 0>
    std::size_t dequeue_many(std::vector<Val>& out, std::size_t most, S timeout_s) {
        return dequeue_many(out, most, Val(static_cast<double>(timeout_s)));
    }
    std::size_t dequeue_many(std::vector<Val>& out, std::size_t most,
                             detail::None_is_a_macro_here_write_Val*) = delete;

    /// How long this object's waits spin before they sleep; this trades processor time for latency.
    /// In seconds; 0: they sleep at once; infinity: they never sleep. std::logic_error when
    /// negative or NaN. Has an effect in a pool only.
    /// By default the back-off is adaptive. A wait spins, at most for one and a half times as long
    /// as a wake-up takes here, and for less where that was in vain. Then it yields the processor a
    /// few times, because the peer may want the same one (not for a while after yielding took
    /// milliseconds). Then it sleeps. A queue for 64 packets or more is looked at every 2
    /// microseconds, so that there is more than one packet to take.
    void spin(double seconds);

    /// The number of packets that fit; that wait in the queue now, also to be delivered again; and
    /// that consumers have leased. Other threads may change the last two at any time. The queue is
    /// full when these two together are the capacity.
    std::size_t capacity() const noexcept;
    std::size_t length() const noexcept;
    std::size_t leased() const noexcept;
    bool empty() const noexcept;
    bool full() const noexcept;

    /// Text that names this pipe and no other one, not even one that had or will have the same
    /// name: a good beginning for the name of a source (see IdempotentProducer). Throws
    /// std::logic_error for a queue without a name.
    std::string identity() const;

    /// What has passed the queue, and how its users have waited, over all processes. Does not wait;
    /// its time grows with the number of threads that have used the queue.
    PipeCounters counters() const noexcept;

    /// A file descriptor that is readable while the queue has a packet, or while it has room: for
    /// poll, epoll and event loops that wait for other things as well (both are polled for reading,
    /// and never read). It says so until an operation of this object finds the queue empty, or
    /// full; other processes may have been faster, so the caller tries without waiting. Also
    /// readable when the next call would throw PoolRetired.
    /// The descriptor belongs to this object, which closes it; each call gives the same one. The
    /// first call starts a thread that sleeps in the queue, and handles no signals; packets cost it
    /// a wake-up when they come singly, and nothing in a row. In a forked child the descriptor of
    /// its parent says nothing; a call there gives one of the child's own.
    /// Throws std::runtime_error when there are no descriptors or threads left, or all thread slots
    /// of the pool are taken.
    int readable_fd();
    int writable_fd();

    /// For ServerSide and ClientSide.
    explicit CQ(std::unique_ptr<detail::queue_core> core) noexcept;

private:
    friend struct detail::queue_access;
    class settle_later;

    bool enqueue_within(const Val& value, double timeout_s);
    bool enqueue_within(Val&& value, double timeout_s);
    bool dequeue_within(double timeout_s, Val& out);
    int ready_fd(bool is_for_room);
    void settle() noexcept;
    Lease lease_within(double timeout_s, const LeaseOptions& options);
    std::size_t take_many(const detail::packet_taker& out, std::size_t most, const Val& timeout_s);

    std::unique_ptr<detail::queue_core> core_;
    std::atomic<bool> has_fd_{false};  // readable_fd or writable_fd has been called
    std::atomic<detail::readiness*> readable_{nullptr};
    std::atomic<detail::readiness*> writable_{nullptr};
};

}  // namespace valpool
