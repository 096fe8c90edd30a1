#include "pool_fixture.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace valpool;
using value_test::text_of;

namespace {

/// Sizes around those at which a table starts to hash, grows, and rebuilds its index.
const std::size_t counts[] = {0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 21, 22, 33, 43, 1000};

std::string key_of(std::size_t i) {
    return (i % 3 == 0 ? "k" : "a key of more than twenty bytes ") + std::to_string(i);
}

template <class T = Tab>
T table_of(std::size_t count) {
    T t;
    for (std::size_t i = 0; i < count; ++i) t[key_of(i)] = i;
    return t;
}

std::vector<std::string> keys_of(const detail::table& t) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : t) keys.push_back(key);
    return keys;
}

auto says(const std::string& text) {
    return [text](const std::exception& e) { return e.what() == text; };
}

const std::string long_text(100, 'x');

}  // namespace

BOOST_AUTO_TEST_SUITE(tab)

BOOST_AUTO_TEST_CASE(an_empty_table_has_nothing) {
    Tab t;
    BOOST_TEST(t.entries() == 0u);
    BOOST_TEST(t.isEmpty());
    BOOST_TEST(!t.contains("a"));
    BOOST_TEST(!t.remove("a"));
    BOOST_TEST(t.findValue("a") == nullptr);
    BOOST_CHECK(t.begin() == t.end());
}

BOOST_AUTO_TEST_CASE(every_key_of_a_table_of_any_size_is_found) {
    for (const std::size_t n : counts) {
        const Tab t = table_of(n);
        BOOST_TEST(t.entries() == n);
        for (std::size_t i = 0; i < n; ++i)
            BOOST_REQUIRE(t.contains(key_of(i)) && t(key_of(i)) == Val(i));
        BOOST_TEST(!t.contains(key_of(n)));
    }
}

BOOST_AUTO_TEST_CASE(tables_are_walked_in_the_order_of_insertion) {
    for (const std::size_t n : counts) {
        std::vector<std::string> expected;
        for (std::size_t i = 0; i < n; ++i) expected.push_back(key_of(i));
        BOOST_TEST(keys_of(table_of(n)) == expected);
        BOOST_TEST(keys_of(table_of<OTab>(n)) == expected);
    }
}

BOOST_AUTO_TEST_CASE(overwriting_keeps_the_place) {
    Tab t{{"a", 1}, {"b", 2}};
    t["a"] = 3;
    t.insertKeyAndValue("a", 4);
    BOOST_TEST(text_of(t) == "{'a': 4, 'b': 2}");
}

BOOST_AUTO_TEST_CASE(a_removed_key_comes_back_at_the_end) {
    for (const std::size_t n : {2u, 8u, 9u, 50u}) {
        Tab t = table_of(n);
        BOOST_TEST(t.remove(key_of(0)));
        BOOST_TEST(!t.contains(key_of(0)));
        BOOST_TEST(t.entries() == n - 1);
        t[key_of(0)] = "again";
        BOOST_TEST(t.entries() == n);
        BOOST_TEST(keys_of(t).back() == key_of(0));
    }
}

BOOST_AUTO_TEST_CASE(removing_all_leaves_an_empty_table_that_works) {
    for (const std::size_t n : counts) {
        Tab t = table_of(n);
        for (std::size_t i = 0; i < n; ++i) BOOST_REQUIRE(t.remove(key_of(i * 7919 % n)));
        BOOST_TEST(t.isEmpty());
        BOOST_TEST(text_of(t) == "{}");
        t["new"] = 1;
        BOOST_TEST(text_of(t) == "{'new': 1}");
    }
}

BOOST_AUTO_TEST_CASE(a_table_that_is_always_refilled_keeps_its_keys) {
    Tab t;
    for (std::size_t i = 0; i < 5000; ++i) {
        t[key_of(i)] = i;
        if (i >= 30) BOOST_REQUIRE(t.remove(key_of(i - 30)));
    }
    BOOST_TEST(t.entries() == 30u);
    for (std::size_t i = 4970; i < 5000; ++i) BOOST_TEST(t(key_of(i)) == Val(i));
}

