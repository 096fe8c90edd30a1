#include "bridge/message.hpp"

#include <boost/endian/arithmetic.hpp>

#include <cstring>
#include <stdexcept>

namespace valpool::bridge {
namespace {

constexpr char magic[8] = {'v', 'a', 'l', 'p', 'o', 'o', 'l', '1'};
constexpr std::uint16_t late_flag = 1;

/// As it is sent: big-endian, without gaps. The source's name follows, then the payload.
struct wire_header {
    char magic[8];
    boost::endian::big_uint64_t number;
    boost::endian::big_uint64_t previous;
    boost::endian::big_uint64_t confirmed;
    boost::endian::big_uint64_t packet_bytes;
    boost::endian::big_uint32_t part;
    boost::endian::big_uint32_t parts;
    boost::endian::big_uint16_t flags;
    boost::endian::big_uint16_t source_bytes;
};
static_assert(sizeof(wire_header) == 52 && alignof(wire_header) == 1, "nothing lies in between");

[[noreturn]] void reject(const char* why) {
    throw std::runtime_error(std::string("not a message of a bridge: ") + why);
}

void check(const wire_header& h, std::size_t payload_bytes) {
    if (h.number == 0) reject("the packet has no number");
    if (h.previous >= h.number && (h.flags & late_flag) == 0) reject("its predecessor comes later");
    if (h.parts == 0 || h.part >= h.parts) reject("a part that there is not");
    if ((h.flags & ~late_flag) != 0) reject("it has flags of a later version");
    if (h.parts != 1 && payload_bytes > h.packet_bytes) reject("a part is larger than its packet");
    if (h.parts == 1 && payload_bytes < h.packet_bytes) reject("its length is wrong");
    if (h.parts > h.packet_bytes) reject("it has more parts than bytes");
}

}  // namespace

void append_header(const message_header& header, std::string& to) {
    wire_header h;
    std::memcpy(h.magic, magic, sizeof magic);
    h.number = header.number;
    h.previous = header.previous;
    h.confirmed = header.confirmed;
    h.packet_bytes = header.packet_bytes;
    h.part = header.part;
    h.parts = header.parts;
    h.flags = header.is_late ? late_flag : std::uint16_t{0};
    h.source_bytes = static_cast<std::uint16_t>(header.source.size());
    to.append(reinterpret_cast<const char*>(&h), sizeof h);
    to += header.source;
}

std::string encoded(const message_header& header) {
    std::string bytes;
    append_header(header, bytes);
    return bytes;
}

message take_message(std::string_view& all) {
    std::string_view bytes = all;
    wire_header h;
    if (bytes.size() < sizeof h) reject("it is too short");
    std::memcpy(&h, bytes.data(), sizeof h);
    if (std::memcmp(h.magic, magic, sizeof magic) != 0) reject("it begins with something else");
    bytes.remove_prefix(sizeof h);
    if (h.source_bytes == 0 || h.source_bytes > longest_source || h.source_bytes > bytes.size())
        reject("the name of its source is too long, or empty");
    const std::string_view source = bytes.substr(0, h.source_bytes);
    bytes.remove_prefix(h.source_bytes);
    check(h, bytes.size());
    if (h.parts == 1) bytes = bytes.substr(0, h.packet_bytes);
    all.remove_prefix(static_cast<std::size_t>(bytes.data() + bytes.size() - all.data()));
    return {{source, h.number, h.previous, h.confirmed, h.packet_bytes, h.part, h.parts,
             (h.flags & late_flag) != 0},
            bytes};
}

}  // namespace valpool::bridge
