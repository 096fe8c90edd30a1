#include "base/system_error.hpp"

#include "base/utf8.hpp"

#include <stdexcept>
#include <string_view>
#include <system_error>

namespace valpool::detail {

void throw_system_error(const char* call, const std::string& subject, int error_number) {
    throw std::runtime_error(subject + ": " + call + ": " +
                             std::generic_category().message(error_number));
}

std::string byte_count(std::size_t bytes) {
    return std::to_string(static_cast<std::ptrdiff_t>(bytes));
}

namespace {

void append_hex(std::string& out, char c) {
    constexpr char hex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += hex[byte >> 4];
    out += hex[byte & 15];
}

/// Terminals obey U+0080 to U+009F as well. In UTF-8 these are C2 and a byte below A0.
bool is_upper_control(std::string_view utf8, std::size_t i) noexcept {
    return utf8[i] == '\xc2' && static_cast<unsigned char>(utf8[i + 1]) < 0xa0;
}

/// At most so many bytes, without half of a character at the end if the name is UTF-8.
std::string_view beginning_of(std::string_view name, std::size_t longest) noexcept {
    if (name.size() <= longest) return name;
    std::size_t end = longest;
    while (end > longest - 4 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
    return name.substr(0, end);
}

}  // namespace

std::string quoted(const std::string& name) {
    constexpr std::size_t longest = 300;
    const std::string_view shown = beginning_of(name, longest);
    const bool shows_utf8 = is_utf8(shown);
    std::string out = "\"";
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const auto byte = static_cast<unsigned char>(shown[i]);
        if (byte >= 0x80 && shows_utf8 && is_upper_control(shown, i)) {
            append_hex(out, shown[i]);
            append_hex(out, shown[++i]);
        } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !shows_utf8)) {
            append_hex(out, shown[i]);
        } else {
            if (byte == '\\')
                out += '\\';  // or a name could look like another one that was escaped
            out += shown[i];
        }
    }
    return out + (shown.size() < name.size() ? "...\"" : "\"");
}

std::string subject_of(const std::string& pool_name) { return "memory pool " + quoted(pool_name); }

}  // namespace valpool::detail
