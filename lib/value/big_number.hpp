#pragma once

#include "value/numbers.hpp"

#include <valpool/value/big_int.hpp>

#include <boost/multiprecision/cpp_int.hpp>

#include <string>
#include <string_view>

namespace valpool::detail {

using boost::multiprecision::cpp_int;

/// Converts between the three forms: cpp_int for computing, limbs in int_n, and bytes in a Val
/// (first '-' or '+', then the magnitude, least significant byte first, without zero bytes at the
/// top).
struct big_int_access {
    template <bool Signed>
    static cpp_int number(const big_int<Signed>& n) {
        cpp_int result;
        if (n.limbs_.empty()) return result;
        const std::uint64_t* const limbs = n.limbs_.data();
        import_bits(result, limbs, limbs + n.limbs_.size(), 64, false);
        return n.negative_ ? -result : result;
    }
    /// std::range_error for a negative value in an int_un.
    template <bool Signed>
    static void assign(big_int<Signed>& n, const cpp_int& value);
};

std::string bytes_of(const cpp_int& value);
cpp_int number_of_bytes(std::string_view bytes);

/// Whether v is a number of any type, and not a proxy.
inline bool is_number(const Val& v) noexcept {
    return !v.isproxy && (ByteLength(v.tag) != 0 || is_big(v.tag));
}
/// Rounded to nearest; infinite beyond the range of reals (Boost's own conversion ends the program
/// in that case).
real_8 nearest_real(const cpp_int& value);
real_4 nearest_single(const cpp_int& value);
/// The exact value of an integer or big integer, or the whole part of a finite real.
cpp_int exact_whole(const Val& v);
/// What an implicit conversion to a big integer gives: text as far as it parses, a container's
/// length.
cpp_int whole_number_of(const Val& v);

}  // namespace valpool::detail
