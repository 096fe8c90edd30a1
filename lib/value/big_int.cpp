#include "value/big_number.hpp"

#include "value/containers.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <vector>

namespace valpool {

using namespace detail;

namespace detail {

template <bool Signed>
void big_int_access::assign(big_int<Signed>& n, const cpp_int& value) {
    if (!Signed && value < 0) throw std::range_error("an int_un cannot be negative");
    decltype(n.limbs_) limbs;
    if (value != 0) export_bits(value, std::back_inserter(limbs), 64, false);
    n.limbs_ = std::move(limbs);
    n.negative_ = value < 0;
}

std::string bytes_of(const cpp_int& value) {
    std::string bytes(1, value < 0 ? '-' : '+');
    if (value != 0) {
        std::vector<unsigned char> magnitude;
        export_bits(value, std::back_inserter(magnitude), 8, false);
        bytes.append(magnitude.begin(), magnitude.end());
    }
    return bytes;
}

cpp_int number_of_bytes(std::string_view bytes) {
    cpp_int result;
    if (bytes.size() < 2) return result;
    const auto* const first = reinterpret_cast<const unsigned char*>(bytes.data());
    import_bits(result, first + 1, first + bytes.size(), 8, false);
    return bytes.front() == '-' ? -result : result;
}

namespace {
template <class Real>
Real nearest(const cpp_int& value) {
    const cpp_int magnitude = abs(value);
    if (magnitude == 0) return 0;
    constexpr std::size_t kept = 64;
    const std::size_t bits = msb(magnitude) + 1;
    if (bits > 2000)
        return value < 0 ? -std::numeric_limits<Real>::infinity()
                         : std::numeric_limits<Real>::infinity();
    const std::size_t dropped = bits > kept ? bits - kept : 0;
    auto top = static_cast<std::uint64_t>(magnitude >> dropped);
    // The dropped bits only decide which way a tie is rounded.
    if (dropped > 0 && lsb(magnitude) < dropped) top |= 1;
    const Real real = std::ldexp(static_cast<Real>(top), static_cast<int>(dropped));
    return value < 0 ? -real : real;
}
}  // namespace

real_8 nearest_real(const cpp_int& value) { return nearest<real_8>(value); }
real_4 nearest_single(const cpp_int& value) { return nearest<real_4>(value); }

cpp_int exact_whole(const Val& v) {
    if (is_big(v.tag)) return number_of_bytes(value_access::bytes(v));
    const any_number n = number_of(v);
    if (n.what == any_number::integer) return cpp_int(n.i);
    return cpp_int(std::trunc(n.re));
}

namespace {

bool is_integer_text(std::string_view text) noexcept {
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    const bool is_hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (is_hex) text.remove_prefix(2);
    if (text.empty()) return false;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (!(is_hex ? std::isxdigit(byte) : std::isdigit(byte))) return false;
    }
    return true;
}

/// The number of a text that is_integer_text accepts. cpp_int's own parser takes a leading zero for
/// octal.
cpp_int parse_integer(std::string_view text) {
    const bool negative = text.front() == '-';
    if (negative || text.front() == '+') text.remove_prefix(1);
    if (text.size() < 2 || (text[1] != 'x' && text[1] != 'X'))
        while (text.size() > 1 && text.front() == '0') text.remove_prefix(1);
    const cpp_int magnitude{std::string(text)};
    return negative ? -magnitude : magnitude;
}

/// The integer that the text starts with; the whole part if the text starts with a real.
cpp_int parse_start(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    std::size_t end = text.size() > 1 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
    const bool is_real = end < text.size() && (text[end] == 'e' || text[end] == 'E');
    if (is_real) {
        const auto real = static_cast<real_8>(Val(text));
        return std::isfinite(real) ? exact_whole(Val(real)) : cpp_int();
    }
    return is_integer_text(text.substr(0, end)) ? parse_integer(text.substr(0, end)) : cpp_int();
}

}  // namespace

cpp_int whole_number_of(const Val& v) {
    if (is_big(v.tag)) return exact_whole(v);
    if (v.tag == 'a') return parse_start(v.text());
    if (ByteLength(v.tag) == 0) return cpp_int(v.length());
    const any_number n = number_of(v);
    if (n.what == any_number::integer) return cpp_int(n.i);
    const real_8 real = n.what == any_number::complex ? n.re * n.re + n.im * n.im : n.re;
    // A big integer has no largest value to saturate at, so what is not finite gives 0.
    return std::isfinite(real) ? cpp_int(std::trunc(real)) : cpp_int();
}

}  // namespace detail

