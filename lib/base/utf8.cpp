#include "base/utf8.hpp"

namespace valpool::detail {
namespace {
/// The length in bytes of a UTF-8 sequence that starts with this byte; 0 when none does.
std::size_t utf8_length(unsigned char first) noexcept {
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return 2;
    if (first >= 0xe0 && first < 0xf0) return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}
}  // namespace

bool is_utf8(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(byte(i));
        if (length == 0 || i + length > text.size()) return false;
        for (std::size_t j = 1; j < length; ++j)
            if ((byte(i + j) & 0xc0) != 0x80) return false;
        if (length >= 3) {  // no overlong forms, no surrogates, nothing beyond the last code point
            const unsigned second = byte(i + 1);
            const unsigned first = byte(i);
            if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
                (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
                return false;
        }
        i += length;
    }
    return true;
}

}  // namespace valpool::detail
