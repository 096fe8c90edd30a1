#include "terminal.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

namespace tool {
namespace {

struct character {
    char32_t code = 0;
    std::size_t bytes = 0;  // 0: what is there is not UTF-8
};

/// The character that the text begins with.
character first_character(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {first, 1};
    const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || bytes > text.size()) return {};
    char32_t code = first & (0x7fU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    const bool is_overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
    const bool is_surrogate = code >= 0xd800 && code < 0xe000;
    if (is_overlong || is_surrogate || code > 0x10ffff) return {};
    return {code, bytes};
}

/// Columns of the character; negative for one that does not print.
int columns_of(char32_t code) {
    static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (utf8 == nullptr) return code < 0x20 || (code >= 0x7f && code < 0xa0) ? -1 : 1;
    const locale_t before = uselocale(utf8);
    const int columns = wcwidth(static_cast<wchar_t>(code));
    uselocale(before);
    return columns;
}

/// These change the direction of the text around them, so a name could look like another one.
bool turns_text_around(char32_t code) {
    return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0x200e || code == 0x200f;
}

winsize terminal_size() noexcept {
    winsize size = {};
    if (!is_terminal() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) size = {};
    return size;
}

bool is_set(const char* variable) {
    const char* const value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

const char* code_of(style how) {
    switch (how) {
        case style::bold: return "1";
        case style::dim: return "2";
        case style::good: return "32";
        case style::warning: return "33";
        case style::bad: return "1;31";
        case style::plain: break;
    }
    return "0";
}

}  // namespace

bool is_terminal() noexcept { return isatty(STDOUT_FILENO) == 1; }

std::size_t terminal_columns() noexcept {
    const winsize size = terminal_size();
    if (!is_terminal()) return 0;
    return size.ws_col == 0 ? 80 : size.ws_col;
}

std::size_t terminal_rows() noexcept {
    const winsize size = terminal_size();
    return size.ws_row == 0 ? 24 : size.ws_row;
}

bool has_colors() {
    const char* const kind = std::getenv("TERM");
    return is_terminal() && !is_set("NO_COLOR") && (!kind || std::strcmp(kind, "dumb") != 0);
}

std::string styled(std::string_view text, style how) {
    if (how == style::plain || !has_colors()) return std::string(text);
    return std::string("\x1b[") + code_of(how) + "m" + std::string(text) + "\x1b[0m";
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const character c = first_character(text);
        width += c.bytes == 0 ? 1 : static_cast<std::size_t>(std::max(columns_of(c.code), 0));
        text.remove_prefix(std::max<std::size_t>(c.bytes, 1));
    }
    return width;
}

std::string shortened(std::string_view text, std::size_t columns) {
    if (display_width(text) <= columns) return std::string(text);
    std::string result;
    std::size_t width = 0;
    while (!text.empty()) {
        const character c = first_character(text);
        const std::size_t bytes = std::max<std::size_t>(c.bytes, 1);
        width += display_width(text.substr(0, bytes));
        if (width + 1 > columns) break;
        result += text.substr(0, bytes);
        text.remove_prefix(bytes);
    }
    return columns == 0 ? "" : result + "…";
}

std::string shown(std::string_view text) {
    constexpr char hex[] = "0123456789abcdef";
    std::string result;
    while (!text.empty()) {
        const character c = first_character(text);
        if (c.code == U'\\') {  // or a name could look like another one that was escaped
            result += "\\\\";
            text.remove_prefix(1);
            continue;
        }
        if (c.bytes != 0 && columns_of(c.code) >= 0 && !turns_text_around(c.code)) {
            result += text.substr(0, c.bytes);
            text.remove_prefix(c.bytes);
            continue;
        }
        for (std::size_t i = 0; i < std::max<std::size_t>(c.bytes, 1); ++i) {
            const auto byte = static_cast<unsigned char>(text[i]);
            result += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        }
        text.remove_prefix(std::max<std::size_t>(c.bytes, 1));
    }
    return result;
}

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::string unshown(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        std::size_t taken = 1;
        char c = text.front();
        if (c == '\\' && text.size() >= 2 && text[1] == '\\') {
            taken = 2;
        } else if (c == '\\' && text.size() >= 4 && text[1] == 'x' && hex_digit(text[2]) >= 0 &&
                   hex_digit(text[3]) >= 0) {
            c = static_cast<char>(hex_digit(text[2]) * 16 + hex_digit(text[3]));
            taken = 4;
        }
        result += c;
        text.remove_prefix(taken);
    }
    return result;
}

}  // namespace tool