template <bool Signed>
big_int<Signed>::big_int(std::string_view text) {
    if (!is_integer_text(text))
        throw std::logic_error("'" + std::string(text.substr(0, 40)) + "' is not an integer");
    big_int_access::assign(*this, parse_integer(text));
}
template <bool Signed>
big_int<Signed>::big_int(const big_int<!Signed>& other) {
    big_int_access::assign(*this, big_int_access::number(other));
}
template <bool Signed>
big_int<Signed>::big_int(const Val& v) {
    const cpp_int number = whole_number_of(v);
    // An implicit conversion never throws: it saturates.
    big_int_access::assign(*this, !Signed && number < 0 ? cpp_int() : number);
}
template <bool Signed>
void big_int<Signed>::set_signed(std::int64_t value) {
    big_int_access::assign(*this, cpp_int(value));
}
template <bool Signed>
void big_int<Signed>::set_unsigned(std::uint64_t value) {
    if (value != 0) limbs_.assign(1, value);
}

template <bool Signed>
void big_int<Signed>::set_real(double value) {
    *this = big_int(Val(value));
}

template <bool Signed>
void big_int<Signed>::set_wide(bool is_negative, std::uint64_t high, std::uint64_t low) {
    cpp_int value = high;
    value = (value << 64) | low;
    if (is_negative) value -= cpp_int(1) << 128;
    big_int_access::assign(*this, value);
}

namespace {
struct division {
    cpp_int quotient;
    cpp_int remainder;
};
/// Python's division: the quotient is rounded down, and the remainder has the divisor's sign.
division floor_division(const cpp_int& dividend, const cpp_int& divisor) {
    if (divisor == 0) throw std::overflow_error("division of an integer by zero");
    division d;
    divide_qr(dividend, divisor, d.quotient, d.remainder);
    if (d.remainder != 0 && (d.remainder < 0) != (divisor < 0)) {
        --d.quotient;
        d.remainder += divisor;
    }
    return d;
}
}  // namespace

template <bool Signed>
big_int<Signed>& big_int<Signed>::operator+=(const big_int& b) {
    big_int_access::assign(*this, big_int_access::number(*this) + big_int_access::number(b));
    return *this;
}
template <bool Signed>
big_int<Signed>& big_int<Signed>::operator-=(const big_int& b) {
    big_int_access::assign(*this, big_int_access::number(*this) - big_int_access::number(b));
    return *this;
}
template <bool Signed>
big_int<Signed>& big_int<Signed>::operator*=(const big_int& b) {
    big_int_access::assign(*this, big_int_access::number(*this) * big_int_access::number(b));
    return *this;
}
template <bool Signed>
big_int<Signed>& big_int<Signed>::operator/=(const big_int& b) {
    big_int_access::assign(
        *this, floor_division(big_int_access::number(*this), big_int_access::number(b)).quotient);
    return *this;
}
template <bool Signed>
big_int<Signed>& big_int<Signed>::operator%=(const big_int& b) {
    big_int_access::assign(
        *this, floor_division(big_int_access::number(*this), big_int_access::number(b)).remainder);
    return *this;
}

template <bool Signed>
void big_int<Signed>::DivMod(const big_int& dividend, const big_int& divisor, big_int& quotient,
                             big_int& remainder) {
    const division d =
        floor_division(big_int_access::number(dividend), big_int_access::number(divisor));
    big_int_access::assign(quotient, d.quotient);
    big_int_access::assign(remainder, d.remainder);
}

template <bool Signed>
bool big_int<Signed>::less(const big_int& b) const noexcept {
    if (negative_ != b.negative_) return negative_;
    const auto& low = negative_ ? b.limbs_ : limbs_;
    const auto& high = negative_ ? limbs_ : b.limbs_;
    if (low.size() != high.size()) return low.size() < high.size();
    return std::lexicographical_compare(low.rbegin(), low.rend(), high.rbegin(), high.rend());
}
template <bool Signed>
std::uint64_t big_int<Signed>::bits_at(std::size_t i) const noexcept {
    const std::uint64_t limb = i < limbs_.size() ? limbs_[i] : 0;
    if (!negative_) return limb;
    const auto end = limbs_.begin() + static_cast<std::ptrdiff_t>(std::min(i, limbs_.size()));
    const bool carries = std::all_of(limbs_.begin(), end, [](std::uint64_t l) { return l == 0; });
    return ~limb + (carries ? 1 : 0);
}
template <bool Signed>
double big_int<Signed>::to_real() const {
    return nearest_real(big_int_access::number(*this));
}
template <bool Signed>
float big_int<Signed>::to_single() const {
    return nearest_single(big_int_access::number(*this));
}
template <bool Signed>
std::string big_int<Signed>::stringize() const {
    return big_int_access::number(*this).str();
}

template class big_int<true>;
template class big_int<false>;

std::ostream& operator<<(std::ostream& out, const int_n& n) { return out << n.stringize(); }
std::ostream& operator<<(std::ostream& out, const int_un& n) { return out << n.stringize(); }

Val::Val(const int_n& n) : Val() { set_bytes('q', bytes_of(big_int_access::number(n))); }
Val::Val(const int_un& n) : Val() { set_bytes('Q', bytes_of(big_int_access::number(n))); }

}  // namespace valpool
