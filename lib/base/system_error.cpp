#include "base/system_error.hpp"

#include <stdexcept>
#include <system_error>

namespace valpool::detail {

void throw_system_error(const char* call, const std::string& subject, int error_number) {
    throw std::runtime_error(subject + ": " + call + ": " +
                             std::generic_category().message(error_number));
}

std::string byte_count(std::size_t bytes) {
    return std::to_string(static_cast<std::ptrdiff_t>(bytes));
}

std::string quoted(const std::string& name) {
    constexpr std::size_t longest = 300;
    constexpr char hex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : name.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        }
    }
    return out + (name.size() > longest ? "...\"" : "\"");
}

std::string subject_of(const std::string& pool_name) { return "memory pool " + quoted(pool_name); }

}  // namespace valpool::detail