BOOST_AUTO_TEST_CASE(one_one_point_zero_and_true_are_one_key) {
    Tab t;
    t[1] = "int";
    t[1.0] = "real";
    t[true] = "bool";
    BOOST_TEST(text_of(t) == "{1: 'bool'}");
    t["1"] = "text";
    BOOST_TEST(t.entries() == 2u);
}

BOOST_AUTO_TEST_CASE(equal_integers_of_all_types_are_one_key_in_a_table_of_any_size) {
    for (const std::size_t n : counts) {
        Tab t;
        for (std::size_t i = 0; i < n; ++i) t[static_cast<int_4>(i)] = i;
        t[int_8(-1)] = "minus one";
        t[std::numeric_limits<int_u8>::max()] = "the largest";
        BOOST_TEST(t.entries() == n + 2);
        for (std::size_t i = 0; i < std::min<std::size_t>(n, 100); ++i) {
            BOOST_REQUIRE(t(static_cast<int_1>(i)) == Val(i));
            BOOST_REQUIRE(t(static_cast<int_u2>(i)) == Val(i));
            BOOST_REQUIRE(t(static_cast<int_4>(i)) == Val(i));
            BOOST_REQUIRE(t(static_cast<int_u8>(i)) == Val(i));
            BOOST_REQUIRE(t(static_cast<real_8>(i)) == Val(i));
            BOOST_REQUIRE(t(Val(int_n(static_cast<int_8>(i)))) == Val(i));
            BOOST_REQUIRE(!t.contains(std::to_string(i)));
        }
        BOOST_TEST(text_of(t(int_1(-1))) == "'minus one'");
        BOOST_TEST(text_of(t(std::numeric_limits<int_u8>::max())) == "'the largest'");
        BOOST_TEST(!t.contains(n));
        BOOST_TEST(!t.contains(int_2(-2)));
    }
}

BOOST_AUTO_TEST_CASE(a_number_over_a_longer_text_is_the_same_key) {
    Tab t;
    Val key = "twenty bytes of text";
    key = 7;
    t[key] = "seven";
    BOOST_TEST(text_of(t(7)) == "'seven'");
}

BOOST_AUTO_TEST_CASE(short_texts_and_other_keys_share_a_table_of_any_size) {
    for (std::size_t shorts = 0; shorts <= 14; ++shorts)
        for (std::size_t others = 0; others <= 14; ++others) {
            std::vector<Val> keys;
            for (std::size_t i = 0; i < shorts; ++i) keys.push_back("key " + std::to_string(i));
            for (std::size_t i = 0; i < others; ++i)
                keys.push_back(i % 2 == 0 ? Val(i) : Val(long_text + std::to_string(i)));
            Tab t;
            for (std::size_t i = 0; i < keys.size(); ++i) t[keys[i]] = i;
            Tab copy = t;
            for (std::size_t i = 0; i < keys.size(); ++i) {
                BOOST_REQUIRE(t(keys[i]) == Val(i));
                BOOST_REQUIRE(copy.remove(keys[i]));
                BOOST_REQUIRE(!copy.contains(keys[i]));
                BOOST_REQUIRE(copy.entries() == keys.size() - i - 1);
            }
            BOOST_TEST(t.entries() == keys.size());
        }
}

BOOST_AUTO_TEST_CASE(none_and_containers_can_be_keys) {
    for (const std::size_t n : {0u, 20u}) {
        Tab t = table_of(n);
        t[Val()] = "none";
        t[Val(Tup(1, "a"))] = "tuple";
        t[Val(Arr{1})] = "list";
        BOOST_TEST(text_of(t(Val())) == "'none'");
        BOOST_TEST(text_of(t(Val(Tup(1.0, "a")))) == "'tuple'");
        BOOST_TEST(text_of(t(Val(Array<int_4>{1}))) == "'list'");
        BOOST_TEST(t.entries() == n + 3);
    }
}

