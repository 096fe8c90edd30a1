#pragma once

#include <valpool/base/detail/config.hpp>
#include <valpool/value/val.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace valpool {

/// Sees what passes a pipe without taking it: a reference to each packet that is enqueued there
/// from the moment the object exists, in the pipe's order, whether or not a consumer has taken it.
///
/// The tap keeps the last `depth` packets, so their memory is used until they are read here, or
/// `depth` later ones have come. A tap that is not read in time loses the oldest ones, and counts
/// them as missed. It neither slows the pipe's users by waiting for this one, nor makes an enqueue
/// fail; each enqueue in a tapped pipe takes a little longer.
///
/// `next` gives the very values that the consumers get, not copies. Read them, and do not change
/// them. A consumer may be changing them: lock a value as its writers do.
///
/// Lifetime: the packets that came out may outlive the object. The pipe may be removed: then the
/// tap waits for the next pipe of that name, and goes on there.
/// Process safety: if this process is stopped, its tap is overrun; if it is killed, the next repair
/// removes the tap. A producer that is killed, or stopped for long, in the few instructions between
/// enqueueing a packet and showing it to the tap makes the tap miss that packet, and count it so.
/// Thread safety: one thread at a time; several Taps do not see each other.
/// Fork: the object belongs to the process that made it. In a forked child, `next` throws
/// std::logic_error, and the destructor leaves the parent's tap alone.
class VALPOOL_API Tap {
public:
    /// `depth`: how many packets are kept, at least 1. `most_bytes`: how much memory these packets
    /// may have together, without shared values that they refer to; older ones are dropped before
    /// that is exceeded, and a packet that is larger by itself is missed. 0: no limit.
    /// Throws std::runtime_error when there is no such pool, or the pool has 1024 taps already;
    /// std::logic_error for bad names and a depth of 0; PoolExhausted when the tap does not fit;
    /// PoolStalled as an enqueue.
    /// Blocking: waits for those that are in the middle of an operation, as a repair does; for less
    /// than a second in all, unless the pool is stalled.
    Tap(const std::string& pool, const std::string& pipe, std::size_t depth,
        std::size_t most_bytes = 0);
    ~Tap();
    /// The object that was moved from may only be destroyed or assigned to.
    Tap(Tap&& other) noexcept;
    Tap& operator=(Tap&& other) noexcept;

    /// Waits until the next packet has been enqueued, and makes `out` refer to it. False when the
    /// time is over: seconds, as for CQ::dequeue. The wait polls, every 2 ms at the end, so that
    /// nobody has to wake it.
    /// Throws std::logic_error in a forked child, for NaN, and for an `out` in the pool;
    /// PoolRetired when nothing more can come; PoolExhausted when there is no room to hold one more
    /// value; std::bad_alloc. After an exception the next call gives the same packet.
    bool next(double timeout_s, Val& out);
    /// How many packets have been lost so far: because this object was not read in time, by
    /// `most_bytes`, or by a producer that was killed or stopped. They are counted when `next`
    /// comes to them.
    std::uint64_t missed() const noexcept;
    std::size_t depth() const noexcept;

private:
    struct state;
    std::unique_ptr<state> self_;
};

}  // namespace valpool
