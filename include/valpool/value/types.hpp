#pragma once

/// The numbers of fixed size, with the original library's names.

#include <valpool/value/detail/type_table.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

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

/// A complex number. Two plain members, so that an array of complex numbers is an array of pairs.
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

/// The type in the type table that a C++ number type is stored as: itself, or the equivalent one.
/// (C++ has several types of the same size.)
template <class T>
struct number_in_table {
    using type = T;
};
template <>
struct number_in_table<char> {
    using type = int_1;
};
template <>
struct number_in_table<long> {
    using type = std::conditional_t<sizeof(long) == 8, int_8, int_4>;
};
template <>
struct number_in_table<unsigned long> {
    using type = std::conditional_t<sizeof(long) == 8, int_u8, int_u4>;
};
template <>
struct number_in_table<long long> {
    using type = int_8;
};
template <>
struct number_in_table<unsigned long long> {
    using type = int_u8;
};
template <>
struct number_in_table<long double> {
    using type = real_8;
};

/// The tag of a type in the table, and the type of a tag. The tag is 'Z' for a type that is not a
/// number.
template <class T>
struct tag_of_number {
    static constexpr char tag = 'Z';
};
template <char Tag>
struct number_of_tag;
#define VALPOOL_TAG_AND_TYPE(its_tag, its_type, ...) \
    template <>                                      \
    struct tag_of_number<its_type> {                 \
        static constexpr char tag = its_tag;         \
    };                                               \
    template <>                                      \
    struct number_of_tag<its_tag> {                  \
        using type = its_type;                       \
    };
VALPOOL_NUMBER_TYPES(VALPOOL_TAG_AND_TYPE)
#undef VALPOOL_TAG_AND_TYPE

/// The tag of a number type; 'Z' for a type that is not a number.
template <class T>
constexpr char number_tag() noexcept {
    return tag_of_number<typename number_in_table<T>::type>::tag;
}
/// The type that numbers of type T are stored as.
template <class T>
using stored_number = typename number_of_tag<number_tag<T>()>::type;

}  // namespace detail

/// Size in bytes of a number with this tag; 0 for a tag that does not stand for a number of fixed
/// size.
constexpr std::size_t ByteLength(char tag) noexcept {
    switch (tag) {
#define VALPOOL_SIZE(its_tag, type, ...) \
    case its_tag: return sizeof(type);
        VALPOOL_NUMBER_TYPES(VALPOOL_SIZE)
#undef VALPOOL_SIZE
        default: return 0;
    }
}

}  // namespace valpool
