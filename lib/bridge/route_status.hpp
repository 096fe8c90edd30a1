#pragma once

/// How a route says how it is, where `valpool stat` and others find it: as a packet in a temporary
/// pipe of its pool, which ends with the route.

#include "bridge/route.hpp"
#include "bridge/status.hpp"
#include "bridge/transport.hpp"

#include <valpool/idempotent_producer.hpp>
#include <valpool/server_side.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

namespace valpool::bridge {

/// How often a wait in a pool asks whether it is over.
constexpr std::int64_t poll_us = 20000;

struct already_carried : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The name of the route's pipe.
std::string status_pipe_of(const route& r, const std::string& destination);

/// The packet.
Val status_packet(const route& r, const std::string& destination, const sender_status& s,
                  const connection_status& link);
Val status_packet(const route& r, const std::string& destination, const receiver_status& s,
                  const connection_status& link);

/// The pipe. Whoever has started it is the only one that carries the route.
class status_board {
public:
    status_board(const std::string& pool, const std::string& pipe,
                 const std::function<bool()>& is_over);

    /// False when is_over() came first. Throws already_carried.
    bool start();
    /// Twice a second.
    void report_if_due(const std::function<Val()>& packet);

private:
    ServerSide side_;
    std::optional<IdempotentProducer> owner_;
    std::chrono::steady_clock::time_point next_{};
};

}  // namespace valpool::bridge
