#pragma once

/// The original's functions on numbers.

#include <valpool/compat/global_names.hpp>
#include <valpool/value/detail/type_rows.hpp>

namespace valpool {

// In this namespace, so that argument-dependent lookup finds them for every cx_t.
template <class T>
constexpr cx_t<T> operator+(const cx_t<T>& a, const cx_t<T>& b) {
    return {static_cast<T>(a.re + b.re), static_cast<T>(a.im + b.im)};
}
template <class T>
constexpr cx_t<T> operator-(const cx_t<T>& a, const cx_t<T>& b) {
    return {static_cast<T>(a.re - b.re), static_cast<T>(a.im - b.im)};
}
template <class T>
constexpr cx_t<T> operator-(const cx_t<T>& a) {
    return {static_cast<T>(-a.re), static_cast<T>(-a.im)};
}
template <class T>
constexpr cx_t<T> operator*(const cx_t<T>& a, const cx_t<T>& b) {
    return {static_cast<T>(a.re * b.re - a.im * b.im), static_cast<T>(a.re * b.im + a.im * b.re)};
}
template <class T>
constexpr cx_t<T> operator/(const cx_t<T>& a, const cx_t<T>& b) {
    const T square = b.re * b.re + b.im * b.im;
    return {static_cast<T>((a.re * b.re + a.im * b.im) / square),
            static_cast<T>((a.im * b.re - a.re * b.im) / square)};
}
// The other operand may be a number of any type; the result has the complex operand's type.
#define VALPOOL_COMPLEX_WITH_NUMBER(op)                                             \
    template <class T, class S, std::enable_if_t<std::is_arithmetic_v<S>, int> = 0> \
    constexpr cx_t<T> operator op(const cx_t<T>& a, S b) {                          \
        return a op cx_t<T>(static_cast<T>(b));                                     \
    }                                                                               \
    template <class T, class S, std::enable_if_t<std::is_arithmetic_v<S>, int> = 0> \
    constexpr cx_t<T> operator op(S a, const cx_t<T>& b) {                          \
        return cx_t<T>(static_cast<T>(a)) op b;                                     \
    }
VALPOOL_COMPLEX_WITH_NUMBER(+)
VALPOOL_COMPLEX_WITH_NUMBER(-)
VALPOOL_COMPLEX_WITH_NUMBER(*)
VALPOOL_COMPLEX_WITH_NUMBER(/)
#undef VALPOOL_COMPLEX_WITH_NUMBER
template <class T, class U>
cx_t<T>& operator+=(cx_t<T>& a, const U& b) {
    return a = a + b;
}
template <class T, class U>
cx_t<T>& operator-=(cx_t<T>& a, const U& b) {
    return a = a - b;
}
template <class T, class U>
cx_t<T>& operator*=(cx_t<T>& a, const U& b) {
    return a = a * b;
}
template <class T, class U>
cx_t<T>& operator/=(cx_t<T>& a, const U& b) {
    return a = a / b;
}

// Templates, so that they take part for these two types only.
#define VALPOOL_COMPARE_BIG(op)                                  \
    template <bool A, bool B, std::enable_if_t<A != B, int> = 0> \
    bool operator op(const big_int<A>& a, const big_int<B>& b) { \
        return int_n(a) op int_n(b);                             \
    }
VALPOOL_COMPARE_BIG(==)
VALPOOL_COMPARE_BIG(!=)
VALPOOL_COMPARE_BIG(<)
VALPOOL_COMPARE_BIG(>)
VALPOOL_COMPARE_BIG(<=)
VALPOOL_COMPARE_BIG(>=)
#undef VALPOOL_COMPARE_BIG

/// The same as append.
template <class T>
Array<T>& operator<<(Array<T>& array, const T& item) {
    array.append(item);
    return array;
}

}  // namespace valpool

