#include <valpool/value/visit.hpp>

#include "value/big_number.hpp"
#include "value/containers.hpp"
#include "value/hash.hpp"

#include <cstring>

/// Equality and order of numbers, exact whatever their types; hashes of values. Equal values have
/// the same hash.

namespace valpool {

using namespace detail;

namespace detail {
namespace {

std::partial_ordering compare_mixed(wide_int i, real_8 r) noexcept {
    if (std::isnan(r)) return std::partial_ordering::unordered;
    constexpr real_8 beyond = 0x1p127;  // the first real that wide_int does not hold
    if (r >= beyond) return std::partial_ordering::less;
    if (r < -beyond) return std::partial_ordering::greater;
    const auto whole = static_cast<wide_int>(r);
    if (i != whole) return i < whole ? std::partial_ordering::less : std::partial_ordering::greater;
    const real_8 rest = r - static_cast<real_8>(whole);
    return 0.0 <=> rest;
}

/// Whether this is a big integer that number_of could not represent exactly.
bool is_huge(const Val& v, const any_number& n) noexcept {
    return is_big(v.tag) && n.what == any_number::real;
}

std::partial_ordering order_of(int sign) noexcept { return sign <=> 0; }

/// Compares the real parts; exact also for integers of any size.
std::partial_ordering compare_real_parts(const Val& a, const any_number& x, const Val& b,
                                         const any_number& y) {
    const bool x_huge = is_huge(a, x);
    const bool y_huge = is_huge(b, y);
    if (!x_huge && !y_huge) return compare_reals(x, y);
    if (!x_huge && x.what != any_number::integer && !std::isfinite(x.re)) return x.re <=> 0.0;
    if (!y_huge && y.what != any_number::integer && !std::isfinite(y.re)) return 0.0 <=> y.re;
    // A huge integer is so far from every real with a fraction that the whole parts decide.
    return order_of(exact_whole(a).compare(exact_whole(b)));
}

std::uint64_t hash_real(real_8 r) noexcept {
    constexpr real_8 limit = 18446744073709551616.0;
    if (r == std::trunc(r) && r > -limit && r < limit)
        return static_cast<std::uint64_t>(static_cast<wide_int>(r));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &r, sizeof bits);
    return bits;
}

std::uint64_t hash_integer(wide_int i) noexcept {
    constexpr wide_int limit = wide_int{1} << 64;
    return i > -limit && i < limit ? static_cast<std::uint64_t>(i)
                                   : hash_real(static_cast<real_8>(i));
}

std::uint64_t hash_number(const Val& v) {
    const any_number n = number_of(v);
    if (n.what == any_number::integer) return hash_integer(n.i);
    const std::uint64_t re = hash_real(n.re);
    return n.what == any_number::complex && n.im != 0 ? mixed(re, hash_real(n.im)) : re;
}

std::partial_ordering reversed(std::partial_ordering order) noexcept {
    if (std::is_lt(order)) return std::partial_ordering::greater;
    return std::is_gt(order) ? std::partial_ordering::less : order;
}

}  // namespace

std::partial_ordering compare_reals(const any_number& a, const any_number& b) noexcept {
    const bool a_whole = a.what == any_number::integer;
    const bool b_whole = b.what == any_number::integer;
    if (a_whole && b_whole) return a.i <=> b.i;
    if (a_whole) return compare_mixed(a.i, b.re);
    if (b_whole) return reversed(compare_mixed(b.i, a.re));
    return a.re <=> b.re;
}

std::uint32_t hash_of(std::string_view text) noexcept {
    std::uint64_t h = text_seed ^ text.size();
    for (; text.size() > short_text::most; text.remove_prefix(16)) {
        std::uint64_t words[2];
        std::memcpy(words, text.data(), sizeof words);
        h = mixed(h ^ words[0], words[1]);
    }
    return hash_with(h, short_text(text));
}

namespace {
// Containers are hashed by their content, within two limits: the time stays proportional to their
// size, and the stack use does not depend on it, because values may share parts or contain
// themselves. Equal values must have the same hash. So the limits depend only on what == sees: an
// Arr may equal an array of numbers, and a Tab an OTab in another order.
constexpr unsigned most_hashed_levels = 3;
constexpr std::size_t most_hashed_nested = 16;  // containers in one container

std::uint32_t hash_of_container(const Val& v, unsigned levels);

std::uint32_t hash_of_part(const Val& v, unsigned levels) {
    return is_container(v.tag) ? hash_of_container(v, levels) : hash_of(v);
}

std::uint64_t hash_of_row(const Val& v, std::uint64_t h, unsigned levels) {
    const value_row row = row_of(v);
    for (std::size_t i = 0, nested = 0; i < row.count; ++i) {
        const Val& part = row.first[i];
        const bool is_deep = is_container(part.tag) && nested++ < most_hashed_nested;
        h = mixed(h, hash_of_part(part, is_deep ? levels : 0));
    }
    return h;
}

std::uint64_t hash_of_numbers(const Val& v, std::uint64_t h) {
    const auto hash_of_item = [](const auto& item) {
        if constexpr (std::is_convertible_v<decltype(item), std::string_view>)
            return hash_of(static_cast<std::string_view>(item));
        else
            return hash_of(Val(item));
    };
    visit_array(v.subtype, value_access::container(v), [&](auto& a) {
        for (std::size_t i = 0; i < a.length(); ++i) h = mixed(h, hash_of_item(a(i)));
    });
    return h;
}

/// The hash of the entries; it does not depend on their order.
std::uint64_t hash_of_entries(const table& t, unsigned levels) {
    const unsigned deep = t.entries() <= most_hashed_nested ? levels : 0;
    std::uint64_t sum = 0;
    for (const auto& [key, value] : t)
        sum += mixed(hash_of_part(key, deep) + 1, hash_of_part(value, deep));
    return sum;
}

/// With no levels left, only the type and the length count.
std::uint32_t hash_of_container(const Val& v, unsigned levels) {
    const std::uint64_t h =
        mixed(is_table(v.tag) ? 3 : static_cast<unsigned char>(v.tag), v.length());
    if (levels == 0) return folded(h);
    if (is_table(v.tag)) return folded(mixed(h, hash_of_entries(table_of(v), levels - 1)));
    return folded(is_row(v) ? hash_of_row(v, h, levels - 1) : hash_of_numbers(v, h));
}
}  // namespace

std::uint32_t hash_of(const Val& v) {
    if (v.tag == 'a') return hash_of(v.text());
    if (const auto i = int_8_of(v)) return folded(mixed(2, static_cast<std::uint64_t>(*i)));
    if (is_plain(v.tag) || is_big(v.tag))
        return folded(mixed(v.tag == 'Z' ? 1 : 2, hash_number(v)));
    if (!is_container(v.tag)) throw_unknown_type(v.tag, v.subtype);
    return hash_of_container(v, most_hashed_levels);
}

bool equal_numbers(const Val& a, const Val& b) {
    const any_number x = number_of(a);
    const any_number y = number_of(b);
    const real_8 x_im = x.what == any_number::complex ? x.im : 0;
    const real_8 y_im = y.what == any_number::complex ? y.im : 0;
    return x_im == y_im && compare_real_parts(a, x, b, y) == std::partial_ordering::equivalent;
}

int order_of_numbers(const Val& a, const Val& b) {
    const any_number x = number_of(a);
    const any_number y = number_of(b);
    const auto order = compare_real_parts(a, x, b, y);
    if (order == std::partial_ordering::less) return -1;
    if (order == std::partial_ordering::greater) return 1;
    // NaN comes before all other numbers, so that the order is defined for it, too.
    const bool x_nan = x.what != any_number::integer && std::isnan(x.re);
    const bool y_nan = y.what != any_number::integer && std::isnan(y.re);
    if (x_nan != y_nan) return x_nan ? -1 : 1;
    const real_8 x_im = x.what == any_number::complex ? x.im : 0;
    const real_8 y_im = y.what == any_number::complex ? y.im : 0;
    if (std::isnan(x_im) != std::isnan(y_im)) return std::isnan(x_im) ? -1 : 1;
    return x_im < y_im ? -1 : x_im > y_im ? 1 : 0;
}

}  // namespace detail

std::size_t hash_value(const Val& v) { return hash_of(v); }

}  // namespace valpool
