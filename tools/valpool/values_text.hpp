#pragma once

/// Packets as lines of text, and back. docs/tools.md says how.

#include <valpool/val.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// A line of JSON, without the end of the line. Text that is not UTF-8 becomes the object
/// {"$base64": "..."}. Throws std::logic_error for what JSON cannot say.
std::string json_line(const valpool::Val& packet);
/// The reverse. Throws std::logic_error with the place of what is wrong.
valpool::Val packet_of_json(std::string_view line);

/// For people: a Python literal; long containers are cut after so many elements (0: not).
std::string shown_packet(const valpool::Val& packet, bool is_pretty, std::size_t most_elements);

/// A part of a packet, as "a.b[3]" or "a[\"key with spaces\"]".
class field_path {
public:
    /// Throws usage_error.
    explicit field_path(const std::string& text);
    /// Null when the packet has no such part. The result lies in the packet.
    const valpool::Val* find(const valpool::Val& packet) const;

private:
    std::vector<valpool::Val> steps_;
};

}  // namespace tool
