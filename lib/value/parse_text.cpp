#include "value/scanner.hpp"

/// Text from string literals.

namespace valpool::detail {

namespace {

unsigned hex_digits(scanner& s, int count) {
    unsigned value = 0;
    for (int i = 0; i < count; ++i) {
        const char c = s.take();
        if (!std::isxdigit(static_cast<unsigned char>(c)))
            s.fail_at(s.position() - 1, "expected a hexadecimal digit");
        value = value * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

void append_utf8(std::string& text, unsigned code) {
    const auto byte = [&text](unsigned bits) { text += static_cast<char>(bits); };
    const auto tail = [&](unsigned shift) { byte(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
        byte(0xc0 | (code >> 6));
    } else if (code < 0x10000) {
        byte(0xe0 | (code >> 12));
        tail(6);
    } else {
        byte(0xf0 | (code >> 18));
        tail(12);
        tail(6);
    }
    tail(0);
}

bool is_high_surrogate(unsigned code) noexcept { return code >= 0xd800 && code < 0xdc00; }
bool is_low_surrogate(unsigned code) noexcept { return code >= 0xdc00 && code < 0xe000; }

}  // namespace

void parse_code_point(scanner& s, int digits, std::string& text) {
    const std::size_t place = s.position() - 2;
    unsigned code = hex_digits(s, digits);
    if (is_high_surrogate(code) && s.peek() == '\\' && s.peek(1) == 'u') {
        s.skip(2);
        const unsigned second = hex_digits(s, 4);
        if (is_low_surrogate(second)) code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
    }
    if (is_high_surrogate(code) || is_low_surrogate(code))
        s.fail_at(place, "this is only half of a character (a lone surrogate)");
    if (code > 0x10ffff) s.fail_at(place, "no character has this code");
    append_utf8(text, code);
}

namespace {

/// Reads one to three octal digits: a byte.
void parse_octal(scanner& s, std::string& text) {
    const std::size_t place = s.position() - 1;
    unsigned code = 0;
    for (int i = 0; i < 3 && is_digit_of(8, s.peek()); ++i)
        code = code * 8 + static_cast<unsigned>(s.take() - '0');
    if (code > 0xff) s.fail_at(place, "this octal escape does not fit a byte");
    text += static_cast<char>(code);
}

void parse_escape(scanner& s, std::string& text) {
    if (is_digit_of(8, s.peek())) return parse_octal(s, text);
    const char c = s.take();
    switch (c) {
        case 'n': text += '\n'; return;
        case 't': text += '\t'; return;
        case 'r': text += '\r'; return;
        case 'a': text += '\a'; return;
        case 'b': text += '\b'; return;
        case 'f': text += '\f'; return;
        case 'v': text += '\v'; return;
        case '\n': return;
        case '\\':
        case '\'':
        case '"': text += c; return;
        case 'x': text += static_cast<char>(hex_digits(s, 2)); return;
        case 'u': parse_code_point(s, 4, text); return;
        case 'U': parse_code_point(s, 8, text); return;
        default: text += '\\'; text += c;  // as in Python
    }
}

}  // namespace

std::string parse_text(scanner& s) {
    const std::size_t start = s.position();
    const char quote = s.take();
    std::string text;
    for (;;) {
        if (s.at_end()) s.fail_at(start, "this text is not closed");
        const char c = s.take();
        if (c == quote) return text;
        if (c == '\\')
            parse_escape(s, text);
        else
            text += c;
    }
}

}  // namespace valpool::detail
