#include "value/containers.hpp"
#include "value/numbers.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

/// Equality, order and hash of values. What is equal has the same hash.

namespace valpool {

using namespace detail;

namespace detail {
namespace {

std::partial_ordering compare_mixed(wide_int i, real_8 r) noexcept {
    if (std::isnan(r)) return std::partial_ordering::unordered;
    constexpr real_8 beyond = 3.0e38;  // inside the range of wide_int, outside of every integer
    if (r >= beyond / 2) return std::partial_ordering::less;
    if (r <= -beyond / 2) return std::partial_ordering::greater;
    const auto whole = static_cast<wide_int>(r);
    if (i != whole) return i < whole ? std::partial_ordering::less : std::partial_ordering::greater;
    const real_8 rest = r - static_cast<real_8>(whole);
    return 0.0 <=> rest;
}

bool equal_numbers(const Val& a, const Val& b) noexcept {
    const any_number x = number_of(a);
    const any_number y = number_of(b);
    const real_8 x_im = x.what == any_number::complex ? x.im : 0;
    const real_8 y_im = y.what == any_number::complex ? y.im : 0;
    return x_im == y_im && compare_reals(x, y) == std::partial_ordering::equivalent;
}

std::uint64_t mixed(std::uint64_t h, std::uint64_t with) noexcept {
    h = (h ^ with) * 0x9e3779b97f4a7c15;
    return h ^ (h >> 32);
}

std::uint32_t folded(std::uint64_t h) noexcept { return static_cast<std::uint32_t>(h ^ (h >> 32)); }

std::uint64_t hash_real(real_8 r) noexcept {
    constexpr real_8 limit = 18446744073709551616.0;
    if (r == std::trunc(r) && r > -limit && r < limit)
        return static_cast<std::uint64_t>(static_cast<wide_int>(r));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &r, sizeof bits);
    return bits;
}

std::uint64_t hash_number(const Val& v) noexcept {
    const any_number n = number_of(v);
    if (n.what == any_number::integer) return static_cast<std::uint64_t>(n.i);
    const std::uint64_t re = hash_real(n.re);
    return n.what == any_number::complex && n.im != 0 ? mixed(re, hash_real(n.im)) : re;
}

}  // namespace

std::partial_ordering compare_reals(const any_number& a, const any_number& b) noexcept {
    const bool a_whole = a.what == any_number::integer;
    const bool b_whole = b.what == any_number::integer;
    if (a_whole && b_whole) return a.i <=> b.i;
    if (a_whole) return compare_mixed(a.i, b.re);
    if (b_whole) return 0 <=> compare_mixed(b.i, a.re);
    return a.re <=> b.re;
}

std::uint32_t hash_of(std::string_view text) noexcept {
    std::uint64_t h = 0x243f6a8885a308d3 ^ text.size();
    while (text.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data(), 8);
        h = mixed(h, word);
        text.remove_prefix(8);
    }
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), text.size());
    return folded(mixed(h, word));
}

std::uint32_t hash_of(const Val& v) {
    if (v.tag == 'a') return hash_of(v.text());
    if (is_plain(v.tag)) return folded(mixed(v.tag == 'Z' ? 1 : 2, hash_number(v)));
    // Containers as keys are rare and may hold anything: their length has to do.
    return folded(mixed(is_table(v.tag) ? 3 : static_cast<unsigned char>(v.tag), v.length()));
}

}  // namespace detail

