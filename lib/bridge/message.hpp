#pragma once

/// What a bridge sends: a packet, or a part of one, behind a header. Several whole packets may
/// stand one behind the other, and are one message for the engine. The same for each transport.

#include <cstdint>
#include <string>
#include <string_view>

namespace valpool::bridge {

/// What the header says.
struct message_header {
    /// Names the pipe that the packet comes from, and no other one: see source_name.
    std::string_view source;
    /// The packet's number in its pipe, from 1.
    std::uint64_t number = 0;
    /// The number of the packet that was sent before this one; 0: it is the sender's first. Whoever
    /// has not got that one has a gap, and waits for the sender to repeat both.
    std::uint64_t previous = 0;
    /// All packets up to that number have been confirmed by the broker. Whoever has not got them
    /// will not get them any more.
    std::uint64_t confirmed = 0;
    std::uint64_t packet_bytes = 0;  // of all parts together
    std::uint32_t part = 0;
    std::uint32_t parts = 1;
    /// The packet came back to its pipe after later ones had been sent: it is outside of the order.
    bool is_late = false;
};

struct message {
    message_header header;
    std::string_view payload;
};

/// Appends the bytes of a message with that header, in front of its payload.
void append_header(const message_header& header, std::string& to);
std::string encoded(const message_header& header);

/// Takes the first message off these bytes, which it refers to: a whole packet ends where the next
/// message begins, a part ends where the bytes end. Throws std::runtime_error, which says what is
/// wrong, for bytes that are no message, and for headers that contradict themselves; `bytes` are
/// what they were then.
message take_message(std::string_view& bytes);

/// The longest name of a source: 255 bytes of the pipe, and what tells it from others of that name.
constexpr std::size_t longest_source = 255 + 40;

}  // namespace valpool::bridge