BOOST_AUTO_TEST_CASE(a_missing_key_is_named) {
    const Tab t{{"a", 1}};
    BOOST_CHECK_EXCEPTION(t("q"), std::out_of_range, says("Key 'q' not in table"));
    BOOST_CHECK_EXCEPTION(t(5), std::out_of_range, says("Key 5 not in table"));
    const Val v = t;
    BOOST_CHECK_EXCEPTION(v("q"), std::out_of_range, says("Key 'q' not in table"));
    BOOST_CHECK_EXCEPTION(v["q"], std::out_of_range, says("Key 'q' not in table"));
}

BOOST_AUTO_TEST_CASE(a_missing_key_in_brackets_is_inserted_as_none) {
    Val v = Tab();
    BOOST_TEST(v["new"].isNone());
    BOOST_TEST(text_of(v) == "{'new': None}");
}

BOOST_AUTO_TEST_CASE(get_gives_a_copy_or_what_is_given_instead) {
    const Tab t{{"a", 1}};
    BOOST_TEST(text_of(t.get("a")) == "1");
    BOOST_TEST(text_of(t.get("b")) == "None");
    BOOST_TEST(text_of(t.get("b", 7)) == "7");
    BOOST_TEST(t.entries() == 1u);
}

BOOST_AUTO_TEST_CASE(append_counts_the_keys) {
    Val v = Tab();
    v.append("zero");
    v.append("one");
    BOOST_TEST(text_of(v) == "{0: 'zero', 1: 'one'}");
}

BOOST_AUTO_TEST_CASE(plus_equals_adds_and_overwrites) {
    Tab t{{"a", 1}, {"b", 2}};
    t += Tab{{"b", 3}, {"c", 4}};
    BOOST_TEST(text_of(t) == "{'a': 1, 'b': 3, 'c': 4}");
    t += t;
    BOOST_TEST(text_of(t) == "{'a': 1, 'b': 3, 'c': 4}");
    t += Tab();
    BOOST_TEST(t.entries() == 3u);
}

BOOST_AUTO_TEST_CASE(swap_into_exchanges_the_contents) {
    Tab a = table_of(20);
    Tab b{{"only", 1}};
    a.swapInto(b);
    BOOST_TEST(text_of(a) == "{'only': 1}");
    BOOST_TEST(b.entries() == 20u);
    BOOST_TEST(b.contains(key_of(19)));
    b.swapInto(b);
    BOOST_TEST(b.entries() == 20u);
}

