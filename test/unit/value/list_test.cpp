#include "pool_fixture.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

using namespace valpool;
using value_test::text_of;

namespace {
const std::string long_text(100, 'x');

Arr list_of(int count) {
    Arr a;
    for (int i = 0; i < count; ++i) a.append(i);
    return a;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(list)

BOOST_AUTO_TEST_CASE(an_empty_list_has_no_elements) {
    Arr a;
    BOOST_TEST(a.length() == 0u);
    BOOST_TEST(a.empty());
    BOOST_CHECK_THROW(a[0], std::out_of_range);
    BOOST_CHECK_THROW(a.removeAt(0), std::out_of_range);
    BOOST_CHECK_THROW(a.removeFirst(), std::out_of_range);
    BOOST_CHECK_THROW(a.removeLast(), std::out_of_range);
    BOOST_TEST(a.index(1) == -1);
    BOOST_TEST(!a.remove(1));
}

BOOST_AUTO_TEST_CASE(append_keeps_the_order_for_any_length) {
    for (const int n : {1, 2, 3, 8, 9, 1000}) {
        const Arr a = list_of(n);
        BOOST_TEST(a.length() == static_cast<std::size_t>(n));
        for (int i = 0; i < n; ++i) BOOST_REQUIRE(a[static_cast<std::size_t>(i)] == i);
    }
}

BOOST_AUTO_TEST_CASE(brackets_check_the_bounds) {
    Arr a = list_of(3);
    a[2] = "last";
    BOOST_TEST(text_of(a(2)) == "'last'");
    BOOST_CHECK_THROW(a[3], std::out_of_range);
    BOOST_CHECK_THROW(a[static_cast<std::size_t>(-1)], std::out_of_range);
}

BOOST_AUTO_TEST_CASE(at_checks_the_bounds) {
    Arr a = list_of(2);
    a.at(1) = "last";
    const Arr& constant = a;
    BOOST_TEST(text_of(constant.at(1)) == "'last'");
    BOOST_CHECK_THROW(a.at(2), std::out_of_range);
    BOOST_CHECK_THROW(constant.at(static_cast<std::size_t>(-1)), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(lengths_that_cannot_be_are_named_and_change_nothing) {
    Array<real_8> a{1, 2};
    const auto is_refused = [](auto action, const std::string& number) {
        BOOST_CHECK_EXCEPTION(action(), std::length_error, [&](const std::exception& e) {
            return std::string(e.what()).find("a length of " + number + " is not possible;") == 0;
        });
    };
    const auto negative = [](int n) { return static_cast<std::size_t>(n); };
    is_refused([&] { a.resize(negative(-1)); }, "-1");
    is_refused([&] { a.expandTo(negative(-2)); }, "-2");
    is_refused([&] { a.expandForOverwrite(negative(-2)); }, "-2");
    is_refused([&] { a.expandBy(-3); }, "-1");
    is_refused([&] { a.expandBy(std::ptrdiff_t{1} << 60); }, "1152921504606846978");
    is_refused([&] { Array<real_8> none(negative(-3)); }, "-3");
    is_refused([&] { Arr list(std::size_t{1} << 59); }, "576460752303423488");
    is_refused([&] { Tab().reserve(negative(-1)); }, "-1");
    is_refused([&] { OTab().reserve((std::size_t{1} << 30) + 1); }, "1073741825");
    BOOST_TEST(Stringize(a) == "1 2 ");
    BOOST_TEST(a.capacity() < 10u);
}

BOOST_AUTO_TEST_CASE(a_constant_tuple_can_be_read) {
    const Tup empty;
    BOOST_TEST(empty.length() == 0u);
    const Tup t(1, "x");
    BOOST_TEST(text_of(t[0]) == "1");
    BOOST_TEST(text_of(t(1)) == "'x'");
    BOOST_TEST(text_of(t.at(1)) == "'x'");
    BOOST_CHECK_THROW(t.at(2), std::out_of_range);
    BOOST_TEST(t.contains("x"));
    std::string all;
    for (const Val& v : t) all += text_of(v);
    BOOST_TEST(all == "1'x'");
}

BOOST_AUTO_TEST_CASE(indexes_of_a_value_are_whole_numbers_in_bounds) {
    Val v = list_of(3);
    BOOST_TEST(text_of(v[int_u1(2)]) == "2");
    BOOST_TEST(text_of(v[true]) == "1");
    BOOST_TEST(text_of(v(0)) == "0");
    BOOST_CHECK_THROW(v[3], std::out_of_range);
    BOOST_CHECK_THROW(v[-1], std::out_of_range);
    BOOST_CHECK_THROW(v[std::numeric_limits<int_u8>::max()], std::out_of_range);
    BOOST_CHECK_THROW(v[1.0], std::logic_error);
    BOOST_CHECK_THROW(v["1"], std::logic_error);
    BOOST_CHECK_THROW(v[Val()], std::logic_error);
    BOOST_TEST(text_of(v) == "[0, 1, 2]");
}

BOOST_AUTO_TEST_CASE(a_list_of_any_length_takes_an_element_of_its_own) {
    for (int n = 1; n < 40; ++n) {
        Arr a = list_of(n - 1);
        a.append(long_text);
        a.append(a[a.length() - 1]);
        a.insertAt(0, a[a.length() - 1]);
        BOOST_TEST(std::string(a[0]) == long_text);
        BOOST_TEST(std::string(a[a.length() - 1]) == long_text);
        BOOST_TEST(std::string(a[a.length() - 2]) == long_text);
    }
}

BOOST_AUTO_TEST_CASE(a_value_is_moved_into_a_list_of_any_length) {
    for (std::size_t n = 0; n < 20; ++n) {
        Arr a = list_of(static_cast<int>(n));
        Val last = Tab{{"k", 1}};
        Val first = Tab{{"k", 2}};
        const Tab* const last_table = &static_cast<Tab&>(last);
        const Val* const inner = &last["k"];
        a.append(std::move(last));
        a.insertAt(0, std::move(first));
        // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested.
        BOOST_TEST((last.isNone() && first.isNone()));
        BOOST_TEST(&static_cast<Tab&>(a[n + 1]) == last_table);
        BOOST_TEST(&a[n + 1]["k"] == inner);
        BOOST_TEST(text_of(a[0]) == "{'k': 2}");
    }
    Arr a;
    Val texts = Array<std::string>{long_text, "short"};
    Val list = Arr();
    list.append(std::move(texts));
    a.prepend(std::move(list));
    a.insert(1, Val(long_text));
    BOOST_TEST(text_of(a[0][0]) == text_of(Val(Array<std::string>{long_text, "short"})));
    BOOST_TEST(std::string(a[1]) == long_text);
    BOOST_CHECK_THROW(a.insertAt(3, Val(1)), std::out_of_range);
    BOOST_TEST(a.length() == 2u);
}

BOOST_AUTO_TEST_CASE(a_list_of_any_length_takes_an_element_that_is_to_be_moved_as_a_copy) {
    for (int n = 1; n < 40; ++n) {
        Arr a = list_of(n - 1);
        a.append(Val(long_text));
        a.append(std::move(a[a.length() - 1]));
        a.insertAt(0, std::move(a[a.length() - 1]));
        for (const std::size_t i : {std::size_t{0}, a.length() - 2, a.length() - 1})
            BOOST_TEST(std::string(a[i]) == long_text);
    }
    Val v = Arr{1};
    // NOLINTNEXTLINE(bugprone-use-after-move)
    v.append(std::move(v));
    BOOST_TEST(text_of(v) == "[1, [1]]");
}

BOOST_AUTO_TEST_CASE(what_is_moved_into_a_list_in_a_pool_is_copied) {
    const value_test::pool_memory pool(1 << 20);
    Val list = Shared(pool.get(), Arr{1});
    Val data = Tab{{"text", long_text}};
    list.append(std::move(data));
    static_cast<Arr&>(list).insertAt(0, std::move(data));
    // NOLINTNEXTLINE(bugprone-use-after-move): it was copied.
    BOOST_TEST(std::string(data["text"]) == long_text);
    BOOST_TEST(std::string(list[0]["text"]) == long_text);
    BOOST_TEST(std::string(list[2]["text"]) == long_text);
    BOOST_TEST(list[2].allocator() == pool.get());
    // Within the box the element is moved.
    Val* const inner = &list[2]["text"];
    Val nested = Shared(pool.get(), Tab{{"from", Arr()}, {"to", Arr()}});
    nested["from"].append(Tab{{"text", long_text}});
    Val* const text = &nested["from"][0]["text"];
    nested["to"].append(std::move(nested["from"][0]));
    BOOST_TEST(&nested["to"][0]["text"] == text);
    BOOST_TEST(nested["from"][0].isNone());
    BOOST_TEST(&list[2]["text"] == inner);
    // Out of the box the element is copied.
    Arr heap;
    heap.append(std::move(list[2]));
    BOOST_TEST(std::string(list[2]["text"]) == long_text);
    BOOST_TEST(heap[0].allocator() == nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_moved_into_an_array_of_numbers_or_texts_is_converted) {
    Val numbers = Array<int_4>{1};
    numbers.append(Val(2.0));
    Val texts = Array<std::string>{"a"};
    texts.append(Val(long_text));
    BOOST_TEST(static_cast<Array<int_4>&>(numbers)[1] == 2);
    BOOST_TEST(std::string(static_cast<Array<std::string>&>(texts)[1]) == long_text);
}

BOOST_AUTO_TEST_CASE(insert_at_moves_the_rest_up) {
    Arr a = list_of(2);
    a.insertAt(1, "middle");
    a.insert(0, "first");
    a.prepend("before");
    a.insertAt(a.length(), "last");
    BOOST_TEST(text_of(Val(a)) == "['before', 'first', 0, 'middle', 1, 'last']");
    BOOST_CHECK_THROW(a.insertAt(7, 0), std::out_of_range);
    BOOST_TEST(a.length() == 6u);
}

BOOST_AUTO_TEST_CASE(remove_at_moves_the_rest_down) {
    Arr a = list_of(5);
    a.removeAt(2);
    a.removeFirst();
    a.removeLast();
    BOOST_TEST(text_of(Val(a)) == "[1, 3]");
    BOOST_CHECK_THROW(a.removeAt(2), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(remove_takes_the_first_that_is_equal) {
    Arr a{1, 2, 1.0, 3};
    BOOST_TEST(a.remove(1));
    BOOST_TEST(text_of(Val(a)) == "[2, 1.0, 3]");
    BOOST_TEST(!a.remove("1"));
}

namespace {
template <class T>
void check_equality_of_arrays(const T& one, const T& another) {
    const Val a = Array<T>{one, another};
    BOOST_TEST((a == Val(Array<T>{one, another})), a);
    BOOST_TEST((a != Val(Array<T>{one, one})), a);
    BOOST_TEST((a != Val(Array<T>{one})), a);
    BOOST_TEST((a == Val(Arr{one, another})), a);
    BOOST_TEST((Val(Array<T>()) == Val(Array<T>())));
}
}  // namespace

BOOST_AUTO_TEST_CASE(arrays_of_one_type_are_equal_element_by_element) {
    check_equality_of_arrays<bool>(false, true);
    check_equality_of_arrays<int_1>(-1, 1);
    check_equality_of_arrays<int_u8>(1, std::numeric_limits<int_u8>::max());
    check_equality_of_arrays<real_4>(0.5, -0.5);
    check_equality_of_arrays<real_8>(0.5, -0.5);
    check_equality_of_arrays<complex_16>({1, 2}, {1, 3});
    check_equality_of_arrays<std::string>("short", long_text);
    const Val nan = Array<real_8>{std::numeric_limits<real_8>::quiet_NaN()};
    const Val same = nan;
    BOOST_TEST((nan != same));
    BOOST_TEST((Val(Array<real_8>{0.0}) == Val(Array<real_8>{-0.0})));
}

BOOST_AUTO_TEST_CASE(index_and_find_look_for_equal_elements) {
    const Arr a{"a", 2, Tab{{"k", 1}}};
    BOOST_TEST(a.index(2.0) == 1);
    BOOST_TEST(a.index(Tab{{"k", 1}}) == 2);
    BOOST_TEST(a.index("b") == -1);
    BOOST_TEST(a.find("a"));
    BOOST_TEST(!a.contains("b"));
}

BOOST_AUTO_TEST_CASE(fill_appends_up_to_the_capacity) {
    Arr a(4);
    a.append(7);
    a.fill(a[0]);
    BOOST_TEST(text_of(Val(a)) == "[7, 7, 7, 7]");
    a.fill(8);
    BOOST_TEST(a.length() == 4u);
    a.fill(a[3], 2);
    BOOST_TEST(text_of(Val(a)) == "[7, 7, 7, 7, 7, 7]");
    Array<int_4> by_default;
    by_default.fill(1);
    BOOST_TEST(by_default.length() == 2u);
    Val v = Array<real_8>(5);  // the copy in the value has the capacity, too
    Array<real_8>& inside = v;
    inside.fill(0.5);
    BOOST_TEST(inside.length() == 5u);
}

BOOST_AUTO_TEST_CASE(expand_sets_the_length) {
    Arr a = list_of(1);
    a.expandTo(3);
    BOOST_TEST(text_of(Val(a)) == "[0, None, None]");
    a.expandBy(1);
    BOOST_TEST(a.length() == 4u);
    a.expandBy(-3);
    BOOST_TEST(text_of(Val(a)) == "[0]");
    a.expandTo(0);
    BOOST_TEST(a.empty());
    Array<int_4> n{7};
    n.expandTo(3);
    BOOST_TEST(n[2] == 0);
}

BOOST_AUTO_TEST_CASE(expanding_for_overwriting_leaves_what_comes_behind_as_it_is) {
    Array<int_4> a;
    a.expandTo(100);
    std::fill(a.begin(), a.end(), 7);
    a.expandTo(50);
    BOOST_REQUIRE(a.capacity() >= 100u);  // on the heap, room is kept
    a.expandForOverwrite(100);
    BOOST_TEST(a.length() == 100u);
    BOOST_TEST(std::count(a.begin(), a.end(), 7) == 100);
    a.expandForOverwrite(1);
    BOOST_TEST(text_of(Val(a)) == "array([7], 'i')");
    a.expandForOverwrite(0);
    BOOST_TEST(a.empty());
    a.expandForOverwrite(100'000);
    BOOST_TEST(a.length() == 100'000u);
}

BOOST_AUTO_TEST_CASE(resize_sets_the_capacity_alone) {
    Arr a = list_of(4);
    a.resize(2);
    BOOST_TEST(a.length() == 4u);
    BOOST_TEST(a.capacity() == 4u);
    a.resize(100);
    BOOST_TEST(a.capacity() == 100u);
    a.append("more");
    BOOST_TEST(text_of(Val(a)) == "[0, 1, 2, 3, 'more']");
}

BOOST_AUTO_TEST_CASE(removing_returns_what_is_removed) {
    Arr a = list_of(6);
    BOOST_TEST(int_4(a.removeAt(1)) == 1);
    BOOST_TEST(int_4(a.removeFirst()) == 0);
    BOOST_TEST(int_4(a.removeLast()) == 5);
    a.append(3);
    BOOST_TEST(a.removeAll(a[1]) == 2u);
    BOOST_TEST(text_of(Val(a)) == "[2, 4]");
    a += a;
    a.removeRange(1, 2);
    BOOST_TEST(text_of(Val(a)) == "[2, 4]");
    BOOST_CHECK_THROW(a.removeRange(1, 2), std::out_of_range);
    BOOST_CHECK_THROW(a.removeRange(2, 0), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(a_value_removes_from_its_list_by_content) {
    Val list = Arr("[5, 0, 6, 0]");
    BOOST_TEST(list.remove(0));
    BOOST_TEST(text_of(list) == "[5, 6, 0]");
    BOOST_TEST(!list.remove(7));
    Val numbers = Array<int_4>{3, 1};
    BOOST_TEST(numbers.remove(1.0));
    BOOST_TEST(!numbers.remove(3.5));
    BOOST_TEST(text_of(numbers) == "array([3], 'i')");
}

BOOST_AUTO_TEST_CASE(room_can_be_made_in_advance) {
    Array<int_4> a(10);
    BOOST_TEST(a.length() == 0u);
    BOOST_TEST(a.capacity() >= 10u);
    a.resize(200);
    BOOST_TEST(a.capacity() >= 200u);
    const int_4* const before = a.data();
    for (int i = 0; i < 200; ++i) a.append(i);
    BOOST_TEST(a.data() == before);
}

BOOST_AUTO_TEST_CASE(clear_and_swap_work_with_any_length) {
    Arr a = list_of(3);
    Arr b;
    a.swap(b);
    BOOST_TEST(a.empty());
    BOOST_TEST(b.length() == 3u);
    b.swap(b);
    BOOST_TEST(b.length() == 3u);
    b.clear();
    BOOST_TEST(b.empty());
    b.append(1);
    BOOST_TEST(b.length() == 1u);
}

BOOST_AUTO_TEST_CASE(a_list_can_be_assigned_to_itself_and_from_a_part_of_itself) {
    Arr a{Arr{1, long_text}, 2};
    const Arr& same = a;
    a = same;
    BOOST_TEST(a.length() == 2u);
    Arr& inner = a[0];
    a = inner;
    BOOST_TEST(text_of(Val(a)) == "[1, '" + long_text + "']");
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_list_is_deep) {
    Val a = Arr{Val(Arr{1})};
    Val b = a;
    b[0][0] = 2;
    BOOST_TEST(text_of(a) == "[[1]]");
}

BOOST_AUTO_TEST_CASE(lists_compare_element_by_element) {
    BOOST_CHECK(Val(Arr{1, "a"}) == Val(Arr{1.0, "a"}));
    BOOST_CHECK(Val(Arr{1}) != Val(Arr{1, 2}));
    BOOST_CHECK(Val(Arr{1, 2}) < Val(Arr{1, 3}));
    BOOST_CHECK(Val(Arr{1}) < Val(Arr{1, 0}));
    BOOST_CHECK(Val(Arr{1}) != Val(Tup(1)));
    BOOST_CHECK(Val(Array<int_4>{1, 2}) == Val(Arr{1, 2}));
    BOOST_CHECK(Val(Array<int_4>{1, 2}) == Val(Array<real_8>{1, 2}));
}

BOOST_AUTO_TEST_CASE(a_tuple_has_elements_but_does_not_grow) {
    Tup t(1, "two", 3.0);
    BOOST_TEST(t.length() == 3u);
    t[1] = 2;
    BOOST_CHECK_THROW(t[3], std::out_of_range);
    Val v = t;
    BOOST_TEST(v.tag == 'u');
    v[0] = "one";
    BOOST_TEST(text_of(v) == "('one', 2, 3.0)");
    BOOST_CHECK_THROW(v.append(4), std::logic_error);
    BOOST_CHECK_THROW(v.remove(0), std::logic_error);
    BOOST_CHECK_THROW(v[3], std::out_of_range);
    BOOST_TEST(v.contains(3));
}

BOOST_AUTO_TEST_CASE(tuples_have_any_length) {
    BOOST_TEST(Tup().length() == 0u);
    BOOST_TEST(Tup(1).length() == 1u);
    BOOST_TEST(Tup(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12).length() == 12u);
    Val v = Tup();
    BOOST_CHECK_THROW(v[0], std::out_of_range);
}

BOOST_AUTO_TEST_CASE(a_tuple_of_one_tuple_is_made_by_taking_a_list) {
    Arr items{Val(Tup(1, 2))};
    Tup t;
    t.take(items);
    BOOST_TEST(text_of(t) == "((1, 2))");
    BOOST_TEST(items.empty());
}

BOOST_AUTO_TEST_CASE(arrays_of_numbers_are_contiguous) {
    Val v = Array<real_8>{1, 2.5, 4};
    BOOST_TEST(v.tag == 'n');
    BOOST_TEST(v.subtype == 'd');
    Array<real_8>& a = v;
    const std::span<real_8> all = a.span();
    BOOST_TEST(all.size() == 3u);
    all[1] = 7;
    BOOST_TEST(a[1] == 7.0);
    BOOST_TEST(a.data() + 3 == a.end());
}

using numbers = std::tuple<bool, int_1, int_u1, int_2, int_u2, int_4, int_u4, int_8, int_u8, real_4,
                           real_8, complex_8, complex_16>;
BOOST_AUTO_TEST_CASE_TEMPLATE(arrays_of_every_number_type_go_in_and_out, T, numbers) {
    Array<T> a;
    for (int i = 0; i < 100; ++i) a.append(i % 2 == 0 ? T(false) : T(true));
    Val v = a;
    BOOST_TEST(v.subtype == Val(T()).tag);
    v.append(1);
    Array<T>& back = v;
    BOOST_TEST(back.length() == 101u);
    BOOST_CHECK(back[1] == T(true));
    BOOST_CHECK(back[100] == T(true));
    BOOST_TEST(v.contains(1));
    BOOST_TEST(v.remove(0));
    BOOST_TEST(v.length() == 100u);
}

BOOST_AUTO_TEST_CASE(an_array_converts_to_its_own_type_only) {
    Val v = Array<int_4>{1};
    BOOST_CHECK_THROW((void)static_cast<Array<int_8>&>(v), std::logic_error);
    BOOST_CHECK_THROW((void)static_cast<Arr&>(v), std::logic_error);
    BOOST_CHECK_THROW((void)static_cast<Tup&>(v), std::logic_error);
    BOOST_CHECK_THROW(v[0], std::logic_error);
    BOOST_CHECK_THROW(v(0), std::logic_error);
}

BOOST_AUTO_TEST_CASE(removing_from_a_list_is_by_value) {
    Val v = parse("[5, 'a', 5, [1]]");
    BOOST_TEST(v.remove(5));
    BOOST_TEST(text_of(v) == "['a', 5, [1]]");
    BOOST_TEST(v.remove(parse("[1]")));
    BOOST_TEST(!v.remove(7));
    BOOST_TEST(!v.remove("5"));
    BOOST_TEST(text_of(v) == "['a', 5]");
}

BOOST_AUTO_TEST_CASE(removing_from_an_array_of_numbers_is_by_value) {
    Val v = Array<real_8>{1, 2.5, 1};
    BOOST_TEST(v.remove(2.5));
    BOOST_TEST(v.remove(1));
    BOOST_TEST(!v.remove("x"));
    BOOST_TEST(text_of(v) == "array([1.0], 'd')");
}

BOOST_AUTO_TEST_CASE(arrays_of_pointers_are_containers_of_the_language) {
    int x = 1;
    int y = 2;
    Array<int*> a;
    a.append(&x);
    a.append(&y);
    a.insertAt(0, &y);
    BOOST_TEST(a.length() == 3u);
    BOOST_TEST(*a[1] == 1);
    BOOST_TEST(a.index(&y) == 0);
    a.expandTo(4);
    BOOST_TEST(a[3] == nullptr);
}

BOOST_AUTO_TEST_CASE(arrays_of_strings_are_containers_of_the_language) {
    Array<std::string> a{"b", long_text};
    a.append(a[1]);
    a.prepend("a");
    BOOST_TEST(a[3] == long_text);
    BOOST_TEST(a[0] == "a");
}

BOOST_AUTO_TEST_CASE(elements_of_an_array_of_strings_compare_with_text) {
    const Array<std::string> a{"b", long_text};
    const std::string b = "b";
    BOOST_TEST((a[0] == b && b == a[0] && a[0] == "b" && "b" == a[0] && a[0] == Val(b)));
    BOOST_TEST((a[1] != b && b != a[1] && a[0] != a[1] && !(a[0] != std::string_view("b"))));
    BOOST_TEST((a[0] < a[1] && a[0] > "a" && "a" < a[0] && a[0] <= b && b >= a[0]));
    BOOST_CHECK_THROW((void)(a[0] == static_cast<const char*>(nullptr)), std::logic_error);
}

BOOST_AUTO_TEST_CASE(elements_of_an_array_of_strings_are_put_together_to_strings) {
    Array<std::string> a{"x", "y"};
    std::string s = "s";
    BOOST_TEST(a[0] + "!" + a[1] == "x!y");
    BOOST_TEST("!" + a[0] + s == "!xs");
    BOOST_TEST(s + a[0] == "sx");
    BOOST_TEST(a[0] + a[1] == "xy");
    a[0] += "more";
    a[0] += a[0];
    s += a[1];
    BOOST_TEST(a[0] == "xmorexmore");
    BOOST_TEST(s == "sy");
}

BOOST_AUTO_TEST_CASE(elements_of_an_array_of_strings_read_like_strings) {
    Array<std::string> a{"hello", ""};
    std::string all;
    for (std::string s : a) all += s + ".";
    for (const auto& s : a) all += s;
    BOOST_TEST(all == "hello..hello");
    BOOST_TEST((a[1].empty() && !a[0].empty() && a[0].size() == 5u && a[0][1] == 'e'));
    BOOST_TEST(a[0].substr(1, 3) == "ell");
    BOOST_TEST(a[0].find("l", 3) == 3u);
    BOOST_TEST(a[0].find("z") == std::string::npos);
    BOOST_CHECK_THROW((void)a[0].at(5), std::out_of_range);
    BOOST_TEST(std::string(a[0].begin(), a[0].end()) == "hello");
    std::string assigned;
    assigned = a[0];
    BOOST_TEST(assigned == "hello");
    std::sort(a.begin(), a.end());
    BOOST_TEST(Stringize(a) == " hello ");
}

BOOST_AUTO_TEST_CASE(it_walks_lists_with_their_indexes) {
    Val list = Arr{"a", "b"};
    std::string seen;
    for (It ii(list); ii();) seen += text_of(ii.key()) + text_of(ii.value());
    BOOST_TEST(seen == "0'a'1'b'");
    Val array = Array<real_8>{1.5, 2};
    seen.clear();
    for (It ii(array); ii();) seen += text_of(ii.key()) + ":" + text_of(ii.value()) + " ";
    BOOST_TEST(seen == "0:1.5 1:2.0 ");
    for (It ii(list); ii();) ii.value() = ii.key();
    BOOST_TEST(text_of(list) == "[0, 1]");
}

BOOST_FIXTURE_TEST_CASE(a_pooled_list_of_any_length_takes_an_element_of_its_own,
                        value_test::pool_fixture) {
    for (int n = 1; n < 40; ++n) {
        const Val v = Shared(pool, list_of(n - 1));
        Arr& a = v;
        a.append(long_text);
        a.append(a[a.length() - 1]);
        a.insertAt(0, a[a.length() - 1]);
        a.fill(a[0]);
        BOOST_TEST(std::string(a[a.length() - 1]) == long_text);
    }
}

BOOST_FIXTURE_TEST_CASE(lists_swap_between_the_heap_and_a_pool, value_test::pool_fixture) {
    const Val v = Shared(pool, Arr{1, long_text});
    Arr heap{Tab{{"k", long_text}}};
    static_cast<Arr&>(v).swap(heap);
    BOOST_TEST(text_of(v) == "[{'k': '" + long_text + "'}]");
    BOOST_TEST(text_of(Val(heap)) == "[1, '" + long_text + "']");
    BOOST_TEST(InSHM(v, pool));
}

BOOST_AUTO_TEST_SUITE_END()
