#pragma once

/// Lease: a packet that is handed out, and that the pipe keeps until it is acknowledged.

#include <valpool/base/detail/config.hpp>
#include <valpool/value/val.hpp>

#include <limits>
#include <memory>
#include <string>

namespace valpool {

namespace detail {
class leased_packet;
}

/// How CQ::lease hands a packet out.
struct LeaseOptions {
    /// Seconds until the packet counts as given back, if it is not acknowledged by then.
    double deadline_s = std::numeric_limits<double>::infinity();
    /// A packet that has been handed out so many times is not handed out once more. 0: no limit.
    /// Not above highest_limit (std::logic_error).
    unsigned most_deliveries = 0;
    static constexpr unsigned highest_limit = (1U << 19) - 1;
    /// The pipe of the same pool where such a packet goes. Empty: it is dropped. If there is no
    /// such pipe or it is full, the packet stays where it is, and this is tried again later.
    std::string dead_letters;
};

/// A packet of a queue on loan: CQ::lease makes it. Until ack() the packet belongs to the queue. If
/// this object ends, or its process dies before that, another consumer gets the packet, before all
/// packets that were enqueued later.
/// The lease ends with ack(), give_back(), the destructor, the death of the process, or the
/// deadline of the options. The value stays valid for the life of this object, however the lease
/// has ended.
/// Process safety: a copy that fork makes does nothing in the child; the lease is its parent's.
/// Thread safety: as for an int. It may be used in another thread than the one that got it.
class VALPOOL_API Lease {
public:
    /// Without a packet.
    Lease() noexcept;
    explicit Lease(std::unique_ptr<detail::leased_packet> packet) noexcept;
    /// Gives back what has not been acknowledged.
    ~Lease();
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    /// Whether there is a packet: false after a time-out.
    explicit operator bool() const noexcept { return packet_ != nullptr; }

    // The rest throws std::logic_error when there is no packet.

    const Val& value() const;
    /// How many times the packet has been handed out by lease, with this one: 1 the first time. It
    /// stays at LeaseOptions::highest_limit.
    unsigned deliveries() const;
    /// How many packets were put into the pipe before this one: the packets of a pipe keep their
    /// numbers, and no two have the same. (A packet that a consumer has taken for good and put back
    /// has 0.)
    std::uint64_t sequence() const;
    /// Done: the packet is never handed out again. False when it was not this lease's any more: it
    /// had expired and gone to somebody else, or was given back. A second call returns the same.
    /// Throws PoolStalled, and std::runtime_error when this thread cannot use the pool (all its
    /// thread slots are taken), with nothing changed: it can be called again, by any thread.
    bool ack();
    /// Back to the queue, at once; or, if this thread cannot enter the pool, by the next thread of
    /// the process that waits in it. Does nothing when the lease has ended.
    void give_back();

private:
    std::unique_ptr<detail::leased_packet> packet_;
};

}  // namespace valpool
