#pragma once

#include "value/cbor_scanner.hpp"

#include <valpool/value/val.hpp>

#include <string_view>

/// The items that are numbers, and the byte strings that hold numbers.

namespace valpool::detail::cbor {

/// Of an integer, a real, or a simple value.
Val number_of(const head& h);
/// Of the bytes behind tag_big or tag_negative_big.
Val big_number_of(std::string_view bytes, bool is_negative);
/// Of the bytes behind the tag of a typed array. `complex`: pairs of them are complex numbers.
Val array_of(std::uint64_t tag, std::string_view bytes, bool complex, std::size_t place);
/// Of the content of a tag_complex.
Val complex_of(const Arr& parts, std::size_t place);

}  // namespace valpool::detail::cbor
