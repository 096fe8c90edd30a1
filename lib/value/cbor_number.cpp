#include "value/cbor_number.hpp"

#include "value/big_number.hpp"

#include <valpool/value/array.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace valpool::detail::cbor {

namespace {

/// RFC 8949, appendix D, has the format: a sign, 5 bits of exponent, 10 bits behind the point.
real_4 real_of_half(unsigned bits) noexcept {
    const unsigned exponent = bits >> 10 & 31;
    const unsigned fraction = bits & 0x3ff;
    real_4 r = 0;
    if (exponent == 31)
        r = fraction == 0 ? std::numeric_limits<real_4>::infinity()
                          : std::numeric_limits<real_4>::quiet_NaN();
    else if (exponent == 0)
        r = std::ldexp(static_cast<real_4>(fraction), -24);
    else
        r = std::ldexp(static_cast<real_4>(fraction + 0x400), static_cast<int>(exponent) - 25);
    return (bits & 0x8000) != 0 ? -r : r;
}

Val smallest(std::uint64_t u) {
    if (u <= std::numeric_limits<int_4>::max()) return static_cast<int_4>(u);
    if (u <= std::numeric_limits<int_8>::max()) return static_cast<int_8>(u);
    return static_cast<int_u8>(u);
}
/// Of -1 - u.
Val smallest_negative(std::uint64_t u) {
    if (u > std::numeric_limits<int_8>::max()) return -1 - int_n(u);
    const auto i = static_cast<int_8>(~u);
    return i == static_cast<int_4>(i) ? Val(static_cast<int_4>(i)) : Val(i);
}

Val simple_of(const head& h) {
    switch (h.low) {
        case simple_false: return false;
        case simple_true: return true;
        case simple_null:
        case simple_undefined: return Val();
        case half: return real_of_half(static_cast<unsigned>(h.argument));
        case single: return std::bit_cast<real_4>(static_cast<std::uint32_t>(h.argument));
        case twice: return std::bit_cast<real_8>(h.argument);
        default:
            scanner::fail(h.place,
                          "the simple value " + std::to_string(h.argument) + " has no meaning");
    }
}

template <std::size_t Size>
void turn_each(unsigned char* bytes, std::size_t size_bytes) noexcept {
    for (unsigned char* const end = bytes + size_bytes; bytes != end; bytes += Size)
        std::reverse(bytes, bytes + Size);
}
void turn(const typed_array& form, void* items, std::size_t size_bytes) noexcept {
    if (form.is_native()) return;
    auto* const bytes = static_cast<unsigned char*>(items);
    if (form.size_bytes == 2) return turn_each<2>(bytes, size_bytes);
    if (form.size_bytes == 4) return turn_each<4>(bytes, size_bytes);
    turn_each<8>(bytes, size_bytes);
}

/// An array of T, whose elements are one number each or two of them.
template <class T>
Val array_of_items(const typed_array& form, std::string_view bytes) {
    Val result{Array<T>()};
    Array<T>& a = static_cast<Array<T>&>(result);
    a.expandForOverwrite(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(static_cast<void*>(a.data()), bytes.data(), bytes.size());
    turn(form, a.data(), bytes.size());
    return result;
}

template <class Real, class Half>
Val array_of_halves(const typed_array& form, std::string_view bytes, const Half& half_at) {
    Val result{Array<Real>()};
    Array<Real>& a = static_cast<Array<Real>&>(result);
    a.expandForOverwrite(bytes.size() / (form.size_bytes * (sizeof(Real) / sizeof(real_4))));
    for (std::size_t i = 0; i < a.length(); ++i) a(i) = half_at(i);
    return result;
}
Val array_of_halves(const typed_array& form, std::string_view bytes, bool complex) {
    const auto at = [&](std::size_t i) {
        const auto byte = [&](std::size_t k) {
            return unsigned{static_cast<unsigned char>(bytes[2 * i + k])};
        };
        return real_of_half(form.is_little ? byte(0) | byte(1) << 8U : byte(0) << 8U | byte(1));
    };
    if (!complex) return array_of_halves<real_4>(form, bytes, at);
    return array_of_halves<complex_8>(
        form, bytes, [&](std::size_t i) { return complex_8(at(2 * i), at(2 * i + 1)); });
}

Val array_of_reals(const typed_array& form, std::string_view bytes, bool complex) {
    if (form.size_bytes == 2) return array_of_halves(form, bytes, complex);
    if (form.size_bytes == sizeof(real_4))
        return complex ? array_of_items<complex_8>(form, bytes)
                       : array_of_items<real_4>(form, bytes);
    return complex ? array_of_items<complex_16>(form, bytes) : array_of_items<real_8>(form, bytes);
}
Val array_of_integers(const typed_array& form, std::string_view bytes) {
    switch (form.size_bytes) {
        case 1:
            return form.is_signed ? array_of_items<int_1>(form, bytes)
                                  : array_of_items<int_u1>(form, bytes);
        case 2:
            return form.is_signed ? array_of_items<int_2>(form, bytes)
                                  : array_of_items<int_u2>(form, bytes);
        case 4:
            return form.is_signed ? array_of_items<int_4>(form, bytes)
                                  : array_of_items<int_u4>(form, bytes);
        default:
            return form.is_signed ? array_of_items<int_8>(form, bytes)
                                  : array_of_items<int_u8>(form, bytes);
    }
}

}  // namespace

Val number_of(const head& h) {
    if (h.what == kind::unsigned_integer) return smallest(h.argument);
    if (h.what == kind::negative_integer) return smallest_negative(h.argument);
    return simple_of(h);
}

Val big_number_of(std::string_view bytes, bool is_negative) {
    cpp_int n;
    const auto* const first = reinterpret_cast<const unsigned char*>(bytes.data());
    if (!bytes.empty()) import_bits(n, first, first + bytes.size(), 8, true);
    int_n result;
    big_int_access::assign(result, is_negative ? cpp_int(-1 - n) : n);
    return result;
}

Val array_of(std::uint64_t tag, std::string_view bytes, bool complex, std::size_t place) {
    const typed_array form(tag);
    if (form.size_bytes > sizeof(real_8)) scanner::fail(place, "reals of 16 bytes cannot be read");
    if (complex && !form.is_real)
        scanner::fail(place, "an array of complex numbers must be made of reals");
    const std::size_t item_bytes = form.size_bytes * (complex ? 2 : 1);
    if (bytes.size() % item_bytes != 0)
        scanner::fail(place, std::to_string(bytes.size()) + " bytes are no array of numbers of " +
                                 std::to_string(item_bytes) + " bytes");
    return form.is_real ? array_of_reals(form, bytes, complex) : array_of_integers(form, bytes);
}

Val complex_of(const Arr& parts, std::size_t place) {
    const auto is_real_number = [](const Val& v) {
        return is_number(v) && !is_complex_number(v.tag) && v.tag != 'b';
    };
    if (parts.length() != 2 || !is_real_number(parts(0)) || !is_real_number(parts(1)))
        scanner::fail(place, "a complex number must be a list of two numbers");
    if (parts(0).tag == 'f' && parts(1).tag == 'f')
        return complex_8(static_cast<real_4>(parts(0)), static_cast<real_4>(parts(1)));
    return complex_16(static_cast<real_8>(parts(0)), static_cast<real_8>(parts(1)));
}

}  // namespace valpool::detail::cbor
