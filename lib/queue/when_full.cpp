#include "queue/when_full.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace valpool {

namespace detail {

bool queue_core::put_numbered(Val&&, const packet_number&, deadline) {
    throw std::logic_error("a queue on the heap takes no numbers");
}

namespace {
bool put_one(queue_core& core, Val& packet, deadline until, const packet_number* number) {
    return number ? core.put_numbered(std::move(packet), *number, until)
                  : core.put(std::move(packet), until);
}

/// Makes room by dropping, and puts the packet in. False when nothing is left to drop, but there is
/// no room either.
bool put_in_place_of_oldest(queue_core& core, Val& packet, const packet_number* number) {
    const deadline at_once = deadline::in_seconds(0);
    for (;;) {
        const bool has_dropped = core.drop_oldest();
        if (has_dropped) core.count_dropped();
        if (put_one(core, packet, at_once, number)) return true;
        // Other writers may have been faster, but then each of them has put a packet in.
        if (!has_dropped) return false;
    }
}
}  // namespace

bool put_with(queue_core& core, Val& packet, WhenFull policy, deadline until,
              const packet_number* number) {
    if (put_one(core, packet, until, number)) return true;
    if (policy == WhenFull::Wait) return false;
    if (policy == WhenFull::DropOldest && put_in_place_of_oldest(core, packet, number)) return true;
    core.count_dropped();
    return false;
}

}  // namespace detail

using namespace detail;

namespace {

/// One packet on its way into several queues.
class multicaster {
public:
    explicit multicaster(const Val& value) : value_(value) {}

    /// Must be called before put() for a queue of that pool. Throws PoisonedError. Where the pool
    /// cannot take a copy, put() fails later.
    void prepare(queue_core& core) {
        if (packet_for(core)) return;
        try {
            packets_.emplace_back(core.pool(), core.as_packet(value_));
        } catch (const PoolExhausted&) {
        } catch (const PoolStalled&) {
        }
    }

    /// False when the queue did not get the packet, for whatever reason.
    bool put(queue_core& core, WhenFull policy, deadline until) const {
        const Val* const packet = packet_for(core);
        if (!packet) return false;
        try {
            Val handle(*packet);
            return put_with(core, handle, policy, until);
        } catch (const PoolExhausted&) {
        } catch (const PoolRetired&) {
        } catch (const PoolStalled&) {
        } catch (const BreakRequested&) {
        }
        return false;
    }

private:
    const Val* packet_for(const queue_core& core) const noexcept {
        for (const auto& [pool, packet] : packets_)
            if (pool == core.pool()) return &packet;
        return nullptr;
    }

    const Val& value_;
    std::vector<std::pair<const StreamingPool*, Val>> packets_;  // one for each pool
};

}  // namespace

std::vector<std::size_t> multicast(const Val& value, const std::vector<CQ*>& queues,
                                   WhenFull policy, double timeout_s) {
    const deadline until = deadline::of_time_out(timeout_s);
    if (std::find(queues.begin(), queues.end(), nullptr) != queues.end())
        throw std::logic_error("multicast: one of the queues is a null pointer");
    multicaster packet(value);
    for (CQ* const queue : queues) packet.prepare(queue_access::core(*queue));
    // First all that have room: a reader that is slow delays none of the others.
    std::vector<std::size_t> full;
    for (std::size_t i = 0; i < queues.size(); ++i)
        if (!packet.put(queue_access::core(*queues[i]), WhenFull::Wait, deadline::in_seconds(0)))
            full.push_back(i);
    std::vector<std::size_t> missed;
    for (const std::size_t i : full)
        if (!packet.put(queue_access::core(*queues[i]), policy, until)) missed.push_back(i);
    for (CQ* const queue : queues) queue_access::settle(*queue);
    return missed;
}

}  // namespace valpool
