#include <valpool/value/detail/type_rows.hpp>

#include <stdexcept>
#include <string>

namespace valpool::detail {

namespace {
/// A printable character as itself, anything else as its number: a control character can confuse a
/// terminal.
std::string shown(char c) {
    if (c > ' ' && c < 0x7f) return std::string{'\'', c, '\''};
    return std::to_string(static_cast<int>(static_cast<unsigned char>(c)));
}
}  // namespace

void throw_unknown_type(char tag, char subtype) {
    throw std::logic_error("no type has the tag " + shown(tag) + ", subtype " + shown(subtype) +
                           ": the value is damaged");
}

}  // namespace valpool::detail
