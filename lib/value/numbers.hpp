#pragma once

#include <valpool/value/detail/value_access.hpp>

#include <array>
#include <cmath>
#include <compare>
#include <limits>
#include <optional>

namespace valpool::detail {

__extension__ using wide_int = __int128;

/// For each tag of an integer: by how many bits a 64-bit word is shifted left and back right to
/// extend the integer's sign. 0 for an unsigned one: its upper bits are zeros already.
class sign_distances {
public:
    static constexpr unsigned char no_integer = 0xff;

    constexpr sign_distances() noexcept {
        distances_.fill(no_integer);
#define VALPOOL_DISTANCE(its_tag, type, ...) \
    if (std::is_integral_v<type>) of(its_tag) = std::is_signed_v<type> ? 64 - 8 * sizeof(type) : 0;
        VALPOOL_NUMBER_TYPES(VALPOOL_DISTANCE)
#undef VALPOOL_DISTANCE
    }
    constexpr unsigned char operator[](char tag) const noexcept {
        return distances_[static_cast<unsigned char>(tag)];
    }

private:
    constexpr unsigned char& of(char tag) noexcept {
        return distances_[static_cast<unsigned char>(tag)];
    }
    std::array<unsigned char, 256> distances_{};
};
inline constexpr sign_distances sign_distance_of{};

/// The value of an integer of any type that fits int_8, or of a bool; this is the quick path for
/// the most frequent numbers.
inline std::optional<int_8> int_8_of(const Val& v) noexcept {
    const unsigned char distance = sign_distance_of[v.tag];
    if (distance == sign_distances::no_integer) return {};
    const auto bits = value_access::number<int_u8>(v);
    if (v.tag == 'X' && bits >> 63 != 0) return {};
    return static_cast<int_8>(bits << distance) >> distance;
}

/// A number in one of the three kinds that arithmetic distinguishes.
struct any_number {
    enum kind { integer, real, complex } what;
    wide_int i;
    real_8 re;
    real_8 im;
};
/// `v` must be a number. A big integer that does not fit wide_int becomes a real, rounded.
any_number number_of(const Val& v);

/// Exact, whatever the types: -1 is less than the largest int_u8, and 2^53 + 1 is not 2^53.0.
/// Unordered with NaN.
std::partial_ordering compare_reals(const any_number& a, const any_number& b) noexcept;

/// Both Vals must be numbers of any type, big integers included.
bool equal_numbers(const Val& a, const Val& b);
/// Less than, equal to or greater than 0; NaN comes first.
int order_of_numbers(const Val& a, const Val& b);

/// As a C cast. Where C leaves the result undefined, gives the nearest value; NaN gives 0.
template <class T>
T cast_number(const any_number& n) noexcept {
    if constexpr (std::is_same_v<T, complex_8> || std::is_same_v<T, complex_16>) {
        const real_8 re = n.what == any_number::integer ? static_cast<real_8>(n.i) : n.re;
        return T(complex_16(re, n.what == any_number::complex ? n.im : 0));
    } else {
        const real_8 r = n.what == any_number::complex ? n.re * n.re + n.im * n.im : n.re;
        if constexpr (std::is_same_v<T, bool>) {
            return n.what == any_number::integer ? n.i != 0 : r != 0 && !std::isnan(r);
        } else if (n.what == any_number::integer) {
            return static_cast<T>(n.i);
        } else if constexpr (std::is_floating_point_v<T>) {
            return static_cast<T>(r);
        } else {
            if (std::isnan(r)) return 0;
            if (r <= static_cast<real_8>(std::numeric_limits<T>::min()))
                return std::numeric_limits<T>::min();
            if (r >= static_cast<real_8>(std::numeric_limits<T>::max()))
                return std::numeric_limits<T>::max();
            return static_cast<T>(r);
        }
    }
}

}  // namespace valpool::detail
