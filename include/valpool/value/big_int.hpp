#pragma once

/// Integers of any size.

#include <valpool/base/detail/config.hpp>

#include <boost/container/vector.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace valpool {

class Val;

namespace detail {
struct big_int_access;
}

/// An integer without bounds. An int_un cannot be negative. Division rounds down, as in Python: the
/// remainder has the divisor's sign.
/// A value type on the heap. In a Val, and so in a pool, the digits are part of the value.
/// Throws: std::logic_error for text that is not an integer; std::overflow_error for a division by
/// zero; std::range_error for an int_un that would become negative.
/// Complexity: schoolbook to Karatsuba, by Boost.Multiprecision.
/// Source: "C++ Cross-Process Shared Memory Tools", known bug 1: these work in shared memory.
template <bool Signed>
class VALPOOL_API big_int {
public:
    big_int() noexcept = default;
    big_int(const big_int& other) = default;
    /// Leaves 0 in `other`.
    big_int(big_int&& other) noexcept
        : limbs_(std::move(other.limbs_)), negative_(std::exchange(other.negative_, false)) {}
    big_int& operator=(const big_int& other) {
        if (this != &other) *this = big_int(other);
        return *this;
    }
    big_int& operator=(big_int&& other) noexcept {
        limbs_.swap(other.limbs_);
        std::swap(negative_, other.negative_);
        if (this != &other) other.clear();
        return *this;
    }
    ~big_int() = default;
    /// From an integer of any size, also __int128 where the language counts it as an integer
    /// (gnu++20).
    template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
    big_int(T value) {
        if constexpr (sizeof(T) > sizeof(std::uint64_t))
            set_wide(value < 0, static_cast<std::uint64_t>(value >> 64),
                     static_cast<std::uint64_t>(value));
        else if constexpr (std::is_signed_v<T>)
            set_signed(static_cast<std::int64_t>(value));
        else
            set_unsigned(static_cast<std::uint64_t>(value));
    }
    /// Drops the fraction. A value that is not finite gives 0; a negative one gives 0 in an int_un.
    template <class T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
    big_int(T real) {
        set_real(static_cast<double>(real));
    }
    /// Decimal with an optional sign, or hexadecimal after 0x.
    explicit big_int(std::string_view text);
    big_int(const std::string& text) : big_int(std::string_view(text)) {}
    big_int(const char* text) : big_int(std::string_view(text)) {}
    big_int(const big_int<!Signed>& other);
    /// The value as Val's implicit conversions give it: a negative Val gives 0 in an int_un. Throws
    /// std::bad_alloc, and PoisonedError for a proxy whose value is poisoned.
    big_int(const Val& v);

    big_int& operator+=(const big_int& b);
    big_int& operator-=(const big_int& b);
    big_int& operator*=(const big_int& b);
    big_int& operator/=(const big_int& b);
    big_int& operator%=(const big_int& b);
    friend big_int operator+(big_int a, const big_int& b) { return a += b; }
    friend big_int operator-(big_int a, const big_int& b) { return a -= b; }
    friend big_int operator*(big_int a, const big_int& b) { return a *= b; }
    friend big_int operator/(big_int a, const big_int& b) { return a /= b; }
    friend big_int operator%(big_int a, const big_int& b) { return a %= b; }
    big_int operator-() const { return big_int() - *this; }
    big_int& operator++() { return *this += big_int(1); }
    big_int& operator--() { return *this -= big_int(1); }
    big_int operator++(int) {
        big_int before(*this);
        ++*this;
        return before;
    }
    big_int operator--(int) {
        big_int before(*this);
        --*this;
        return before;
    }

    friend bool operator==(const big_int& a, const big_int& b) noexcept {
        return a.negative_ == b.negative_ && a.limbs_ == b.limbs_;
    }
    friend bool operator!=(const big_int& a, const big_int& b) noexcept { return !(a == b); }
    friend bool operator<(const big_int& a, const big_int& b) noexcept { return a.less(b); }
    friend bool operator>(const big_int& a, const big_int& b) noexcept { return b.less(a); }
    friend bool operator<=(const big_int& a, const big_int& b) noexcept { return !b.less(a); }
    friend bool operator>=(const big_int& a, const big_int& b) noexcept { return !a.less(b); }

    /// As a C cast: integers get the low bits, reals the nearest value, bool whether the number is
    /// not 0.
    template <class T = std::conditional_t<Signed, std::int64_t, std::uint64_t>>
    T as() const {
        static_assert(std::is_arithmetic_v<T>);
        if constexpr (std::is_same_v<T, float>)
            return to_single();
        else if constexpr (std::is_floating_point_v<T>)
            return static_cast<T>(to_real());
        else if constexpr (std::is_same_v<T, bool>)
            return !limbs_.empty();
        else if constexpr (sizeof(T) > sizeof(std::uint64_t))
            return static_cast<T>(T(bits_at(1)) << 64 | T(bits_at(0)));
        else
            return static_cast<T>(bits_at(0));
    }
    /// The original's form: n.as(int_8()).
    template <class T>
    T as(const T&) const {
        return as<T>();
    }
    /// Decimal digits.
    std::string stringize() const;
    /// As operator<<.
    std::ostream& print(std::ostream& out) const { return out << *this; }
    /// The quotient and the remainder, as / and % give them.
    static void DivMod(const big_int& dividend, const big_int& divisor, big_int& quotient,
                       big_int& remainder);

private:
    friend struct detail::big_int_access;
    template <bool Other>
    friend class big_int;

    void set_signed(std::int64_t value);
    void set_unsigned(std::uint64_t value);
    void set_real(double value);
    /// Sets the value from 128 bits of two's complement.
    void set_wide(bool is_negative, std::uint64_t high, std::uint64_t low);
    void clear() noexcept {
        limbs_.clear();
        negative_ = false;
    }
    bool less(const big_int& b) const noexcept;
    /// The i-th 64 bits of two's complement.
    std::uint64_t bits_at(std::size_t i) const noexcept;
    double to_real() const;
    float to_single() const;

    /// The magnitude, least significant limb first, without zero limbs at the top. Not a
    /// std::vector: with -D_GLIBCXX_DEBUG the program's std::vector differs from the library's.
    boost::container::vector<std::uint64_t> limbs_;
    bool negative_ = false;
};

using int_n = big_int<true>;
using int_un = big_int<false>;

/// Decimal digits, without the L that they have inside a Val.
VALPOOL_API std::ostream& operator<<(std::ostream& out, const int_n& n);
VALPOOL_API std::ostream& operator<<(std::ostream& out, const int_un& n);

}  // namespace valpool
