#include <valpool/value/proxy.hpp>
#include <valpool/value/stringize.hpp>

#include "value/big_number.hpp"
#include "value/containers.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

/// Conversions of a value to the types of C++.

namespace valpool {

using namespace detail;

namespace detail {

namespace {

/// The nearest real of a big integer that does not fit wide_int. Allocates nothing: tables hash
/// their keys with it, also when memory is exhausted.
real_8 nearest_real_of_large(std::string_view bytes) noexcept {
    const std::string_view magnitude = bytes.substr(1);
    std::uint64_t highest = 0;
    const std::size_t below = magnitude.size() - sizeof highest;
    std::memcpy(&highest, magnitude.data() + below, sizeof highest);
    // At least 57 of these bits are significant. For rounding to 53, all that matters of the rest
    // is whether it is 0.
    if (magnitude.find_first_not_of('\0') < below) highest |= 1;
    constexpr std::size_t beyond_reals = 128;
    const auto exponent = static_cast<int>(8 * std::min(below, beyond_reals));
    const real_8 nearest = std::ldexp(static_cast<real_8>(highest), exponent);
    return bytes.front() == '-' ? -nearest : nearest;
}

any_number number_of_big(std::string_view bytes) {
    constexpr std::size_t most = sizeof(wide_int);
    if (bytes.size() > most + 1 || (bytes.size() == most + 1 && (bytes.back() & 0x80) != 0))
        return {any_number::real, 0, nearest_real_of_large(bytes), 0};
    wide_int i = 0;
    for (std::size_t at = bytes.size(); at-- > 1;)
        i = i * 256 + static_cast<unsigned char>(bytes[at]);
    if (bytes.front() == '-') i = -i;
    return {any_number::integer, i, static_cast<real_8>(i), 0};
}

}  // namespace

any_number number_of(const Val& v) {
    const auto integer = [](wide_int i) {
        return any_number{any_number::integer, i, static_cast<real_8>(i), 0};
    };
    if (const auto i = int_8_of(v)) return integer(*i);
    if (is_big(v.tag)) return number_of_big(value_access::bytes(v));
    if (v.tag == 'Z') return integer(0);
    return visit_number_type(v.tag, [&](auto type) -> any_number {
        using number = typename decltype(type)::type;
        const number n = value_access::number<number>(v);
        if constexpr (std::is_integral_v<number>)
            return integer(static_cast<wide_int>(n));
        else if constexpr (std::is_floating_point_v<number>)
            return {any_number::real, 0, n, 0};
        else
            return {any_number::complex, 0, n.re, n.im};
    });
}

}  // namespace detail

namespace {

/// For text that is a number beyond the range of reals: whether it is too small rather than too
/// large.
bool is_tiny(std::string_view text) noexcept {
    const std::size_t mantissa_end = text.find_first_not_of("-.0123456789");
    const bool has_exponent = mantissa_end != std::string_view::npos &&
                              std::tolower(static_cast<unsigned char>(text[mantissa_end])) == 'e';
    if (has_exponent && mantissa_end + 1 < text.size()) return text[mantissa_end + 1] == '-';
    const std::size_t first_digit = text.find_first_not_of("-0");
    return first_digit != std::string_view::npos && text[first_digit] == '.';
}

/// The number that the text starts with; 0 when it does not start with one. A real is rounded once,
/// to the nearest one of the wanted type.
template <class Real>
any_number parse_prefix(std::string_view text) noexcept {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
    const char* const end = text.data() + text.size();
    int_8 i = 0;
    const auto as_integer = std::from_chars(text.data(), end, i);
    Real r = 0;
    const auto as_real = std::from_chars(text.data(), end, r);
    if (as_real.ec == std::errc::result_out_of_range) {
        const bool negative = !text.empty() && text.front() == '-';
        r = is_tiny(text) ? 0 : std::numeric_limits<Real>::infinity();
        return {any_number::real, 0, negative ? -r : r, 0};
    }
    if (as_real.ec != std::errc{}) return {any_number::integer, 0, 0, 0};
    if (as_integer.ec == std::errc{} && as_integer.ptr == as_real.ptr)
        return {any_number::integer, i, static_cast<real_8>(i), 0};
    int_u8 u = 0;
    const auto as_unsigned = std::from_chars(text.data(), end, u);
    if (as_unsigned.ec == std::errc{} && as_unsigned.ptr == as_real.ptr)
        return {any_number::integer, static_cast<wide_int>(u), static_cast<real_8>(u), 0};
    return {any_number::real, 0, r, 0};
}

template <class T>
constexpr bool is_single = std::is_same_v<T, real_4> || std::is_same_v<T, complex_8>;

/// The number that a conversion to T starts from.
template <class T>
any_number scalar_of(const Val& v) {
    if (v.tag == 'a')
        return parse_prefix<std::conditional_t<is_single<T>, real_4, real_8>>(v.text());
    if (is_container(v.tag)) {
        const auto length = static_cast<wide_int>(v.length());
        return {any_number::integer, length, static_cast<real_8>(length), 0};
    }
    const any_number n = number_of(v);
    // Rounds directly: by way of the nearest real_8 it would be rounded twice.
    if (is_single<T> && is_big(v.tag) && n.what == any_number::real)
        return {any_number::real, 0, nearest_single(exact_whole(v)), 0};
    return n;
}

/// The slow path: for values of the less frequent types.
template <class T>
[[gnu::noinline]] T convert_any(const Val& v) {
    any_number n = scalar_of<T>(v);
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        if (is_big(v.tag) && n.what == any_number::real) return int_n(v).as<T>();
    // C defines how an integer that does not fit is converted. Text has no width of its own, so it
    // saturates.
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        if (v.tag == 'a' && n.what == any_number::integer)
            n.i = std::clamp<wide_int>(n.i, std::numeric_limits<T>::min(),
                                       std::numeric_limits<T>::max());
    return cast_number<T>(n);
}

}  // namespace

template <class T>
T Val::convert() const {
    if (const auto i = int_8_of(*this))
        return cast_number<T>({any_number::integer, *i, static_cast<real_8>(*i), 0});
    if (tag == 'd')
        return cast_number<T>({any_number::real, 0, value_access::number<real_8>(*this), 0});
    return convert_any<T>(*this);
}

namespace {

template <class T>
constexpr bool is_complex = std::is_same_v<T, complex_8> || std::is_same_v<T, complex_16>;

/// Whether a part that is finite stays finite. A big integer counts as finite, whatever its nearest
/// real is.
template <class Real>
bool stays_finite(real_8 part, bool is_of_big_integer) noexcept {
    const bool is_finite = is_of_big_integer || std::isfinite(part);
    return !is_finite || std::isfinite(static_cast<Real>(part));
}

/// Whether the conversion loses nothing but a real's precision.
template <class T>
bool fits(const Val& v) {
    if (!is_number(v)) return false;
    const any_number n = number_of(v);
    if constexpr (is_complex<T> || std::is_floating_point_v<T>) {
        using real = std::conditional_t<is_single<T>, real_4, real_8>;
        if (n.what == any_number::complex && !is_complex<T>) return false;
        return stays_finite<real>(n.re, is_big(v.tag)) && stays_finite<real>(n.im, false);
    } else if constexpr (std::is_same_v<T, bool>) {
        if (n.what == any_number::integer) return n.i == 0 || n.i == 1;
        return n.what == any_number::real && (n.re == 0 || n.re == 1);
    } else {
        if (n.what == any_number::complex ||
            is_big(v.tag) != (n.what == any_number::integer && is_big(v.tag)))
            return false;
        if (n.what == any_number::real)
            return n.re == std::trunc(n.re) && Val(cast_number<T>(n)) == v;
        return n.i >= std::numeric_limits<T>::min() && n.i <= std::numeric_limits<T>::max();
    }
}

}  // namespace

template <class T>
T Val::convert_checked() const {
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
        if (const auto i = int_8_of(*this)) {
            if constexpr (std::is_floating_point_v<T>)
                return static_cast<T>(*i);
            else if (std::in_range<T>(*i))
                return static_cast<T>(*i);
        }
    if (fits<T>(*this)) return convert<T>();
    throw std::logic_error(value_access::description(*this) + ", cannot be converted to " +
                           value_access::type_name(number_tag<T>(), 'Z'));
}

template <bool Signed>
void Val::check_is_whole() const {
    const any_number n = is_number(*this) ? number_of(*this) : any_number{};
    const bool is_whole_real = std::isfinite(n.re) && n.re == std::trunc(n.re);
    const bool is_whole = is_number(*this) && n.what != any_number::complex &&
                          (n.what == any_number::integer || is_big(tag) || is_whole_real);
    if (!is_whole || (!Signed && *this < 0))
        throw std::logic_error(value_access::description(*this) + ", cannot be converted to " +
                               value_access::type_name(Signed ? 'q' : 'Q', 'Z'));
}
template VALPOOL_API void Val::check_is_whole<true>() const;
template VALPOOL_API void Val::check_is_whole<false>() const;

#define VALPOOL_CONVERT(T)                          \
    template VALPOOL_API T Val::convert<T>() const; \
    template VALPOOL_API T Val::convert_checked<T>() const;
VALPOOL_CONVERT(bool)
VALPOOL_CONVERT(signed char)
VALPOOL_CONVERT(unsigned char)
VALPOOL_CONVERT(short)
VALPOOL_CONVERT(unsigned short)
VALPOOL_CONVERT(int)
VALPOOL_CONVERT(unsigned int)
VALPOOL_CONVERT(long)
VALPOOL_CONVERT(unsigned long)
VALPOOL_CONVERT(long long)
VALPOOL_CONVERT(unsigned long long)
VALPOOL_CONVERT(float)
VALPOOL_CONVERT(double)
VALPOOL_CONVERT(complex_8)
VALPOOL_CONVERT(complex_16)
#undef VALPOOL_CONVERT

Val::operator std::string() const { return tag == 'a' ? std::string(text()) : Stringize(*this); }

Val::operator Proxy&() const {
    if (!isproxy) throw std::logic_error(value_access::description(*this) + ", is not a proxy");
    // A Proxy consists of nothing but a Val that is a proxy.
    static_assert(sizeof(Proxy) == sizeof(Val), "a Val is read as a Proxy in place");
    return *reinterpret_cast<Proxy*>(const_cast<Val*>(this));
}

}  // namespace valpool
