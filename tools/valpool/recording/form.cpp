#include "form.hpp"

#include "../mcap/compression.hpp"
#include "../words.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace tool {

namespace {
const char json_schema[] =
    R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"valpool packet",)"
    R"("description":"Any value, as valpool's to_json writes it"})";
}  // namespace

std::uint16_t add_schema_for(mcap::writer& into, std::string_view encoding) {
    if (encoding != json_encoding) return 0;
    return into.add_schema("valpool packet", "jsonschema", json_schema);
}

void encode(const valpool::Val& packet, std::string_view encoding, std::string& out) {
    out.clear();
    if (encoding == cbor_encoding)
        valpool::to_cbor(packet, out);
    else
        out = valpool::to_json(packet);
}

valpool::Val decode(const mcap::channel& c, const mcap::message& m) {
    try {
        if (c.message_encoding == cbor_encoding) return valpool::from_cbor(m.data);
        if (c.message_encoding == json_encoding) return valpool::from_json(m.data);
    } catch (const std::logic_error& e) {
        throw std::runtime_error("message " + std::to_string(m.sequence) + " of '" + c.topic +
                                 "' cannot be read: " + e.what());
    }
    throw std::runtime_error("'" + c.topic + "' has messages in '" + c.message_encoding +
                             "'; only cbor and json can be read");
}

mcap::time_ns time_now() {
    timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<mcap::time_ns>(now.tv_sec) * 1000000000 +
           static_cast<mcap::time_ns>(now.tv_nsec);
}

std::string time_text(mcap::time_ns t) {
    const auto seconds = static_cast<std::time_t>(t / 1000000000);
    std::tm parts = {};
    if (!gmtime_r(&seconds, &parts)) return std::to_string(t) + " ns";
    std::array<char, 40> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    std::snprintf(text.data() + length, text.size() - length, ".%03u",
                  static_cast<unsigned>(t / 1000000 % 1000));
    return text.data();
}

std::string length_text(double seconds) {
    if (seconds < 60) return duration_text(seconds);
    const auto whole = static_cast<std::uint64_t>(seconds);
    if (whole < 3600)
        return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
    return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

void add_compression(command_words& command, std::string& into) {
    command.choice("--compression", into, {"zstd", "lz4", "none"},
                   "of the chunks: zstd, lz4 or none (default zstd)");
}

std::string compression_named(const std::string& option) { return option == "none" ? "" : option; }

void add_encoding(command_words& command, std::string& into) {
    command.choice("--encoding", into, {"cbor", "json"},
                   "of the packets: cbor, which keeps everything, or json (default cbor)");
}

}  // namespace tool
