#pragma once

#include <valpool/value/types.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// What CBOR's bytes mean: the kinds of items, and the tags that have a meaning for values.

namespace valpool::detail::cbor {

/// The upper three bits of an item's first byte.
enum class kind : unsigned char {
    unsigned_integer,
    negative_integer,
    bytes,
    text,
    list,
    map,
    tag,
    simple
};

/// The lower five bits: an argument up to 23 itself, or where the argument is.
constexpr unsigned most_in_first_byte = 23;
constexpr unsigned in_one_byte = 24;
constexpr unsigned in_eight_bytes = 27;
constexpr unsigned indefinite = 31;

/// Arguments of kind::simple.
constexpr unsigned simple_false = 20;
constexpr unsigned simple_true = 21;
constexpr unsigned simple_null = 22;
constexpr unsigned simple_undefined = 23;
constexpr unsigned half = 25;
constexpr unsigned single = 26;
constexpr unsigned twice = 27;

/// Registered tags.
constexpr std::uint64_t tag_big = 2;            // a byte string: an integer
constexpr std::uint64_t tag_negative_big = 3;   // the same: -1 minus the integer
constexpr std::uint64_t tag_homogeneous = 41;   // RFC 8746: a list of items of one type
constexpr std::uint64_t tag_complex = 43000;    // a list of two numbers
constexpr std::uint64_t tag_complexes = 43001;  // a typed array: real, imaginary, real, ...
/// Tags of our own, not registered: 'v' 'p' 0, and the type's tag in a Val. They are in the range
/// that is given to who comes first.
constexpr std::uint64_t own_tags = 0x76700000;
constexpr std::uint64_t tag_ordered = own_tags + 'o';     // a map: an OTab
constexpr std::uint64_t tag_tuple = own_tags + 'u';       // a list: a Tup
constexpr std::uint64_t tag_bool_array = own_tags + 'b';  // a list: an Array<bool>
constexpr std::uint64_t tag_text_array = own_tags + 'a';  // a list: an Array<std::string>

/// The tags of typed arrays (RFC 8746) are 010fsell in bits: f for floating point, s for signed
/// integers, e for the little end first, ll for the size.
struct typed_array {
    static constexpr std::uint64_t first = 0x40, last = 0x57;
    static constexpr std::uint64_t clamped_bytes = 68;  // no other order of a single byte
    static constexpr std::uint64_t reserved = 76;

    explicit constexpr typed_array(std::uint64_t tag) noexcept
        : is_real((tag & 0x10) != 0),
          is_signed((tag & 8) != 0),
          is_little((tag & 4) != 0),
          size_bytes((is_real ? 2U : 1U) << (tag & 3)) {}
    bool is_real;
    bool is_signed;
    bool is_little;
    std::size_t size_bytes;

    bool is_native() const noexcept {
        return size_bytes == 1 || is_little == (std::endian::native == std::endian::little);
    }
};
constexpr bool is_typed_array(std::uint64_t tag) noexcept {
    return tag >= typed_array::first && tag <= typed_array::last && tag != typed_array::reserved;
}
/// The tag of an array of numbers as it lies in this machine's memory.
template <class T>
constexpr std::uint64_t typed_array_tag() noexcept {
    constexpr bool is_real = std::is_floating_point_v<T>;
    constexpr std::uint64_t size = std::bit_width(sizeof(T)) - (is_real ? 2 : 1);
    constexpr bool is_little = std::endian::native == std::endian::little && sizeof(T) > 1;
    return typed_array::first + (is_real ? 0x10 : 0) + (!is_real && std::is_signed_v<T> ? 8 : 0) +
           (is_little ? 4 : 0) + size;
}
static_assert(typed_array_tag<int_u1>() == 64 && typed_array_tag<int_1>() == 72);

}  // namespace valpool::detail::cbor
