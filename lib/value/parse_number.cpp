#include "value/big_number.hpp"
#include "value/scanner.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

/// Numbers from text.

namespace valpool::detail {

namespace {

struct number_text {
    std::string text;  // without a leading plus and without underscores
    int base = 10;     // 0: a real
};

/// Whether the text has `what` at `place`, which may lie beyond the end of the text.
bool has_at(std::string_view text, std::size_t place, std::string_view what) noexcept {
    return place <= text.size() && text.substr(place, what.size()) == what;
}

/// Reads a number, and tells how long it is.
class number_scanner {
public:
    explicit number_scanner(std::string_view rest) : rest_(rest) {}

    number_text scan() {
        if (take_if("-")) n_.text = "-";
        if (n_.text.empty()) take_if("+");
        for (const char* const word : {"inf", "nan"})
            if (take_if(word)) return real(word);
        for (const auto& [mark, base] : {std::pair("xX", 16), {"oO", 8}, {"bB", 2}})
            if (has_at(rest_, at_, "0") &&
                (letter_at(at_ + 1, mark[0]) || letter_at(at_ + 1, mark[1])))
                return prefixed(base);
        take_digits(10);
        if (take_if(".")) {
            n_.base = 0;
            n_.text += '.';
            take_digits(10);
        }
        take_exponent();
        return std::move(n_);
    }
    std::size_t length() const noexcept { return at_; }

private:
    bool letter_at(std::size_t place, char c) const noexcept {
        return place < rest_.size() && rest_[place] == c;
    }
    bool take_if(std::string_view what) noexcept {
        if (!has_at(rest_, at_, what)) return false;
        at_ += what.size();
        return true;
    }
    number_text real(const char* word) {
        n_.base = 0;
        n_.text += word;
        return std::move(n_);
    }
    /// As in Python, an underscore may stand between two digits, and right after the mark of a
    /// base.
    void take_digits(int base, bool is_behind_mark = false) {
        for (bool may_separate = is_behind_mark;; may_separate = true) {
            const bool separates = may_separate && letter_at(at_, '_');
            const std::size_t next = at_ + (separates ? 1 : 0);
            if (next >= rest_.size() || !is_digit_of(base, rest_[next])) return;
            n_.text += rest_[next];
            at_ = next + 1;
        }
    }
    number_text prefixed(int base) {
        at_ += 2;
        n_.base = base;
        take_digits(base, true);
        return std::move(n_);
    }
    void take_exponent() {
        const std::size_t start = at_;
        if (!take_if("e") && !take_if("E")) return;
        const bool is_negative = take_if("-");
        if (!is_negative) take_if("+");
        if (at_ == rest_.size() || !is_digit(rest_[at_])) {
            at_ = start;
            return;
        }
        n_.base = 0;
        n_.text += is_negative ? "e-" : "e";
        take_digits(10);
    }

    const std::string_view rest_;
    std::size_t at_ = 0;
    number_text n_;
};

template <class Real>
Real nearest_to(const std::string& text) {
    Real value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    // Gives infinity for a number that is too large, zero for one that is too small.
    if (result.ec == std::errc::result_out_of_range)
        return static_cast<Real>(std::strtod(text.c_str(), nullptr));
    return value;
}
real_8 real_of(const std::string& text, precision reals) {
    return reals == precision::single_ ? nearest_to<real_4>(text) : nearest_to<real_8>(text);
}

/// Converts binary or octal digits to hexadecimal ones, which a big integer reads at once.
std::string in_hexadecimal(std::string_view digits, unsigned bits_per_digit) {
    std::string reversed;
    unsigned bits = 0;
    unsigned count = 0;
    const auto put = [&] {
        reversed += "0123456789abcdef"[bits & 15];
        bits >>= 4;
    };
    for (std::size_t i = digits.size(); i-- > 0;) {
        bits |= static_cast<unsigned>(digits[i] - '0') << count;
        for (count += bits_per_digit; count >= 4; count -= 4) put();
    }
    put();
    return {reversed.rbegin(), reversed.rend()};
}

/// The integer of digits in base `n.base`, with an optional minus.
Val integer_of(const number_text& n, bool is_long) {
    const bool negative = n.text.front() == '-';
    const std::string_view digits = std::string_view(n.text).substr(negative ? 1 : 0);
    int_u8 magnitude = 0;
    const auto result =
        std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, n.base);
    if (!is_long && result.ec == std::errc{}) {
        const wide_int value = negative ? -static_cast<wide_int>(magnitude) : magnitude;
        if (value == static_cast<int_4>(value)) return static_cast<int_4>(value);
        if (value == static_cast<int_8>(value)) return static_cast<int_8>(value);
        if (value > 0) return magnitude;
    }
    if (n.base == 10) return int_n(n.text);
    const std::string hexadecimal =
        n.base == 16 ? std::string(digits) : in_hexadecimal(digits, n.base == 8 ? 3 : 1);
    return int_n((negative ? "-0x" : "0x") + hexadecimal);
}

/// Reads an integer, a real, or an imaginary number (with a j at its end).
Val parse_plain_number(scanner& s, precision reals) {
    const std::size_t start = s.position();
    number_scanner number(s.rest());
    const number_text n = number.scan();
    s.skip(number.length());
    if (n.text.empty() || n.text == "-") s.fail_at(start, "this is not a number");
    const bool is_decimal = n.base == 0 || n.base == 10;
    const bool is_imaginary = is_decimal && (s.take_if('j') || s.take_if('J'));
    const bool is_long = n.base != 0 && !is_imaginary && (s.take_if('L') || s.take_if('l'));
    if (is_word(s.peek())) s.fail_at(start, "this is not a number");
    if (is_imaginary) return complex_16(0, real_of(n.text, reals));
    return n.base == 0 ? Val(real_of(n.text, reals)) : integer_of(n, is_long);
}

}  // namespace

bool starts_number(const scanner& s) noexcept {
    const std::size_t sign = s.peek() == '-' || s.peek() == '+' ? 1 : 0;
    const char c = s.peek(sign);
    const std::string_view word = s.rest().substr(sign, 3);
    return is_digit(c) || (c == '.' && is_digit(s.peek(sign + 1))) || word == "inf" ||
           word == "nan";
}

Val parse_number(scanner& s, precision reals) {
    const bool has_minus = s.peek() == '-';
    Val first = parse_plain_number(s, reals);
    const std::size_t end = s.position();
    s.skip_space();
    if (first.tag != 'D' && (s.peek() == '+' || s.peek() == '-')) {
        const std::size_t sign = s.position();
        const bool is_negative = s.take() == '-';
        s.skip_space();
        if (s.peek() != '+' && s.peek() != '-' && starts_number(s)) {
            const Val second = parse_plain_number(s, reals);
            const real_8 part = static_cast<complex_16>(second).im;
            if (second.tag == 'D') {
                // An integer does not have a negative zero, but a real part that is printed like an
                // integer does.
                const auto magnitude = std::fabs(static_cast<real_8>(first));
                return complex_16(has_minus ? -magnitude : magnitude, is_negative ? -part : part);
            }
        }
        s.go_back(sign);
    }
    s.go_back(end);
    return first;
}

std::optional<Val> try_complex(scanner& s, precision reals) {
    const std::size_t start = s.position();
    s.skip(1);
    s.skip_space();
    if (starts_number(s)) {
        Val number = parse_number(s, reals);
        s.skip_space();
        if (number.tag == 'D' && s.take_if(')')) return number;
    }
    s.go_back(start);
    return {};
}

}  // namespace valpool::detail
