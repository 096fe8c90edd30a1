#pragma once

/// Names of the field's fixed-size types, as the original library spells them.

#include <cstddef>
#include <cstdint>
#include <string>

namespace valpool {

typedef signed char int_1;
typedef unsigned char int_u1;
typedef std::int16_t int_2;
typedef std::uint16_t int_u2;
typedef std::int32_t int_4;
typedef std::uint32_t int_u4;
typedef std::int64_t int_8;
typedef std::uint64_t int_u8;
typedef float real_4;
typedef double real_8;
typedef std::string Str;
/// An integer as wide as a pointer.
typedef std::intptr_t AVLP;

/// A complex number: two plain members, so that arrays of it are arrays of pairs.
template <class T>
struct cx_t {
    T re;
    T im;

    constexpr cx_t(T real = T(), T imaginary = T()) noexcept : re(real), im(imaginary) {}
    template <class U>
    constexpr cx_t(const cx_t<U>& other) noexcept
        : re(static_cast<T>(other.re)), im(static_cast<T>(other.im)) {}

    friend constexpr bool operator==(const cx_t& a, const cx_t& b) noexcept {
        return a.re == b.re && a.im == b.im;
    }
    friend constexpr bool operator!=(const cx_t& a, const cx_t& b) noexcept { return !(a == b); }
};
typedef cx_t<real_4> complex_8;
typedef cx_t<real_8> complex_16;

namespace detail {

/// The tag of a number type: 'Z' for what is none.
template <class T>
constexpr char number_tag() noexcept {
    return 'Z';
}
template <>
constexpr char number_tag<bool>() noexcept {
    return 'b';
}
template <>
constexpr char number_tag<char>() noexcept {
    return 's';
}
template <>
constexpr char number_tag<signed char>() noexcept {
    return 's';
}
template <>
constexpr char number_tag<unsigned char>() noexcept {
    return 'S';
}
template <>
constexpr char number_tag<short>() noexcept {
    return 'i';
}
template <>
constexpr char number_tag<unsigned short>() noexcept {
    return 'I';
}
template <>
constexpr char number_tag<int>() noexcept {
    return 'l';
}
template <>
constexpr char number_tag<unsigned int>() noexcept {
    return 'L';
}
template <>
constexpr char number_tag<long>() noexcept {
    return sizeof(long) == 8 ? 'x' : 'l';
}
template <>
constexpr char number_tag<unsigned long>() noexcept {
    return sizeof(long) == 8 ? 'X' : 'L';
}
template <>
constexpr char number_tag<long long>() noexcept {
    return 'x';
}
template <>
constexpr char number_tag<unsigned long long>() noexcept {
    return 'X';
}
template <>
constexpr char number_tag<float>() noexcept {
    return 'f';
}
template <>
constexpr char number_tag<double>() noexcept {
    return 'd';
}
template <>
constexpr char number_tag<long double>() noexcept {
    return 'd';
}
template <>
constexpr char number_tag<complex_8>() noexcept {
    return 'F';
}
template <>
constexpr char number_tag<complex_16>() noexcept {
    return 'D';
}

/// The one type that numbers with this tag are stored as; the language has several for some.
template <char Tag>
struct number_of_tag;
template <>
struct number_of_tag<'b'> {
    using type = bool;
};
template <>
struct number_of_tag<'s'> {
    using type = int_1;
};
template <>
struct number_of_tag<'S'> {
    using type = int_u1;
};
template <>
struct number_of_tag<'i'> {
    using type = int_2;
};
template <>
struct number_of_tag<'I'> {
    using type = int_u2;
};
template <>
struct number_of_tag<'l'> {
    using type = int_4;
};
template <>
struct number_of_tag<'L'> {
    using type = int_u4;
};
template <>
struct number_of_tag<'x'> {
    using type = int_8;
};
template <>
struct number_of_tag<'X'> {
    using type = int_u8;
};
template <>
struct number_of_tag<'f'> {
    using type = real_4;
};
template <>
struct number_of_tag<'d'> {
    using type = real_8;
};
template <>
struct number_of_tag<'F'> {
    using type = complex_8;
};
template <>
struct number_of_tag<'D'> {
    using type = complex_16;
};
template <class T>
using stored_number = typename number_of_tag<number_tag<T>()>::type;

}  // namespace detail

/// Bytes of a number with this tag; 0 for what is no number of fixed size.
constexpr std::size_t ByteLength(char tag) noexcept {
    switch (tag) {
        case 's':
        case 'S':
        case 'b': return 1;
        case 'i':
        case 'I': return 2;
        case 'l':
        case 'L':
        case 'f': return 4;
        case 'x':
        case 'X':
        case 'd':
        case 'F': return 8;
        case 'D': return 16;
        default: return 0;
    }
}

}  // namespace valpool