namespace {

bool is_number(const Val& v) noexcept { return !v.isproxy && ByteLength(v.tag) != 0; }

bool equal_tables(const Val& a, const Val& b) {
    const table& x = table_of(a);
    const table& y = table_of(b);
    if (x.entries() != y.entries()) return false;
    if (a.tag == 'o' && b.tag == 'o')
        return std::equal(x.begin(), x.end(), y.begin(), [](const auto& p, const auto& q) {
            return p.key == q.key && p.value == q.value;
        });
    for (const auto& [key, value] : x) {
        const Val* const other = y.findValue(key);
        if (!other || !(*other == value)) return false;
    }
    return true;
}

/// Element `i` of a list of any kind.
Val element(const Val& list, void* object, std::size_t i) {
    return visit_array(list.subtype, object, [i](auto& a) { return Val(a(i)); });
}

bool equal_lists(const Val& a, const Val& b) {
    const std::size_t count = a.length();
    if (count != b.length()) return false;
    if (is_row(a) && is_row(b))
        return std::equal(row_of(a).first, row_of(a).first + count, row_of(b).first);
    void* const x = value_access::container(a);
    void* const y = value_access::container(b);
    for (std::size_t i = 0; i < count; ++i)
        if (!(element(a, x, i) == element(b, y, i))) return false;
    return true;
}

int rank(const Val& v) noexcept {
    if (v.tag == 'Z') return 0;
    if (ByteLength(v.tag) != 0) return 1;
    if (v.tag == 'a') return 2;
    return v.tag == 'n' ? 3 : v.tag == 'u' ? 4 : 5;
}

bool less_numbers(const Val& a, const Val& b) noexcept {
    const any_number x = number_of(a);
    const any_number y = number_of(b);
    const auto order = compare_reals(x, y);
    if (order == std::partial_ordering::less) return true;
    if (order == std::partial_ordering::greater) return false;
    // NaN goes before all others, so that it has a place.
    const bool x_nan = x.what != any_number::integer && std::isnan(x.re);
    const bool y_nan = y.what != any_number::integer && std::isnan(y.re);
    if (x_nan != y_nan) return x_nan;
    const auto im = [](const any_number& n) { return n.what == any_number::complex ? n.im : 0; };
    if (std::isnan(im(x)) || std::isnan(im(y))) return std::isnan(im(x)) && !std::isnan(im(y));
    return im(x) < im(y);
}

bool less_lists(const Val& a, const Val& b) {
    void* const x = value_access::container(a);
    void* const y = value_access::container(b);
    const std::size_t common = std::min(a.length(), b.length());
    for (std::size_t i = 0; i < common; ++i) {
        const Val p = a.tag == 'u' ? row_of(a).first[i] : element(a, x, i);
        const Val q = b.tag == 'u' ? row_of(b).first[i] : element(b, y, i);
        if (p < q) return true;
        if (q < p) return false;
    }
    return a.length() < b.length();
}

std::vector<const table_entry*> sorted_entries(const table& t) {
    std::vector<const table_entry*> all;
    all.reserve(t.entries());
    for (const auto& e : t) all.push_back(&e);
    std::sort(all.begin(), all.end(), [](auto* p, auto* q) { return p->key < q->key; });
    return all;
}

bool less_tables(const Val& a, const Val& b) {
    if (a.length() != b.length()) return a.length() < b.length();
    const auto x = sorted_entries(table_of(a));
    const auto y = sorted_entries(table_of(b));
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (x[i]->key < y[i]->key) return true;
        if (y[i]->key < x[i]->key) return false;
        if (x[i]->value < y[i]->value) return true;
        if (y[i]->value < x[i]->value) return false;
    }
    return false;
}

}  // namespace

bool operator==(const Val& a, const Val& b) {
    if (is_number(a) && is_number(b)) return equal_numbers(a, b);
    if (a.tag == 'a') return b.tag == 'a' && a.text() == b.text();
    if (is_table(a.tag)) return is_table(b.tag) && (is(a, b) || equal_tables(a, b));
    if (a.tag != b.tag) return false;
    return a.tag == 'Z' || is(a, b) || equal_lists(a, b);
}

bool operator<(const Val& a, const Val& b) {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    switch (rank(a)) {
        case 0: return false;
        case 1: return less_numbers(a, b);
        case 2: return a.text() < b.text();
        case 5: return less_tables(a, b);
        default: return less_lists(a, b);
    }
}

}  // namespace valpool
