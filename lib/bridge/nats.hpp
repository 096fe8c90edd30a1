#pragma once

/// NATS JetStream as the transport: the broker keeps what is not received yet, on its disk, and
/// says so. For each route a stream of its own, from which each message goes once it is received.

#include "bridge/transport.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace valpool::bridge {

/// Where the broker is, and who we are. The files belong to whoever runs the bridge.
struct nats_options {
    std::string url;          // nats://HOST:PORT or tls://HOST:PORT, several separated by commas
    std::string credentials;  // a file as `nsc` makes it: the user's JWT and key
    std::string ca;           // a file with the certificates to trust
    std::string certificate;  // this side's, with its key
    std::string key;
};

/// What a stream is made with, if it is not there yet.
struct stream_options {
    std::string subject;
    std::string stream;                  // its name; empty: made of the subject
    std::int64_t most_messages = 10000;  // it takes no more: the sender waits
    std::int64_t most_bytes = std::int64_t{1} << 30;
    std::int64_t replicas = 1;
    bool is_in_memory = false;
};

/// Throws std::invalid_argument for options that make no sense or are not safe: a password in the
/// URL, a file of secrets that others can read.
void check(const nats_options& options);
void check(const stream_options& options);

/// A connection that comes back by itself.
class nats_connection {
public:
    /// Connects, and tries again until is_over(). Throws std::invalid_argument.
    nats_connection(const nats_options& options, const std::function<bool()>& is_over);
    ~nats_connection();
    nats_connection(const nats_connection&) = delete;
    nats_connection& operator=(const nats_connection&) = delete;

    connection_status status() const;

    /// Each makes the stream if there is none. Throws transport_error, also when there is a stream
    /// of that name that does something else.
    std::unique_ptr<outlet> way_out(const stream_options& to, outlet_events& events);
    std::unique_ptr<inlet> way_in(const stream_options& from);

    struct link;

private:
    std::shared_ptr<link> link_;
};

}  // namespace valpool::bridge
