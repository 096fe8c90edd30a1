#pragma once

/// The original's functions of numbers.

#include <valpool/compat/global_names.hpp>

namespace valpool {

// Here, where they are found for a cx_t anywhere.
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
constexpr cx_t<T> operator*(const cx_t<T>& a, T b) {
    return {static_cast<T>(a.re * b), static_cast<T>(a.im * b)};
}
template <class T>
constexpr cx_t<T> operator*(T a, const cx_t<T>& b) {
    return b * a;
}
template <class T>
constexpr cx_t<T> operator/(const cx_t<T>& a, T b) {
    return {static_cast<T>(a.re / b), static_cast<T>(a.im / b)};
}
template <class T>
constexpr cx_t<T> operator/(const cx_t<T>& a, const cx_t<T>& b) {
    return (a * cx_t<T>(b.re, static_cast<T>(-b.im))) / static_cast<T>(b.re * b.re + b.im * b.im);
}
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

/// The original's templates for the integers of any size; what they are made of does not matter.
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

/// The base to the power, which must not be negative.
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
/// Cuts the part behind the point off.
template <class Int>
void MakeBigIntFromReal(real_8 real, Int& number) {
    number = Int(Val(real));
}
template <class Int>
void MakeBigUIntFromReal(real_8 real, Int& number) {
    number = Int(Val(real));
}
inline int_n StringToBigInt(const std::string& text) { return int_n(text); }
inline int_un StringToBigUInt(const std::string& text) { return int_un(text); }

/// The codes of array([...], code) for tags, and back.
inline char OCTagToNumeric(char tag) {
    const char* const tags = "sSiIlLxXbfdFD";
    const char* const at = tag ? std::strchr(tags, tag) : nullptr;
    if (!at) throw std::runtime_error("there is no Numeric type for this tag");
    return "1bswiullbfdFD"[at - tags];
}
inline char NumericTagToOC(char code) {
    const char* const codes = "1bswiulfdFD";
    const char* const at = code ? std::strchr(codes, code) : nullptr;
    if (!at) throw std::runtime_error("there is no Val type for this Numeric type");
    return "sSiIlLxfdFD"[at - codes];
}

}  // namespace OC
