#pragma once

/// A lease on a packet of a pipe, as the process has it.

#include "queue/leases.hpp"
#include "queue/queue_core.hpp"

#include <string>

namespace valpool::detail {

class pool_lease final : public leased_packet {
public:
    /// Has no packet yet. A further handle on the pipe's hold keeps the pipe.
    explicit pool_lease(hold& pipe_hold) noexcept;
    ~pool_lease() override;
    pool_lease(const pool_lease&) = delete;
    pool_lease& operator=(const pool_lease&) = delete;

    /// Takes over the lease and the handle of a packet that was leased. When the packet cannot be
    /// unpacked, throws, and the packet is back in the pipe, as if it had not been delivered.
    void begin(const lease_ticket& ticket, hold* h);
    /// Takes them over, too, and moves the packet to the pipe of that name. False when there is no
    /// such pipe or it is full: then the packet is back where it was.
    bool send_to(const std::string& name, const lease_ticket& ticket, hold* h);

    const Val& value() const noexcept override { return value_; }
    unsigned deliveries() const noexcept override { return ticket_.granted.deliveries(); }
    std::uint64_t sequence() const noexcept override { return ticket_.position; }
    bool ack() override;
    void give_back() noexcept override { give_back(true); }

private:
    /// False in a forked child: the lease is its parent's.
    bool is_open() const noexcept;
    void give_back(bool counts) noexcept;
    bool try_send(pipe& to, hold& h);

    arena& arena_;
    hold* const pipe_hold_;
    pipe& pipe_;
    lease_ticket ticket_;
    Val value_;
    std::uint32_t generation_ = 0;
    bool has_ended_ = true;
    bool was_acknowledged_ = false;
};

/// Gives back the leases of this process and pool that ended in a thread that could not enter.
void give_back_late_leases(thread_lane& l) noexcept;

}  // namespace valpool::detail
