#include <valpool/value/proxy.hpp>

#include "value/big_number.hpp"
#include "value/containers.hpp"
#include "value/open_levels.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

/// Equality and order of values. Both keep the pairs that are still to be compared on a stack of
/// their own, so that deep nesting does not use up the thread's stack.

namespace valpool {

using namespace detail;

namespace {

/// Most texts lie in the values themselves. Then comparing the values' words is enough.
bool are_equal_texts(const Val& a, const Val& b) {
    if (!value_access::owns_something(a) && !value_access::owns_something(b))
        return short_text(value_access::stored(a)).is_stored_at(value_access::stored(b));
    return a.text() == b.text();
}

/// A copy of element `i` of a list, or of an array of numbers.
Val element(const Val& list, void* object, std::size_t i) {
    if (is_row(list)) return row_of(list).first[i];
    return visit_array(list.subtype, object, [i](auto& a) { return Val(a(i)); });
}

// --- equality ---------------------------------------------------------------------------------

/// Nothing when the answer needs a look into containers.
[[gnu::always_inline]] inline std::optional<bool> known_equality(const Val& a, const Val& b) {
    if (const auto x = int_8_of(a))
        if (const auto y = int_8_of(b)) return *x == *y;
    if (a.tag == 'a') return b.tag == 'a' && are_equal_texts(a, b);
    if (a.tag == 'd' && b.tag == 'd')
        return value_access::number<real_8>(a) == value_access::number<real_8>(b);
    if (is_number(a) && is_number(b)) return equal_numbers(a, b);
    if (is_table(a.tag) ? !is_table(b.tag) : a.tag != b.tag) return false;
    if (a.tag == 'Z' || is(a, b)) return true;
    return {};
}

class equality {
public:
    bool of_containers(const Val& a, const Val& b) {
        left_.emplace_back(&a, &b);
        return are_left_equal();
    }

    bool of_tables(const table& a, const table& b, bool is_ordered) {
        return &a == &b || (have_equal_entries(a, b, is_ordered) && are_left_equal());
    }

private:
    bool are_left_equal() {
        while (!left_.empty()) {
            const auto [x, y] = left_.back();
            left_.pop_back();
            if (!have_equal_content(*x, *y)) return false;
        }
        return true;
    }

    /// True for containers, too: they are put on the stack and compared later.
    bool are_equal(const Val& a, const Val& b) {
        if (const auto known = known_equality(a, b)) return *known;
        left_.emplace_back(&a, &b);
        return true;
    }

    bool have_equal_content(const Val& a, const Val& b) {
        // Values that refer to each other in a circle are equal if nothing tells them apart.
        if (a.isproxy && b.isproxy &&
            !seen_.emplace(value_access::container(a), value_access::container(b)).second)
            return true;
        if (!is_container(a.tag)) throw_unknown_type(a.tag, a.subtype);
        if (!is_table(a.tag)) return equal_lists(a, b);
        return have_equal_entries(table_of(a), table_of(b), a.tag == 'o' && b.tag == 'o');
    }

    bool have_equal_entries(const table& x, const table& y, bool is_ordered) {
        if (x.entries() != y.entries()) return false;
        if (is_ordered)
            return std::equal(x.begin(), x.end(), y.begin(), [this](const auto& p, const auto& q) {
                return p.key == q.key && are_equal(p.value, q.value);
            });
        return std::all_of(x.begin(), x.end(), [&](const auto& e) {
            const Val* const other = y.findValue(e.key);
            return other && are_equal(e.value, *other);
        });
    }

    bool equal_lists(const Val& a, const Val& b) {
        const std::size_t count = a.length();
        if (count != b.length()) return false;
        if (is_row(a) && is_row(b)) {
            const Val* const x = row_of(a).first;
            return std::equal(x, x + count, row_of(b).first,
                              [this](const Val& p, const Val& q) { return are_equal(p, q); });
        }
        void* const x = value_access::container(a);
        void* const y = value_access::container(b);
        if (a.subtype == b.subtype)
            return visit_array(a.subtype, x, [y](const auto& array) {
                return array == *static_cast<decltype(&array)>(y);
            });
        for (std::size_t i = 0; i < count; ++i)
            // At least one of the two holds no containers, so this == does not nest.
            if (!(element(a, x, i) == element(b, y, i))) return false;
        return true;
    }

