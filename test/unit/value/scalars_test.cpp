#include "pool_fixture.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace valpool;
using value_test::text_of;

namespace {

template <class T>
constexpr T largest = std::numeric_limits<T>::max();
template <class T>
constexpr T smallest = std::numeric_limits<T>::lowest();
constexpr real_8 inf = std::numeric_limits<real_8>::infinity();
const real_8 nan_real = std::numeric_limits<real_8>::quiet_NaN();

template <class T>
void check_in_and_out(T number, char tag) {
    const Val v = number;
    BOOST_TEST(v.tag == tag);
    BOOST_TEST(static_cast<T>(v) == number);
}

/// Equal values must be the same key.
void check_same_key(const Val& a, const Val& b) {
    BOOST_TEST((a == b), a << " == " << b);
    Tab t;
    for (int i = 0; i < 20; ++i) t["filler " + std::to_string(i)] = i;  // enough for an index
    t[a] = 1;
    BOOST_TEST(t.contains(b), a << " and " << b << " are one key");
    t[b] = 2;
    BOOST_TEST(t.entries() == 21u);
}

void check_strict_weak_order(const std::vector<Val>& all) {
    const auto alike = [](const Val& x, const Val& y) { return !(x < y) && !(y < x); };
    for (const Val& a : all) {
        BOOST_TEST(!(a < a), a);
        for (const Val& b : all) {
            BOOST_TEST(!(a < b && b < a), a << ", " << b);
            for (const Val& c : all) {
                if (a < b && b < c && !(a < c))
                    BOOST_FAIL(a << " < " << b << " < " << c << ", but not first before last");
                if (alike(a, b) && alike(b, c) && !alike(a, c))
                    BOOST_FAIL(a << " ~ " << b << " ~ " << c << ", but not first ~ last");
            }
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scalars)

using integers = std::tuple<int_1, int_u1, int_2, int_u2, int_4, int_u4, int_8, int_u8>;

BOOST_AUTO_TEST_CASE_TEMPLATE(every_integer_type_keeps_its_extremes, T, integers) {
    const std::string tags = "sSiIlLxX";
    const char tag = tags[(sizeof(T) == 1   ? 0u
                           : sizeof(T) == 2 ? 2u
                           : sizeof(T) == 4 ? 4u
                                            : 6u) +
                          (std::is_unsigned_v<T> ? 1u : 0u)];
    check_in_and_out<T>(0, tag);
    check_in_and_out<T>(largest<T>, tag);
    check_in_and_out<T>(smallest<T>, tag);
}

BOOST_AUTO_TEST_CASE(bool_and_reals_keep_their_values) {
    check_in_and_out(true, 'b');
    check_in_and_out(false, 'b');
    check_in_and_out(1.5f, 'f');
    check_in_and_out(largest<real_4>, 'f');
    check_in_and_out(0.1, 'd');
    check_in_and_out(smallest<real_8>, 'd');
    check_in_and_out(std::numeric_limits<real_8>::denorm_min(), 'd');
}

BOOST_AUTO_TEST_CASE(complex_numbers_keep_their_parts) {
    BOOST_TEST(Val(complex_8(1, -2)).tag == 'F');
    BOOST_TEST(Val(complex_16(1, -2)).tag == 'D');
    BOOST_CHECK(static_cast<complex_16>(Val(complex_16(0.1, -2))) == complex_16(0.1, -2));
    BOOST_CHECK(static_cast<complex_8>(Val(complex_8(0.1f, -2))) == complex_8(0.1f, -2));
}

BOOST_AUTO_TEST_CASE(complex_to_real_is_the_squared_magnitude) {
    BOOST_TEST(static_cast<real_8>(Val(complex_16(3, 4))) == 25.0);
    BOOST_TEST(static_cast<int_4>(Val(complex_8(3, -4))) == 25);
}

BOOST_AUTO_TEST_CASE(real_to_complex_has_no_imaginary_part) {
    BOOST_CHECK(static_cast<complex_16>(Val(2.5)) == complex_16(2.5, 0));
    BOOST_CHECK(static_cast<complex_16>(Val(int_4(-3))) == complex_16(-3, 0));
}

BOOST_AUTO_TEST_CASE(the_other_integer_types_of_the_language_are_taken_by_their_width) {
    BOOST_TEST(Val('a').tag == 's');
    BOOST_TEST(Val(1L).tag == (sizeof(long) == 8 ? 'x' : 'l'));
    BOOST_TEST(Val(1ULL).tag == 'X');
    BOOST_TEST(Val(1.0L).tag == 'd');
}

BOOST_AUTO_TEST_CASE(a_new_value_is_none_and_none_is_zero) {
    const Val v;
    BOOST_TEST(v.tag == 'Z');
    BOOST_TEST(v.isNone());
    BOOST_TEST(static_cast<int_8>(v) == 0);
    BOOST_TEST(static_cast<real_8>(v) == 0.0);
    BOOST_TEST(!static_cast<bool>(v));
}

BOOST_AUTO_TEST_CASE(integers_narrow_as_a_c_cast) {
    BOOST_TEST(static_cast<int_u1>(Val(300)) == 44);
    BOOST_TEST(static_cast<int_u4>(Val(-1)) == largest<int_u4>);
    BOOST_TEST(static_cast<int_8>(Val(largest<int_u8>)) == -1);
    BOOST_TEST(static_cast<bool>(Val(256)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(reals_out_of_range_saturate, T, integers) {
    BOOST_TEST(static_cast<T>(Val(1e300)) == largest<T>);
    BOOST_TEST(static_cast<T>(Val(-1e300)) == smallest<T>);
    BOOST_TEST(static_cast<T>(Val(inf)) == largest<T>);
    BOOST_TEST(static_cast<T>(Val(-inf)) == smallest<T>);
    BOOST_TEST(static_cast<T>(Val(static_cast<real_8>(largest<T>))) == largest<T>);
    BOOST_TEST(static_cast<T>(Val(1e30f)) == largest<T>);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(not_a_number_becomes_zero, T, integers) {
    BOOST_TEST(static_cast<T>(Val(nan_real)) == T(0));
    BOOST_TEST(static_cast<T>(Val(static_cast<real_4>(nan_real))) == T(0));
}

BOOST_AUTO_TEST_CASE(reals_are_cut_towards_zero) {
    BOOST_TEST(static_cast<int_4>(Val(12.9)) == 12);
    BOOST_TEST(static_cast<int_4>(Val(-12.9)) == -12);
    BOOST_TEST(static_cast<int_u1>(Val(-0.5)) == 0);
    BOOST_TEST(static_cast<int_u1>(Val(255.9)) == 255);
}

BOOST_AUTO_TEST_CASE(not_a_number_stays_one_between_reals) {
    BOOST_TEST(std::isnan(static_cast<real_4>(Val(nan_real))));
    BOOST_TEST(!static_cast<bool>(Val(nan_real)));
}

BOOST_AUTO_TEST_CASE(text_is_a_number_as_far_as_it_parses) {
    BOOST_TEST(static_cast<int_4>(Val("12.7")) == 12);
    BOOST_TEST(static_cast<int_4>(Val("12abc")) == 12);
    BOOST_TEST(static_cast<int_4>(Val("  +12")) == 12);
    BOOST_TEST(static_cast<int_4>(Val("-12")) == -12);
    BOOST_TEST(static_cast<real_8>(Val("12.75e1x")) == 127.5);
    BOOST_TEST(static_cast<real_8>(Val("1e")) == 1.0);
    BOOST_TEST(static_cast<int_8>(Val("9223372036854775807")) == largest<int_8>);
    BOOST_TEST(static_cast<int_u8>(Val("18446744073709551615")) == largest<int_u8>);
}

BOOST_AUTO_TEST_CASE(text_that_is_no_number_is_zero) {
    for (const char* const text : {"", "abc", " ", "-", "+", "+-5", "--5", ".", "e5"}) {
        BOOST_TEST(static_cast<int_4>(Val(text)) == 0, '"' << text << '"');
        BOOST_TEST(static_cast<real_8>(Val(text)) == 0.0, '"' << text << '"');
    }
}

BOOST_AUTO_TEST_CASE(text_out_of_every_range_saturates) {
    BOOST_TEST(static_cast<int_4>(Val("99999999999999999999999")) == largest<int_4>);
    BOOST_TEST(static_cast<int_8>(Val("-99999999999999999999999")) == smallest<int_8>);
    BOOST_TEST(static_cast<int_8>(Val("1e999")) == largest<int_8>);
    BOOST_TEST(static_cast<real_8>(Val("-1e999")) == -inf);
}

BOOST_AUTO_TEST_CASE(text_too_large_for_the_target_saturates_even_if_a_wider_type_holds_it) {
    BOOST_TEST(static_cast<int_4>(Val("99999999999")) == largest<int_4>);
    BOOST_TEST(static_cast<int_4>(Val("-99999999999")) == smallest<int_4>);
    BOOST_TEST(static_cast<int_u1>(Val("300")) == 255);
    BOOST_TEST(static_cast<int_u1>(Val("-5")) == 0);
    BOOST_TEST(static_cast<int_8>(Val("18446744073709551615")) == largest<int_8>);
}

BOOST_AUTO_TEST_CASE(text_of_a_tiny_number_is_zero) {
    BOOST_TEST(static_cast<real_8>(Val("1e-999")) == 0.0);
    BOOST_TEST(static_cast<real_8>(Val("1E-999")) == 0.0);
    BOOST_TEST(static_cast<real_8>(Val("0." + std::string(400, '0') + "1")) == 0.0);
}

BOOST_AUTO_TEST_CASE(a_container_is_its_length) {
    BOOST_TEST(static_cast<int_4>(Val(Tab())) == 0);
    BOOST_TEST(static_cast<int_4>(Val(Arr{1, 2, 3})) == 3);
    BOOST_TEST(static_cast<real_8>(Val(Array<real_8>{1, 2})) == 2.0);
}

BOOST_AUTO_TEST_CASE(numbers_convert_to_their_printed_form) {
    BOOST_TEST(std::string(Val(5)) == "5");
    BOOST_TEST(std::string(Val(2.0)) == "2.0");
    BOOST_TEST(std::string(Val()) == "None");
}

BOOST_AUTO_TEST_CASE(integers_of_unlike_sign_compare_exactly) {
    BOOST_CHECK(Val(largest<int_u8>) != Val(int_8(-1)));
    BOOST_CHECK(Val(int_8(-1)) < Val(largest<int_u8>));
    BOOST_CHECK(Val(int_1(-1)) != Val(int_u1(255)));
    BOOST_CHECK(Val(smallest<int_8>) < Val(int_u8(0)));
}

namespace {

__extension__ using wide = __int128;

struct known_integer {
    Val value;
    wide number;
};

/// The limits of every type, in every type that can hold them.
template <class... T>
std::vector<known_integer> integers_of_all_types(std::tuple<T...>) {
    std::vector<wide> ends{-1, 0, 1};
    (ends.insert(ends.end(), {wide{smallest<T>}, wide{largest<T>}, wide{largest<T>} + 1}), ...);
    std::vector<known_integer> all{{Val(false), 0}, {Val(true), 1}};
    const auto add_if_held = [&all](wide n, auto as_held) {
        using held = decltype(as_held);
        if (n >= smallest<held> && n <= largest<held>)
            all.push_back({Val(static_cast<held>(n)), n});
    };
    for (const wide n : ends) (add_if_held(n, T{}), ...);
    return all;
}

template <class T>
void check_conversions(const known_integer& i) {
    BOOST_TEST(static_cast<T>(i.value) == static_cast<T>(i.number), i.value);
    if (i.number < smallest<T> || i.number > largest<T>)
        BOOST_CHECK_THROW(i.value.as<T>(), std::logic_error);
    else
        BOOST_TEST(i.value.as<T>() == static_cast<T>(i.number), i.value);
}

template <class... T>
void check_conversions_to_all(const known_integer& i, std::tuple<T...>) {
    (check_conversions<T>(i), ...);
    BOOST_TEST(static_cast<bool>(i.value) == (i.number != 0), i.value);
    BOOST_TEST(static_cast<real_8>(i.value) == static_cast<real_8>(i.number), i.value);
    BOOST_TEST(i.value.as<real_8>() == static_cast<real_8>(i.number), i.value);
    BOOST_TEST(static_cast<real_4>(i.value) == static_cast<real_4>(i.number), i.value);
    BOOST_TEST(static_cast<complex_16>(i.value).re == static_cast<real_8>(i.number), i.value);
}

}  // namespace

BOOST_AUTO_TEST_CASE(integers_of_all_types_convert_as_their_numbers_do) {
    for (const known_integer& i : integers_of_all_types(integers()))
        check_conversions_to_all(i, integers());
}

BOOST_AUTO_TEST_CASE(integers_of_all_types_compare_as_their_numbers_do) {
    const auto all = integers_of_all_types(integers());
    for (const known_integer& a : all) {
        for (const known_integer& b : all) {
            BOOST_TEST((a.value == b.value) == (a.number == b.number),
                       a.value << " == " << b.value);
            BOOST_TEST((a.value < b.value) == (a.number < b.number), a.value << " < " << b.value);
        }
    }
}

BOOST_AUTO_TEST_CASE(integers_of_all_types_are_keys_as_their_numbers_are) {
    const auto all = integers_of_all_types(integers());
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{20}}) {  // without an index, with one
        for (const known_integer& a : all) {
            Tab t;
            for (std::size_t i = 0; i < size; ++i) t["filler " + std::to_string(i)] = i;
            t[a.value] = 1;
            for (const known_integer& b : all)
                BOOST_TEST(t.contains(b.value) == (a.number == b.number),
                           a.value << " has " << b.value);
        }
    }
}

BOOST_AUTO_TEST_CASE(integers_and_reals_compare_exactly) {
    const int_8 odd = (int_8(1) << 53) + 1;
    BOOST_CHECK(Val(odd) != Val(9007199254740992.0));
    BOOST_CHECK(Val(9007199254740992.0) < Val(odd));
    BOOST_CHECK(Val(largest<int_u8>) < Val(18446744073709551616.0));
    BOOST_CHECK(Val(largest<int_8>) != Val(9223372036854775808.0));
    BOOST_CHECK(Val(1) < Val(1.5));
    BOOST_CHECK(Val(-1.5) < Val(-1));
    BOOST_CHECK(Val(largest<int_u8>) < Val(inf));
    BOOST_CHECK(Val(0.1f) != Val(0.1));
}

BOOST_AUTO_TEST_CASE(numbers_of_unlike_types_are_equal_by_value) {
    BOOST_CHECK(Val(1) == Val(1.0));
    BOOST_CHECK(Val(true) == Val(1));
    BOOST_CHECK(Val(0) == Val(-0.0));
    BOOST_CHECK(Val(complex_16(2, 0)) == Val(int_1(2)));
    BOOST_CHECK(Val(complex_16(2, 1)) != Val(2));
    BOOST_CHECK(Val(1) == 1);
    BOOST_CHECK(1.0 == Val(1));
}

BOOST_AUTO_TEST_CASE(not_a_number_equals_nothing) {
    const Val v = nan_real;
    BOOST_CHECK(v != v);
    BOOST_CHECK(v != Val(0));
    BOOST_CHECK(Val(complex_16(0, nan_real)) != Val(complex_16(0, nan_real)));
}

BOOST_AUTO_TEST_CASE(none_and_text_are_no_numbers_when_compared) {
    BOOST_CHECK(Val() != Val(0));
    BOOST_CHECK(Val("1") != Val(1));
    BOOST_CHECK(Val() == Val());
    BOOST_CHECK(Val() < Val(smallest<int_8>));
    BOOST_CHECK(Val(largest<int_8>) < Val(""));
}

BOOST_AUTO_TEST_CASE(equal_numbers_are_one_key) {
    check_same_key(1, true);
    check_same_key(1, 1.0);
    check_same_key(1.0f, complex_8(1, 0));
    check_same_key(0, -0.0);
    check_same_key(int_1(-1), int_8(-1));
    check_same_key(-1, -1.0);
    check_same_key(int_u8(1) << 63, 9223372036854775808.0);
    check_same_key(smallest<int_8>, -9223372036854775808.0);
    check_same_key(0.5, 0.5f);
    check_same_key(inf, std::numeric_limits<real_4>::infinity());
    check_same_key(1e30, complex_16(1e30, 0));
    check_same_key(complex_8(0.5f, 2), complex_16(0.5, 2));
    check_same_key(complex_16(0.0, 2), complex_16(-0.0, 2));
}

BOOST_AUTO_TEST_CASE(unequal_numbers_with_one_hash_are_two_keys) {
    Tab t;
    for (int i = 0; i < 20; ++i) t["filler " + std::to_string(i)] = i;
    t[largest<int_u8>] = "large";
    t[int_8(-1)] = "negative";
    BOOST_TEST(text_of(t(largest<int_u8>)) == "'large'");
    BOOST_TEST(text_of(t(int_8(-1))) == "'negative'");
}

BOOST_AUTO_TEST_CASE(the_order_of_values_is_a_strict_weak_one) {
    check_strict_weak_order({Val(),
                             false,
                             true,
                             1,
                             1.0,
                             -1,
                             int_u8(5),
                             largest<int_u8>,
                             smallest<int_8>,
                             nan_real,
                             static_cast<real_4>(nan_real),
                             inf,
                             -inf,
                             1e300,
                             complex_16(1, 0),
                             complex_16(1, 5),
                             complex_16(1, -5),
                             complex_16(nan_real, 1),
                             "",
                             "a",
                             "ab",
                             Arr(),
                             Arr{1},
                             Arr{1, 2},
                             Arr{nan_real},
                             Array<int_4>{1, 2},
                             Array<real_8>{1.5},
                             Tup(),
                             Tup(1),
                             Tup(1, 2),
                             Tab(),
                             Tab{{"a", 1}},
                             Tab{{"a", 2}},
                             Tab{{"b", 1}, {"a", 1}},
                             Tab{{"a", 1}, {"b", 1}},
                             OTab(),
                             OTab{{"b", 1}, {"a", 1}},
                             OTab{{"a", 1}, {"b", 1}},
                             Tab{{"a", nan_real}}});
}

BOOST_AUTO_TEST_CASE(complex_numbers_without_an_imaginary_part_have_a_place_in_the_order) {
    check_strict_weak_order({1, complex_16(1, 5), complex_16(1, -5), complex_16(1, nan_real),
                             complex_16(nan_real, nan_real), complex_16(nan_real, 1)});
}

BOOST_AUTO_TEST_CASE(assigning_a_number_replaces_whatever_was_there) {
    Val v = Tab{{"a", 1}};
    v = 5;
    BOOST_TEST(text_of(v) == "5");
    v = std::string(100, 'x');
    v = true;
    BOOST_TEST(text_of(v) == "True");
    v.reset();
    BOOST_TEST(v.isNone());
}

BOOST_AUTO_TEST_CASE(a_moved_value_is_none) {
    Val a = Arr{1, 2};
    const Val b = std::move(a);
    BOOST_TEST(a.isNone());  // NOLINT(bugprone-use-after-move): that is what is tested
    BOOST_TEST(text_of(b) == "[1, 2]");
}

BOOST_AUTO_TEST_CASE(swap_exchanges_values_of_unlike_types) {
    Val a = 1;
    Val b = Tab{{"k", "v"}};
    a.swap(b);
    BOOST_TEST(text_of(a) == "{'k': 'v'}");
    BOOST_TEST(text_of(b) == "1");
    a.swap(a);
    BOOST_TEST(text_of(a) == "{'k': 'v'}");
}

BOOST_AUTO_TEST_CASE(byte_lengths_belong_to_the_tags) {
    BOOST_TEST(ByteLength('s') == 1u);
    BOOST_TEST(ByteLength('b') == 1u);
    BOOST_TEST(ByteLength('I') == 2u);
    BOOST_TEST(ByteLength('f') == 4u);
    BOOST_TEST(ByteLength('X') == 8u);
    BOOST_TEST(ByteLength('F') == 8u);
    BOOST_TEST(ByteLength('D') == 16u);
    BOOST_TEST(ByteLength('a') == 0u);
    BOOST_TEST(ByteLength('t') == 0u);
}

BOOST_AUTO_TEST_CASE(every_type_has_the_tag_that_its_values_have) {
    const auto same = [](auto example) { return TagFor(&example) == Val(example).tag; };
    BOOST_TEST((same(true) && same(int_1{}) && same(int_u1{}) && same(int_2{}) && same(int_u2{}) &&
                same(int_4{}) && same(int_u4{}) && same(int_8{}) && same(int_u8{})));
    BOOST_TEST((same(real_4{}) && same(real_8{}) && same(complex_8{}) && same(complex_16{})));
    BOOST_TEST((same(std::string()) && same(int_n()) && same(int_un()) && same(Val())));
    BOOST_TEST(
        (same(Tab()) && same(OTab()) && same(Tup()) && same(Arr()) && same(Array<real_8>())));
    BOOST_TEST((TagFor(static_cast<int_4*>(nullptr)) == 'l'));
}

BOOST_AUTO_TEST_CASE(a_null_pointer_is_no_text) {
    const char* const null = nullptr;
    Tab t;
    Val v = 5;
    BOOST_CHECK_THROW(Val{null}, std::logic_error);
    BOOST_CHECK_THROW(v = null, std::logic_error);
    BOOST_CHECK_THROW(t[null] = 1, std::logic_error);
    BOOST_CHECK_THROW(t(null), std::logic_error);
    Val table = t;
    BOOST_CHECK_THROW(table[null] = 1, std::logic_error);
    BOOST_CHECK_THROW(table(null), std::logic_error);
    BOOST_TEST(v == 5);
    BOOST_TEST(table.length() == 0u);
}

BOOST_AUTO_TEST_CASE(text_is_true_when_its_number_is_not_zero) {
    for (const char* text : {"-5", "5", "-0.5", "1e400"}) BOOST_TEST(static_cast<bool>(Val(text)));
    for (const char* text : {"0", "-0", "", "abc", "0.0"})
        BOOST_TEST(!static_cast<bool>(Val(text)));
}

BOOST_AUTO_TEST_CASE(text_beyond_the_reals_is_no_big_integer) {
    BOOST_TEST((int_n(Val("1e400")) == int_n(0)));
    BOOST_TEST((int_n(Val("1e3")) == int_n(1000)));
}

BOOST_AUTO_TEST_CASE(a_value_compares_with_whatever_it_can_hold) {
    const Tab t{{"a", 1}};
    const Val v = t;
    BOOST_TEST((v == t && t == v && !(v != t) && !(v < t) && v != Tab()));
    BOOST_TEST((v == OTab{{"a", 1}} && Val(OTab()) == OTab() && Val(Tup(1)) == Tup(1)));
    BOOST_TEST((Val(Arr{1, 2}) == Arr{1, 2} && Arr{1, 2} != Val(Arr{1})));
    BOOST_TEST((Val(Array<int_4>{1}) == Array<int_4>{1}));
    BOOST_TEST((Val(5) == int_n(5) && int_n(5) == Val(5) && Val(4) < int_un(5)));
    const Proxy p(new Tab(t));
    BOOST_TEST((v == p && p == v));
}

BOOST_AUTO_TEST_SUITE_END()
