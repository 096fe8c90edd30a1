#pragma once

/// How packets are messages of a recording: their encodings, and what a recording says about its
/// pool.

#include "../command_set.hpp"
#include "../mcap/writer.hpp"

#include <valpool/valpool.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tool {

/// Values of Channel::message_encoding.
constexpr std::string_view cbor_encoding = "cbor";
constexpr std::string_view json_encoding = "json";
/// The name of the metadata record with what is known about the pool.
constexpr std::string_view about_the_pool = "valpool";
/// The schema of channels with that encoding, which it adds: JSON has one. 0: none.
std::uint16_t add_schema_for(mcap::writer& into, std::string_view encoding);

/// Replaces `out` by the packet's bytes. Throws std::logic_error for what JSON cannot say.
void encode(const valpool::Val& packet, std::string_view encoding, std::string& out);
/// Throws std::runtime_error, which says what is wrong and with which message.
valpool::Val decode(const mcap::channel& c, const mcap::message& m);

/// The time of day, in nanoseconds since 1970.
mcap::time_ns time_now();
/// "2026-11-30 09:41:07.123" in UTC.
std::string time_text(mcap::time_ns t);
/// How long a recording is, for people: "12 s", "4 min 5 s", "3 h 20 min".
std::string length_text(double seconds);

/// Binds `--compression`: zstd, lz4 or none.
void add_compression(command_words& command, std::string& into);
/// The name that stands in the file, for what the option says.
std::string compression_named(const std::string& option);
/// Binds `--encoding`: cbor or json.
void add_encoding(command_words& command, std::string& into);

}  // namespace tool
