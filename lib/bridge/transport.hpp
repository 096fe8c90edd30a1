#pragma once

/// What a bridge needs of the engine that carries its messages to other hosts. nats.hpp and
/// zeromq.hpp implement it.

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace valpool::bridge {

/// The engine cannot do what it was asked for now; the message says why. Trying again later may
/// help.
struct transport_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What an outlet says of the messages that it was given. The functions may be called by any
/// thread, also while `send` runs, and do not wait.
class outlet_events {
public:
    /// The message with that ticket is safe with the engine, or on its way for good if the engine
    /// does not confirm.
    virtual void confirmed(std::uint64_t ticket) = 0;
    /// The engine has refused it, for lack of room or another reason: it has to be sent again.
    virtual void refused(std::uint64_t ticket, const std::string& why) = 0;
    /// The connection was lost and is there again: what is not confirmed may have arrived or not.
    virtual void reconnected() = 0;

protected:
    ~outlet_events() = default;
};

struct outlet_limits {
    std::size_t message_bytes;
    /// Of a packet. The engine has to keep all its parts at the same time.
    std::size_t packet_messages = std::numeric_limits<std::size_t>::max();
    std::size_t packet_bytes = std::numeric_limits<std::size_t>::max();
};

/// The way out. One thread uses it.
class outlet {
public:
    virtual ~outlet() = default;
    /// Sends a message: its two halves are one. Waits if the engine cannot take it fast enough.
    /// Throws transport_error, for a message that was not sent.
    virtual void send(std::uint64_t ticket, std::string_view head, std::string_view body) = 0;
    virtual outlet_limits limits() const = 0;
};

/// A message that has arrived. It is the engine's until it is done.
class arrival {
public:
    virtual ~arrival() = default;
    virtual std::string_view bytes() const = 0;
    /// It is never delivered again. If the connection is lost before the engine knows, it is.
    virtual void done() = 0;
};

/// The way in. One thread uses it.
class inlet {
public:
    virtual ~inlet() = default;
    /// The next messages, in the order in which the engine got them; empty when the time is over.
    /// After an interruption, all that are not done come again, from the oldest one. (Then `done`
    /// of those that came before has no effect.) Throws transport_error.
    virtual std::vector<std::unique_ptr<arrival>> receive(std::chrono::milliseconds timeout) = 0;
    /// Counts those interruptions: when it changes, what came before is not to be gone on with.
    virtual std::uint64_t interruptions() const = 0;
};

/// Figures of a connection.
struct connection_status {
    bool is_connected = false;
    std::uint64_t reconnects = 0;
    std::string trouble;  // the last one; empty: none
};

}  // namespace valpool::bridge