namespace OC {

template <class T>
T mag2(const cx_t<T>& c) {
    return c.re * c.re + c.im * c.im;
}
template <class T>
T mag(const cx_t<T>& c) {
    return std::hypot(c.re, c.im);
}
template <class T>
T phase(const cx_t<T>& c) {
    return std::atan2(c.im, c.re);
}
template <class T>
cx_t<T> conj(const cx_t<T>& c) {
    return {c.re, static_cast<T>(-c.im)};
}

/// The original's templates for integers of any size. The template arguments (the digit types) have
/// no effect.
template <class, class>
using BigInt = int_n;
template <class, class>
using BigUInt = int_un;

template <class Int>
std::string StringizeInt(Int number) {
    return std::to_string(number);
}
template <class Int>
std::string StringizeUInt(Int number) {
    return std::to_string(number);
}
template <class T>
std::string GenericStringize(const T& thing) {
    return Stringize(thing);
}
template <class Int>
Int StringToInt(const char* text, int length) {
    return static_cast<Int>(Val(std::string(text, static_cast<std::size_t>(length))));
}

/// `base` to the power of `power`, which must not be negative.
template <class Power, class Base>
Base IntExp(Base base, Power power) {
    Base result = 1;
    for (int_n left{Val(power)}; left > int_n(0); left /= int_n(2)) {
        if (left % int_n(2) == int_n(1)) result *= base;
        base *= Base(base);
    }
    return result;
}
template <class Int>
real_8 MakeRealFromBigInt(const Int& number) {
    return number.template as<real_8>();
}
template <class Int>
real_8 MakeRealFromBigUInt(const Int& number) {
    return number.template as<real_8>();
}
/// Drops the fraction.
template <class Int>
void MakeBigIntFromReal(real_8 real, Int& number) {
    number = Int(Val(real));
}
template <class Int>
void MakeBigUIntFromReal(real_8 real, Int& number) {
    number = Int(Val(real));
}
/// Reads the integer that the text starts with; an L, or anything else, may follow it.
inline int_n StringToBigInt(const std::string& text) { return int_n(Val(text)); }
inline int_n StringToBigInt(const char* text, int length) {
    return StringToBigInt(std::string(text, static_cast<std::size_t>(length)));
}
inline int_un StringToBigUInt(const std::string& text) { return int_un(Val(text)); }
inline int_un StringToBigUInt(const char* text, int length) {
    return StringToBigUInt(std::string(text, static_cast<std::size_t>(length)));
}

/// Whether the least significant byte of a number comes first in memory.
inline bool IsLittleEndian() { return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__; }

/// Reads two's complement, least significant byte first, as pickles have it. No bytes give 0.
template <class Int>
void MakeBigIntFromBinary(const char* bytes, int length, Int& number) {
    int_n result;
    for (int i = length; i-- > 0;)
        result = result * int_n(256) + int_n(static_cast<unsigned char>(bytes[i]));
    if (length > 0 && static_cast<signed char>(bytes[length - 1]) < 0)
        result -= IntExp(int_n(256), length);
    number = result;
}
/// Writes the same format, in as few bytes as possible, at least one.
inline std::string MakeBinaryFromBigInt(const int_n& number) {
    std::string bytes;
    int_n rest = number;
    do {
        int_n byte;
        int_n::DivMod(rest, int_n(256), rest, byte);
        bytes.push_back(static_cast<char>(byte.as()));
    } while ((rest != int_n(0) || bytes.back() < 0) && (rest != int_n(-1) || bytes.back() >= 0));
    return bytes;
}

/// The code in array([...], code) for a tag, and the tag for a code.
inline char OCTagToNumeric(char tag) {
    const auto* const type = valpool::detail::find_number_type(tag);
    if (!type) throw std::runtime_error("no Numeric type exists for this tag");
    return type->letter;
}
inline char NumericTagToOC(char code) {
    const auto* const type = valpool::detail::find_type_of_letter(code);
    if (!type) throw std::runtime_error("no Val type exists for this Numeric type");
    return type->tag;
}

/// NumPy's name of the type that a tag stands for.
inline const char* OCTagToNumPy(char tag) {
    const auto* const type = valpool::detail::find_number_type(tag);
    if (!type) throw std::runtime_error("no NumPy type exists for this tag");
    return type->numpy_name;
}
/// The tag for NumPy's name of a type; -1 for an unknown name.
inline char NumPyStringToOC(const char* name) {
    if (!name || !*name) throw std::runtime_error("the name of a NumPy type must not be empty");
    for (const auto& type : valpool::detail::type_rows)
        if (type.numpy_name && std::string(type.numpy_name) == name) return type.tag;
    return -1;
}

template <class In, class Out>
void BufferConvert(const In* in, Out* out, int length) {
    for (int i = 0; i < length; ++i) out[i] = static_cast<Out>(in[i]);
}
/// Calls `make` with type_is<T>, where T is the number type that has this tag.
template <class Make>
auto WithNumberOfTag_(char tag, const Make& make) {
    if (!valpool::detail::find_number_type(tag))
        throw std::runtime_error("this tag does not stand for a number type");
    return valpool::detail::visit_number_type(tag, make);
}
/// Converts the Array of numbers in `v` to another type; each number is converted as in C. Complex
/// numbers can only become complex numbers.
inline void ConvertArray(Val& v, char to_tag) {
    if (v.tag != 'n') throw std::runtime_error("ConvertArray: the value is not an Array");
    if (v.subtype == to_tag) return;
    if (v.subtype == 'Z' || v.subtype == 'a' || (oc_is_cx(v.subtype) && !oc_is_cx(to_tag)))
        throw std::runtime_error("ConvertArray: cannot convert between these types");
    v = WithNumberOfTag_(to_tag, [&v](auto type) {
        using number = typename decltype(type)::type;
        Array<number> converted(v.length());
        for (It ii(v); ii();) {
            const number n = ii.value();
            converted.append(n);
        }
        return Val(converted);
    });
}

}  // namespace OC
