#pragma once

#include <valpool/value/val.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

/// The parts of the parser of values.

namespace valpool::detail {

inline bool is_digit(char c) noexcept { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
inline bool is_word(char c) noexcept {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Whether c is a digit of this base: up to 10, or 16.
inline bool is_digit_of(int base, char c) noexcept {
    if (base == 16) return std::isxdigit(static_cast<unsigned char>(c)) != 0;
    return c >= '0' && c < '0' + base;
}

/// A text, and the position up to which it has been read.
class scanner {
public:
    scanner(std::string_view text, std::size_t position) noexcept
        : text_(text), position_(position) {}

    std::size_t position() const noexcept { return position_; }
    void go_back(std::size_t position) noexcept { position_ = position; }
    bool at_end() const noexcept { return position_ == text_.size(); }
    char peek(std::size_t ahead = 0) const noexcept {
        return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
    }
    char take() {
        if (at_end()) fail("the text ends in the middle of a value");
        return text_[position_++];
    }
    std::string_view rest() const noexcept { return text_.substr(position_); }
    void skip(std::size_t count) noexcept { position_ += count; }

    void skip_space() noexcept {
        while (!at_end()) {
            if (peek() == '#') {
                position_ = std::min(text_.find('\n', position_), text_.size());
            } else if (std::isspace(static_cast<unsigned char>(peek()))) {
                ++position_;
            } else {
                return;
            }
        }
    }
    bool take_if(char c) noexcept {
        if (at_end() || peek() != c) return false;
        ++position_;
        return true;
    }
    /// Takes the word only if it is not the start of a longer one.
    bool take_word(std::string_view word) noexcept {
        if (rest().substr(0, word.size()) != word || is_word(peek(word.size()))) return false;
        position_ += word.size();
        return true;
    }
    void expect(char c, const char* what) {
        skip_space();
        if (!take_if(c)) fail(std::string("expected ") + what);
    }

    [[noreturn]] void fail(const std::string& why) const { fail_at(position_, why); }
    [[noreturn]] void fail_at(std::size_t place, const std::string& why) const {
        const std::string_view before = text_.substr(0, place);
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
        const std::size_t column = place - line_start;
        constexpr std::size_t around = 30;
        const std::size_t first = column > around ? place - around : line_start;
        std::string excerpt(text_.substr(first, place - first + around));
        excerpt.erase(std::min(excerpt.find('\n', place - first), excerpt.size()));
        std::string marker(place - first, ' ');
        for (char& c : excerpt)
            if (std::iscntrl(static_cast<unsigned char>(c))) c = ' ';
        std::ostringstream message;
        message << "line " << line << ", column " << column + 1 << ": " << why << "\n    "
                << excerpt << "\n    " << marker << '^';
        throw std::logic_error(message.str());
    }

private:
    std::string_view text_;
    std::size_t position_;
};

bool starts_number(const scanner& s) noexcept;
/// The precision that a real is rounded to. It is stored as a real_8 in both cases.
enum class precision { single_, double_ };
/// Reads a number, which may have an imaginary part: 1-2.5j.
Val parse_number(scanner& s, precision reals = precision::double_);
/// Reads a complex number in brackets: "(1-2.5j)". When the text is something else, returns nothing
/// and takes nothing.
std::optional<Val> try_complex(scanner& s, precision reals = precision::double_);
/// After \u or \U: reads so many hexadecimal digits, and appends the character to `text` as UTF-8.
/// Two escapes that are the halves of one character give that character.
void parse_code_point(scanner& s, int digits, std::string& text);
/// Reads text in quotes, and resolves its escapes.
std::string parse_text(scanner& s);

}  // namespace valpool::detail
