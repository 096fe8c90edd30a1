#include <valpool/value/big_int.hpp>
#include <valpool/value/json.hpp>

#include "base/utf8.hpp"
#include "value/containers.hpp"
#include "value/key_collisions.hpp"
#include "value/scanner.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

/// Values from JSON. Open containers are kept on a stack of their own, so that deep nesting does
/// not use up the thread's stack.

namespace valpool {

using namespace detail;

namespace {

class reader {
public:
    reader(scanner& s, const parse_limits& limits) : s_(s), limits_(limits) {}

    Val read() {
        for (;;) {
            skip_space();
            if (s_.take_if('{')) {
                open(Tab(), '}');
            } else if (s_.take_if('[')) {
                open(Arr(), ']');
            } else if (Val whole; has_ended(scalar(), whole)) {
                return whole;
            }
            if (Val whole; was_empty_ && has_ended(close(), whole)) return whole;
        }
    }

private:
    struct level {
        Val container;
        std::string key;
        std::size_t place;
        char end;
        key_collisions collisions{};
    };

    /// JSON's white space only: Python literals allow more kinds, and comments.
    void skip_space() noexcept {
        while (s_.peek() == ' ' || s_.peek() == '\n' || s_.peek() == '\t' || s_.peek() == '\r')
            s_.skip(1);
    }

    void open(Val&& container, char end) {
        const std::size_t place = s_.position() - 1;
        if (open_.size() >= limits_.depth)
            s_.fail_at(place, "more than " + std::to_string(limits_.depth) + " levels");
        open_.push_back({std::move(container), std::string(), place, end});
        skip_space();
        was_empty_ = s_.take_if(end);
        if (!was_empty_ && end == '}') read_key();
    }

    Val close() {
        Val done = std::move(open_.back().container);
        open_.pop_back();
        was_empty_ = false;
        return done;
    }

    void read_key() {
        skip_space();
        if (s_.peek() != '"') s_.fail("expected a key in double quotes");
        open_.back().key = text();
        skip_space();
        if (!s_.take_if(':')) s_.fail("expected ':' after the key");
    }

    /// Adds a value to the open container, and closes the containers that end after it. True when
    /// the outermost one is closed: then `whole` is the result.
    bool has_ended(Val&& value, Val& whole) {
        for (;;) {
            if (open_.empty()) {
                whole = std::move(value);
                return true;
            }
            deliver(open_.back(), std::move(value));
            skip_space();
            const level& l = open_.back();
            if (s_.at_end()) s_.fail_at(l.place, "this container is not closed");
            if (s_.take_if(',')) {
                if (l.end == '}') read_key();
                return false;
            }
            if (!s_.take_if(l.end)) s_.fail(std::string("expected ',' or '") + l.end + "'");
            value = close();
        }
    }

    void deliver(level& l, Val&& value) {
        if (l.end != '}') return static_cast<Arr&>(l.container).append(std::move(value));
        Tab& table = static_cast<Tab&>(l.container);
        l.collisions.expect(table, std::string_view(l.key));
        table.insertKeyAndValue(l.key, std::move(value));
        if (!l.collisions.accepts(table)) s_.fail_at(l.place, key_collisions::refusal);
    }

    Val scalar() {
        if (s_.peek() == '"') return text();
        if (s_.take_word("null")) return Val();
        if (s_.take_word("true")) return true;
        if (s_.take_word("false")) return false;
        if (s_.peek() == '-' || is_digit(s_.peek())) return number();
        s_.fail(s_.at_end() ? "the text ends where a value should be" : "expected a value");
    }

    std::string text() {
        const std::size_t start = s_.position();
        s_.skip(1);
        std::string read;
        for (;;) {
            // Everything up to the next quote, escape or control character stands for itself.
            const std::string_view rest = s_.rest();
            std::size_t plain = 0;
            while (plain < rest.size() && rest[plain] != '"' && rest[plain] != '\\' &&
                   static_cast<unsigned char>(rest[plain]) >= 0x20)
                ++plain;
            if (!is_utf8(rest.substr(0, plain))) s_.fail("this text is not UTF-8");
            read.append(rest.substr(0, plain));
            s_.skip(plain);
            if (s_.at_end()) s_.fail_at(start, "this text is not closed");
            if (s_.take_if('"')) return read;
            if (!s_.take_if('\\')) s_.fail("a control character must be written as \\u00..");
            escape(read);
        }
    }

    void escape(std::string& read) {
        constexpr std::string_view letters = "\"\\/bfnrt";
        constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
        const char c = s_.take();
        if (c == 'u') return parse_code_point(s_, 4, read);
        const std::size_t i = letters.find(c);
        if (i == std::string_view::npos)
            s_.fail_at(s_.position() - 2, "JSON does not have this escape");
        read += meanings[i];
    }

    std::size_t skip_digits() {
        const std::size_t start = s_.position();
        while (is_digit(s_.peek())) s_.skip(1);
        if (s_.position() == start) s_.fail("expected a digit");
        return s_.position() - start;
    }

    Val number() {
        const std::size_t start = s_.position();
        const std::string_view rest = s_.rest();
        s_.take_if('-');
        const bool has_zero = s_.peek() == '0';
        if (skip_digits() > 1 && has_zero) s_.fail_at(start, "a number cannot begin with 0");
        bool is_real = s_.take_if('.');
        if (is_real) skip_digits();
        if (s_.take_if('e') || s_.take_if('E')) {
            is_real = true;
            if (!s_.take_if('-')) s_.take_if('+');
            skip_digits();
        }
        const std::string_view digits = rest.substr(0, s_.position() - start);
        return is_real ? real(digits, start) : integer(digits);
    }

    Val real(std::string_view digits, std::size_t start) {
        real_8 value = 0;
        const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (result.ec == std::errc::result_out_of_range)
            value = std::strtod(std::string(digits).c_str(), nullptr);
        if (!std::isfinite(value)) s_.fail_at(start, "this number is beyond the range of reals");
        return value;
    }

    static Val integer(std::string_view digits) {
        const char* const end = digits.data() + digits.size();
        int_8 i = 0;
        if (std::from_chars(digits.data(), end, i).ec == std::errc{})
            return i == static_cast<int_4>(i) ? Val(static_cast<int_4>(i)) : Val(i);
        int_u8 u = 0;
        if (std::from_chars(digits.data(), end, u).ec == std::errc{}) return u;
        return int_n(digits);
    }

    scanner& s_;
    const parse_limits& limits_;
    std::vector<level> open_;
    bool was_empty_ = false;  // the container that was opened last is empty, and closed
};

}  // namespace

Val from_json(std::string_view text, const parse_limits& limits) {
    if (text.size() > limits.size_bytes)
        throw std::logic_error("JSON: a text of " + std::to_string(text.size()) +
                               " bytes; at most " + std::to_string(limits.size_bytes) +
                               " are allowed");
    scanner s(text, 0);
    try {
        Val v = reader(s, limits).read();
        while (s.peek() == ' ' || s.peek() == '\n' || s.peek() == '\t' || s.peek() == '\r')
            s.skip(1);
        if (!s.at_end()) s.fail("something follows the value");
        return v;
    } catch (const std::logic_error& e) {
        throw std::logic_error(std::string("JSON, ") + e.what());
    }
}

}  // namespace valpool
