#pragma once

/// ZeroMQ as the transport: from host to host without a broker. Nothing is confirmed, so a message
/// arrives at most once: what is on its way is lost with the connection, or with either process.

#include "bridge/transport.hpp"

#include <memory>
#include <string>

namespace valpool::bridge {

struct zeromq_options {
    std::string endpoint;      // tcp://HOST:PORT, ipc://PATH: the way in listens there
    int most_messages = 1000;  // that wait on either side; then the sender waits
    std::size_t most_bytes = std::size_t{64} << 20U;  // of a message; others are not received
};

/// Throws std::invalid_argument.
void check(const zeromq_options& options);

/// Each throws transport_error when it cannot connect to the endpoint, or listen there.
std::unique_ptr<outlet> zeromq_way_out(const zeromq_options& to, outlet_events& events);
std::unique_ptr<inlet> zeromq_way_in(const zeromq_options& from);

}  // namespace valpool::bridge