BOOST_AUTO_TEST_CASE(clear_empties_a_table_of_any_size) {
    for (const std::size_t n : counts) {
        Tab t = table_of(n);
        t.clear();
        BOOST_TEST(t.isEmpty());
        BOOST_TEST(!t.contains(key_of(0)));
        t["a"] = 1;
        BOOST_TEST(t.entries() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(a_copy_is_deep) {
    Tab a = table_of(20);
    a["in"] = Tab{{"x", 1}};
    Tab b = a;
    b["in"]["x"] = 2;
    b.remove(key_of(3));
    BOOST_TEST(text_of(a("in")) == "{'x': 1}");
    BOOST_TEST(a.contains(key_of(3)));
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_table_with_holes_has_all_its_keys) {
    Tab a = table_of(40);
    for (std::size_t i = 0; i < 40; i += 2) a.remove(key_of(i));
    const Tab b = a;
    BOOST_CHECK(a == b);
    BOOST_TEST(keys_of(b) == keys_of(a));
    BOOST_TEST(b.contains(key_of(39)));
    BOOST_TEST(!b.contains(key_of(38)));
}

BOOST_AUTO_TEST_CASE(a_table_can_be_assigned_to_itself_and_from_a_part_of_itself) {
    Tab t{{"in", Tab{{"x", long_text}}}};
    const Tab& same = t;
    t = same;
    BOOST_TEST(text_of(t("in")("x")) == "'" + long_text + "'");
    Tab& inner = t["in"];
    t = inner;
    BOOST_TEST(text_of(t) == "{'x': '" + long_text + "'}");
}

BOOST_AUTO_TEST_CASE(a_table_of_any_size_takes_a_part_of_itself_under_a_new_key) {
    for (std::size_t n = 0; n < 70; ++n) {
        Tab t = table_of(n);
        t["old"] = long_text;
        t.insertKeyAndValue("new", t("old"));
        BOOST_REQUIRE(std::string(t("new")) == long_text);
    }
}

BOOST_AUTO_TEST_CASE(a_value_is_moved_into_a_table_of_any_size) {
    for (std::size_t n = 0; n < 70; ++n) {
        Tab t = table_of(n);
        Val data = Arr{long_text};
        const Val* const inner = &data[0];
        t.insertKeyAndValue("new", std::move(data));
        // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested.
        BOOST_REQUIRE(data.isNone());
        BOOST_REQUIRE(&t["new"][0] == inner);
        t.insertKeyAndValue("newer", std::move(t["new"]));
        BOOST_REQUIRE(&t["newer"][0] == inner);
        BOOST_REQUIRE(t["new"].isNone());
        t.insertKeyAndValue("newer", std::move(t["newer"]));
        BOOST_REQUIRE(&t["newer"][0] == inner);
        Val more = Arr{long_text};
        Val whole = std::move(t);
        whole.append(std::move(more));
        BOOST_REQUIRE(whole.entries() == n + 3);
        BOOST_REQUIRE(std::string(whole[n + 2][0]) == long_text);
    }
}

BOOST_AUTO_TEST_CASE(a_table_of_any_size_takes_a_part_of_itself_by_assignment) {
    // Since C++17 the right side is evaluated first: growing must not move what it refers to.
    for (std::size_t n = 0; n < 70; ++n) {
        Tab t;
        t["old"] = long_text;
        for (std::size_t i = 0; i < n; ++i) t[key_of(i)] = i;
        t["new"] = t["old"];
        BOOST_REQUIRE_MESSAGE(std::string(t("new")) == long_text, "with " << n << " other keys");
    }
}

BOOST_AUTO_TEST_CASE(a_table_of_any_size_takes_a_part_of_itself_as_a_new_key) {
    for (std::size_t n = 0; n < 70; ++n) {
        Tab t = table_of(n);
        t["old"] = long_text;
        t[t("old")] = 1;
        BOOST_TEST(t.contains(long_text));
        t["other"] = long_text + "2";
        t.insertKeyAndValue(t("other"), 2);
        BOOST_TEST(t.contains(long_text + "2"));
        BOOST_TEST(t.entries() == n + 4);
    }
}

BOOST_AUTO_TEST_CASE(a_table_with_holes_takes_a_part_of_itself_as_a_new_key) {
    for (std::size_t n = 9; n < 70; ++n) {
        Tab t = table_of(n);
        t["old"] = long_text;
        t.remove(key_of(0));
        t[t("old")] = 1;
        BOOST_REQUIRE_MESSAGE(t.contains(long_text), "with " << n << " keys");
        BOOST_REQUIRE(t.entries() == n + 1);
    }
}

BOOST_AUTO_TEST_CASE(a_key_can_be_removed_by_a_reference_to_itself) {
    for (const std::size_t n : {1u, 20u}) {
        Tab t = table_of(n);
        const Val& key = t.begin()->key;
        BOOST_TEST(t.remove(key));
        BOOST_TEST(t.entries() == n - 1);
    }
}

BOOST_AUTO_TEST_CASE(a_value_can_become_a_table_that_contains_it) {
    Val v = Tab{{"a", 1}};
    v["self"] = v;
    // operator[] makes room for the new value before the value is copied.
    BOOST_TEST(text_of(v) == "{'a': 1, 'self': {'a': 1, 'self': None}}");
}

BOOST_AUTO_TEST_CASE(tables_are_equal_whatever_their_order) {
    BOOST_CHECK(Val(Tab{{"a", 1}, {"b", 2}}) == Val(Tab{{"b", 2}, {"a", 1}}));
    BOOST_CHECK(Val(Tab{{"a", 1}, {"b", 2}}) == Val(OTab{{"b", 2}, {"a", 1}}));
    BOOST_CHECK(Val(Tab{{"a", 1}}) != Val(Tab{{"a", 2}}));
    BOOST_CHECK(Val(Tab{{"a", 1}}) != Val(Tab{{"b", 1}}));
    BOOST_CHECK(Val(Tab{{"a", 1}}) != Val(Tab{{"a", 1}, {"b", 2}}));
    BOOST_CHECK(Val(Tab()) == Val(Tab()));
}

BOOST_AUTO_TEST_CASE(ordered_tables_are_equal_in_their_order_only) {
    BOOST_CHECK(Val(OTab{{"a", 1}, {"b", 2}}) == Val(OTab{{"a", 1}, {"b", 2}}));
    BOOST_CHECK(Val(OTab{{"a", 1}, {"b", 2}}) != Val(OTab{{"b", 2}, {"a", 1}}));
}

BOOST_AUTO_TEST_CASE(a_table_with_not_a_number_equals_itself_only) {
    const Tab t{{"a", std::numeric_limits<real_8>::quiet_NaN()}};
    const Tab& same = t;
    const Tab copy = t;
    BOOST_TEST((t == same));
    BOOST_TEST((t != copy));
}

BOOST_AUTO_TEST_CASE(a_table_equals_an_ordered_one_in_any_order) {
    const Tab t{{"a", 1}, {"b", 2}};
    const OTab same{{"b", 2}, {"a", 1}};
    const OTab other{{"b", 2}, {"a", 3}};
    BOOST_CHECK(t == same && same == t && t != other && other != t);
    BOOST_CHECK(!(t != same) && !(same != t) && !(t == other) && !(other == t));
}

BOOST_AUTO_TEST_CASE(a_constant_table_inserts_nothing_in_brackets) {
    const Tab t{{"a", 1}, {2, 3}};
    BOOST_TEST(text_of(t["a"]) == "1");
    BOOST_TEST(text_of(t[2]) == "3");
    BOOST_CHECK_EXCEPTION(t["q"], std::out_of_range, says("Key 'q' not in table"));
    BOOST_CHECK_EXCEPTION(t[5], std::out_of_range, says("Key 5 not in table"));
}

BOOST_AUTO_TEST_CASE(a_found_value_can_be_changed_in_a_table_that_is_not_constant) {
    Tab t{{"a", 1}, {2, 3}};
    *t.findValue("a") = 5;
    *t.findValue(2) = 6;
    BOOST_TEST(text_of(t) == "{'a': 5, 2: 6}");
    const Tab& constant = t;
    static_assert(std::is_same_v<decltype(constant.findValue("a")), const Val*>);
    BOOST_TEST(text_of(*constant.findValue("a")) == "5");
    BOOST_TEST(t.findValue("q") == nullptr);
}

// This test is about copies.
#pragma GCC diagnostic ignored "-Wrange-loop-construct"
using tables = std::tuple<Tab, OTab>;
BOOST_AUTO_TEST_CASE_TEMPLATE(a_table_is_walked_by_value_with_copies, T, tables) {
    T t = table_of<T>(20);
    t["in"] = Arr{long_text};
    const std::string before = text_of(t);
    const T& constant = t;
    std::size_t count = 0;
    for (auto [key, value] : t) value = text_of(key) + text_of(value);
    for (auto [key, value] : constant) value = text_of(key);
    for (const auto [key, value] : t) count += constant.contains(key) && constant(key) == value;
    for (const auto [key, value] : constant) count += t.contains(key) && t(key) == value;
    for (auto entry : t) entry.value.reset();
    BOOST_TEST(text_of(t) == before);
    BOOST_TEST(count == 42u);
}

BOOST_AUTO_TEST_CASE(an_entry_can_be_kept_longer_than_the_walk_that_gave_it) {
    Tab t = table_of(2);
    const auto& first = *t.begin();
    auto walk = t.begin();
    const auto copy = *walk;
    t.begin()->value = long_text;
    BOOST_TEST((first.key == key_of(0) && first.value == 0));
    BOOST_TEST((copy.key == key_of(0) && copy.value == 0));
    BOOST_TEST(t(key_of(0)) == long_text);
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_walk_goes_its_own_way) {
    Tab t = table_of(6);
    auto walk = t.begin();
    const auto& entry = *walk;
    auto other = walk;
    ++other;
    BOOST_TEST((entry.key == key_of(0) && other->key == key_of(1)));
    other = walk++;
    BOOST_TEST((other->key == key_of(0) && walk->key == key_of(1)));
    BOOST_TEST((*walk++).key == key_of(1));
    BOOST_CHECK(++other != t.end() && ++other == walk);
}

BOOST_AUTO_TEST_CASE(a_walk_survives_what_is_inserted_meanwhile) {
    for (const std::size_t n : counts) {
        Tab t = table_of(n);
        std::vector<std::string> walked;
        for (const auto& [key, value] : t) {
            walked.push_back(key);
            if (walked.size() <= n) t[key_of(n + walked.size())] = value;
        }
        BOOST_REQUIRE(walked.size() >= n);
        walked.resize(n);
        BOOST_TEST(walked == keys_of(table_of(n)));
        BOOST_TEST(t.entries() == 2 * n);
    }
}

BOOST_AUTO_TEST_CASE(a_walk_ends_though_everything_is_removed_meanwhile) {
    for (const std::size_t n : counts)
        for (const std::size_t every : {1u, 2u, 7u}) {
            Tab t = table_of(n);
            std::size_t walked = 0;
            for (auto at = t.begin(); at != t.end() && walked <= n; ++at)
                if (walked++ % every == 0)
                    for (std::size_t i = 0; i < n; ++i) t.remove(key_of(i));
            BOOST_TEST(walked <= n);
            BOOST_TEST(t.isEmpty());
        }
}

namespace {
bool is_one_row(Tab& t) {
    const Val* before = nullptr;
    for (const auto& [key, value] : t) {
        if (before && &value != before + 1) return false;
        before = &value;
    }
    return true;
}
/// How many of so many new tables of this size consist of one row.
std::size_t rows_of(std::size_t tables, std::size_t entries) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < tables; ++i) {
        Tab t = table_of(entries);
        count += is_one_row(t);
    }
    return count;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_thread_that_makes_tables_of_ten_comes_to_make_each_one_row) {
    std::thread([] {
        rows_of(1000, 3);
        BOOST_TEST(rows_of(50, 10) == 0u);  // so far these sizes could be exceptions
        rows_of(1000, 10);
        BOOST_TEST(rows_of(1000, 10) == 1000u);
        rows_of(1000, 3);
        BOOST_TEST(rows_of(50, 10) == 0u);
    }).join();
}

BOOST_AUTO_TEST_CASE(a_thread_that_makes_some_tables_of_ten_makes_the_others_small) {
    std::thread([] {
        for (int i = 0; i < 1000; ++i) {
            rows_of(1, 3);
            BOOST_REQUIRE(rows_of(1, 10) == 0u);
        }
    }).join();
}

BOOST_FIXTURE_TEST_CASE(in_a_small_pool_each_table_begins_small, value_test::pool_fixture) {
    std::thread([this] {
        rows_of(1000, 10);
        BOOST_TEST(rows_of(1, 10) == 1u);
        const Val first = shared();  // makes bookkeeping that suffices for many values
        const std::size_t before = pool->usedBytes();
        const Val second = shared();
        BOOST_TEST(pool->usedBytes() - before == 384u);
    }).join();
}

namespace {
bool begins_right_behind_itself(const Tab& t) {
    return &t.begin()->value == static_cast<const void*>(&t + 1);
}
}  // namespace

BOOST_FIXTURE_TEST_CASE(the_first_values_of_a_shared_table_lie_right_behind_it,
                        value_test::pool_fixture) {
    Val filled = shared();
    filled[key_of(0)] = 0;
    BOOST_TEST(begins_right_behind_itself(filled));
    for (const std::size_t n : {1u, 4u, 5u, 9u, 21u}) {
        const Tab original = table_of(n);
        const Val copied = shared(original);
        const Val once_more = Shared(pool, copied);
        for (const Val& v : {copied, once_more}) {
            BOOST_TEST(begins_right_behind_itself(v));
            BOOST_CHECK(static_cast<Tab&>(v) == original);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_shared_table_that_is_emptied_and_filled_again_takes_no_more_memory,
                        value_test::pool_fixture) {
    for (const std::size_t n : {1u, 4u, 5u, 8u, 9u, 21u, 43u}) {
        const Tab original = table_of(n);
        Val v = shared(original);
        Tab& t = v;
        std::size_t used = 0;
        for (int i = 0; i < 100; ++i) {
            if (i == 10) used = pool->usedBytes();
            t.clear();
            BOOST_REQUIRE(t.isEmpty());
            for (const auto& [key, value] : original) t[key] = value;
            t = original;
            BOOST_REQUIRE(t == original);
        }
        BOOST_TEST(pool->usedBytes() == used);
    }
}

BOOST_AUTO_TEST_CASE(a_pool_of_small_pages_holds_tables_that_are_larger_than_its_blocks) {
    value_test::pool_memory memory(256 << 10);
    for (const std::size_t n : counts) {
        const Tab original = table_of(std::min<std::size_t>(n, 200));
        {
            std::vector<Val> side_by_side;
            for (int i = 0; i < 3; ++i) side_by_side.emplace_back(Shared(memory.get(), original));
            for (const Val& v : side_by_side) BOOST_CHECK(static_cast<Tab&>(v) == original);
            BOOST_TEST(check(memory.get()).is_sound());
        }
        BOOST_TEST(memory.get()->isPristine());
    }
}

BOOST_AUTO_TEST_CASE(algorithms_walk_a_table_of_any_size) {
    for (const std::size_t n : counts) {
        Tab t = table_of(n);
        BOOST_TEST(static_cast<std::size_t>(std::distance(t.begin(), t.end())) == n);
        const auto is_last = [n](const auto& e) { return e.value == n - 1; };
        const auto found = std::find_if(t.begin(), t.end(), is_last);
        BOOST_TEST((found == t.end()) == (n == 0));
        if (n == 0) continue;
        BOOST_TEST(found->key == key_of(n - 1));
        const auto is_less = [](const auto& a, const auto& b) { return a.value < b.value; };
        BOOST_CHECK(std::max_element(t.begin(), t.end(), is_less) == found);
        std::for_each(t.begin(), t.end(), [](auto& e) { e.value = e.key; });
        BOOST_TEST(t(key_of(n - 1)) == key_of(n - 1));
    }
}

BOOST_AUTO_TEST_CASE(a_walk_passes_over_holes_wherever_they_are) {
    for (const std::size_t n : counts)
        for (const std::size_t from : {0u, 3u, 4u, 11u, 12u, 27u})
            for (const std::size_t holes : {1u, 4u, 8u, 9u}) {
                Tab t = table_of(n);
                std::vector<std::string> left;
                for (std::size_t i = 0; i < n; ++i) {
                    if (i < from || i >= from + holes)
                        left.push_back(key_of(i));
                    else
                        t.remove(key_of(i));
                }
                BOOST_TEST(keys_of(t) == left);
            }
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_table_finds_every_key_whatever_was_removed) {
    for (const std::size_t n : counts)
        for (const std::size_t every : {2u, 3u, 7u, 1001u}) {
            Tab t = table_of(n);
            for (std::size_t i = 0; i < n; ++i)
                if (i % every == 1) t.remove(key_of(i));
            Tab copy = t;
            BOOST_TEST(keys_of(copy) == keys_of(t));
            for (std::size_t i = 0; i < n; ++i) {
                BOOST_REQUIRE(copy.contains(key_of(i)) == (i % every != 1));
                copy[key_of(i)] = n + i;
            }
            BOOST_TEST(copy.entries() == n);
            for (std::size_t i = 0; i < n; ++i) BOOST_REQUIRE(copy(key_of(i)) == Val(n + i));
        }
}

BOOST_AUTO_TEST_CASE(tables_compare_equal_without_being_wrapped) {
    BOOST_CHECK(Tab({{"a", 1}}) == Tab({{"a", 1}}));
    BOOST_CHECK(OTab({{"a", 1}}) == OTab({{"a", 1}}));
}

BOOST_AUTO_TEST_CASE(a_value_converts_to_its_own_table_type_only) {
    Val v = Tab{{"a", 1}};
    Tab& t = v;
    t["b"] = 2;
    BOOST_TEST(text_of(v) == "{'a': 1, 'b': 2}");
    BOOST_CHECK_THROW((void)static_cast<OTab&>(v), std::logic_error);
    BOOST_CHECK_THROW((void)static_cast<Arr&>(v), std::logic_error);
    BOOST_CHECK_EXCEPTION((void)static_cast<Tab&>(Val(5)), std::logic_error,
                          [](const std::exception& e) {
                              return std::string(e.what()).find("int_4") != std::string::npos;
                          });
}

BOOST_AUTO_TEST_CASE(what_is_no_table_has_no_keys) {
    Val number = 5;
    BOOST_CHECK_THROW(number["a"], std::logic_error);
    BOOST_CHECK_THROW(number("a"), std::logic_error);
    BOOST_CHECK_THROW(number.contains("a"), std::logic_error);
    BOOST_CHECK_THROW(number.remove("a"), std::logic_error);
    BOOST_TEST(text_of(number) == "5");
}

BOOST_AUTO_TEST_CASE(it_walks_keys_and_values_and_can_change_them) {
    Val v = Tab{{"b", 1}, {"a", 2}};
    std::string keys;
    for (It ii(v); ii();) {
        keys += std::string(ii.key());
        ii.value() = static_cast<int>(ii.value()) * 10;
    }
    BOOST_TEST(keys == "ba");
    BOOST_TEST(text_of(v) == "{'b': 10, 'a': 20}");
}

BOOST_AUTO_TEST_CASE(sit_walks_in_the_order_of_the_keys) {
    Val v = OTab{{"b", 1}, {"a", 2}, {3, 3}};
    std::string keys;
    for (Sit ii(v); ii();) keys += text_of(ii.key());
    BOOST_TEST(keys == "3'a''b'");
}

BOOST_AUTO_TEST_CASE(it_over_an_empty_table_ends_at_once) {
    Tab t;
    BOOST_TEST(!It(t)());
    BOOST_CHECK_THROW(It(Val(5)), std::logic_error);
}

BOOST_AUTO_TEST_CASE(an_iterator_takes_up_another_container) {
    const auto walked = [](auto& ii) {
        std::string seen;
        while (ii()) seen += text_of(ii.key()) + text_of(ii.value()) + " ";
        return seen;
    };
    It it;
    BOOST_TEST(!it());
    Tab t{{"b", 1}, {"a", 2}};
    it.reset(t);
    BOOST_TEST(it());
    it.value() = 5;
    BOOST_TEST(text_of(t) == "{'b': 5, 'a': 2}");
    const Tup tuple(7, "x");
    it.reset(tuple);
    BOOST_TEST(walked(it) == "07 1'x' ");
    it.reset(Val(Array<int_4>{3, 4}));
    BOOST_TEST(walked(it) == "03 14 ");
    it.reset(Arr{6});
    BOOST_TEST(walked(it) == "06 ");
    it.reset(Arr{Arr{8}});
    BOOST_TEST(it());
    it.reset(it.value());  // a part of the value that is being iterated over
    BOOST_TEST(walked(it) == "08 ");
    it.reset(Proxy(new OTab{{"z", 1}}));
    BOOST_TEST(walked(it) == "'z'1 ");
    BOOST_CHECK_THROW(it.reset(Val(5)), std::logic_error);
    BOOST_TEST(!it());
    Sit sorted;
    const Tab& constant = t;
    sorted.reset(constant);
    BOOST_TEST(walked(sorted) == "'a'2 'b'5 ");
    sorted.reset();
    BOOST_TEST(walked(sorted) == "'a'2 'b'5 ");
}

BOOST_AUTO_TEST_CASE(swap_into_gives_the_old_value_in_exchange) {
    Tab t{{"a", 1}};
    Val key = "a";
    Val value = 2;
    BOOST_TEST(t.swapInto(key, value));
    BOOST_TEST(text_of(t) + text_of(key) + text_of(value) == "{'a': 2}'a'1");
    key = "b";
    BOOST_TEST(!t.swapInto(key, value));
    BOOST_TEST(text_of(t) + text_of(key) + text_of(value) == "{'a': 2, 'b': 1}NoneNone");
}

BOOST_AUTO_TEST_SUITE_END()