    std::vector<value_pair> left_;
    std::set<std::pair<const void*, const void*>> seen_;
};

// --- order ------------------------------------------------------------------------------------

int rank(const Val& v) {
    switch (v.tag) {
        // clang-format off
#define VALPOOL_NONE(its_tag, ...) case its_tag: return 0;
#define VALPOOL_NUMBER(its_tag, ...) case its_tag: return 1;
#define VALPOOL_TEXT(its_tag, ...) case its_tag: return 2;
#define VALPOOL_ARRAY(its_tag, ...) case its_tag: return 3;
#define VALPOOL_CONTAINER(its_tag, ...) case its_tag: return is_table(its_tag) ? 5 : 4;
        // clang-format on
        VALPOOL_VALUE_TYPES(VALPOOL_NONE, VALPOOL_NUMBER, VALPOOL_NUMBER, VALPOOL_TEXT,
                            VALPOOL_CONTAINER, VALPOOL_ARRAY)
#undef VALPOOL_NONE
#undef VALPOOL_NUMBER
#undef VALPOOL_TEXT
#undef VALPOOL_ARRAY
#undef VALPOOL_CONTAINER
        default: throw_unknown_type(v.tag, v.subtype);
    }
}

template <class T>
int sign_of(const T& a, const T& b) noexcept {
    return a < b ? -1 : b < a ? 1 : 0;
}

/// Nothing when the answer needs a look into containers.
[[gnu::always_inline]] inline std::optional<int> known_order(const Val& a, const Val& b) {
    if (const auto x = int_8_of(a))
        if (const auto y = int_8_of(b)) return sign_of(*x, *y);
    if (rank(a) != rank(b)) return sign_of(rank(a), rank(b));
    switch (rank(a)) {
        case 0: return 0;
        case 1: return order_of_numbers(a, b);
        case 2: return sign_of(a.text(), b.text());
        default: return {};
    }
}

class ordering {
public:
    /// Less than, equal to or greater than 0.
    int of(const Val& a, const Val& b) {
        if (const auto known = compare_or_open(a, b)) return *known;
        while (!frames_.empty()) {
            frame& f = frames_.back();
            std::optional<int> known;
            if (f.next == f.pairs.size()) {
                known = f.if_equal;
                frames_.pop_back();
            } else {
                const auto [x, y] = f.pairs[f.next++];
                known = compare_or_open(*x, *y);
            }
            if (known && *known != 0) return *known;
        }
        return 0;
    }

private:
    struct frame {
        std::vector<value_pair> pairs;
        int if_equal = 0;
        std::size_t next = 0;
    };

    /// Nothing for two containers whose elements have to be compared: a frame for them is open
    /// then.
    std::optional<int> compare_or_open(const Val& a, const Val& b) {
        if (const auto known = known_order(a, b)) return known;
        if (is(a, b)) return 0;
        // The first difference ends the comparison. So a pair seen before was equal, or is still
        // being compared and counts as equal if nothing tells the two apart.
        if (a.isproxy && b.isproxy && !seen_.emplace(identity_of(a), identity_of(b)).second)
            return 0;
        if (rank(a) == 5) return open_tables(a, b);
        if (is_row(a) && is_row(b)) return open_rows(a, b);
        return compare_lists(a, b);
    }

    std::optional<int> open_tables(const Val& a, const Val& b) {
        if (a.length() != b.length()) return sign_of(a.length(), b.length());
        const auto x = sorted_entries(table_of(a));
        const auto y = sorted_entries(table_of(b));
        frame f;
        for (std::size_t i = 0; i < x.size(); ++i) {
            f.pairs.emplace_back(x[i].first, y[i].first);
            f.pairs.emplace_back(x[i].second, y[i].second);
        }
        frames_.push_back(std::move(f));
        return {};
    }

    std::optional<int> open_rows(const Val& a, const Val& b) {
        const value_row x = row_of(a);
        const value_row y = row_of(b);
        frame f{{}, sign_of(x.count, y.count)};
        for (std::size_t i = 0; i < std::min(x.count, y.count); ++i)
            f.pairs.emplace_back(x.first + i, y.first + i);
        frames_.push_back(std::move(f));
        return {};
    }

    /// At least one of the two is an array of numbers or strings, so this does not nest.
    static int compare_lists(const Val& a, const Val& b) {
        void* const x = value_access::container(a);
        void* const y = value_access::container(b);
        for (std::size_t i = 0; i < std::min(a.length(), b.length()); ++i)
            if (const int known = ordering().of(element(a, x, i), element(b, y, i))) return known;
        return sign_of(a.length(), b.length());
    }

    std::vector<frame> frames_;
    std::set<std::pair<const void*, const void*>> seen_;
};

}  // namespace

std::vector<detail::value_pair> detail::entries_of(const table& t) {
    std::vector<value_pair> all;
    all.reserve(t.entries());
    for (const auto& [key, value] : t) all.emplace_back(&key, &value);
    return all;
}

std::vector<detail::value_pair> detail::sorted_entries(const table& t) {
    auto all = entries_of(t);
    std::sort(all.begin(), all.end(),
              [](const value_pair& a, const value_pair& b) { return *a.first < *b.first; });
    return all;
}

namespace {
// Separate functions: callers whose answer is known at once do not pay for the objects below.
[[gnu::noinline]] bool are_equal_containers(const Val& a, const Val& b) {
    return equality().of_containers(a, b);
}
[[gnu::noinline]] bool is_container_less(const Val& a, const Val& b) {
    return ordering().of(a, b) < 0;
}
}  // namespace

bool detail::are_equal(const Val& a, const Val& b) {
    if (const auto known = known_equality(a, b)) return *known;
    return are_equal_containers(a, b);
}

bool operator<(const Val& a, const Val& b) {
    if (const auto known = known_order(a, b)) return *known < 0;
    return is_container_less(a, b);
}

bool operator==(const Tab& a, const Tab& b) { return equality().of_tables(a, b, false); }
bool operator==(const OTab& a, const OTab& b) { return equality().of_tables(a, b, true); }
bool operator==(const Tab& a, const OTab& b) { return equality().of_tables(a, b, false); }

}  // namespace valpool
