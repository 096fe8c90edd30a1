#include "pool_fixture.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

using namespace valpool;
using value_test::pool_fixture;
using value_test::text_of;

namespace {

constexpr real_8 inf = std::numeric_limits<real_8>::infinity();
const real_8 nan_real = std::numeric_limits<real_8>::quiet_NaN();

enum color { red, green, blue = 7 };
enum level : int_u1 { low = 1, high = 200 };
enum wide : int_u8 { all_bits = ~int_u8{0} };
enum class scoped { only };

auto says(const std::string& text) {
    return [text](const std::exception& e) { return e.what() == text; };
}

template <class T>
void check_is_no(const Val& v, const std::string& message) {
    BOOST_CHECK_EXCEPTION((void)v.as<T>(), std::logic_error, says(message));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(conversion, pool_fixture)

BOOST_AUTO_TEST_CASE(as_checks_the_range_of_reals) {
    BOOST_TEST(Val(1e30).as<real_4>() == 1e30f);
    BOOST_TEST(Val(inf).as<real_4>() == std::numeric_limits<real_4>::infinity());
    BOOST_TEST(std::isnan(Val(nan_real).as<real_4>()));
    check_is_no<real_4>(1e300, "a value of type real_8, 1e+300, cannot be converted to real_4");
    check_is_no<real_4>(-1e300, "a value of type real_8, -1e+300, cannot be converted to real_4");
    check_is_no<complex_8>(
        complex_16(0, 1e300),
        "a value of type complex_16, (0+1e+300j), cannot be converted to complex_8");
    BOOST_CHECK_THROW(Val(int_n(std::string(400, '9'))).as<real_8>(), std::logic_error);
    BOOST_CHECK((Val(complex_16(inf, 1)).as<complex_8>().im == 1));
}

BOOST_AUTO_TEST_CASE(as_gives_big_integers_of_whole_numbers_only) {
    BOOST_TEST(Val(-5).as<int_n>() == int_n(-5));
    BOOST_TEST(Val(1e20).as<int_n>() == int_n("100000000000000000000"));
    BOOST_TEST(Val(int_n(7)).as<int_un>() == int_un(7));
    BOOST_TEST(Val(std::numeric_limits<int_u8>::max()).as<int_un>().stringize() ==
               "18446744073709551615");
    check_is_no<int_un>(-5, "a value of type int_4, -5, cannot be converted to int_un");
    check_is_no<int_un>(
        int_n("-99999999999999999999"),
        "a value of type int_n, -99999999999999999999L, cannot be converted to int_un");
    check_is_no<int_n>(2.5, "a value of type real_8, 2.5, cannot be converted to int_n");
    check_is_no<int_n>(inf, "a value of type real_8, inf, cannot be converted to int_n");
    check_is_no<int_n>(nan_real, "a value of type real_8, nan, cannot be converted to int_n");
    check_is_no<int_n>("5", "a value of type string, '5', cannot be converted to int_n");
    check_is_no<int_n>(Val(), "a value of type None, None, cannot be converted to int_n");
    check_is_no<int_n>(complex_16(1, 2),
                       "a value of type complex_16, (1+2j), cannot be converted to int_n");
}

BOOST_AUTO_TEST_CASE(as_copies_a_container_of_that_very_type) {
    Val v = Tab{{"a", 1}};
    auto copy = v.as<Tab>();
    copy["a"] = 2;
    BOOST_TEST(text_of(v) == "{'a': 1}");
    v.as<Tab&>()["a"] = 3;
    BOOST_TEST(text_of(v) == "{'a': 3}");
    BOOST_TEST(Val(OTab{{"a", 1}}).as<OTab>().entries() == 1u);
    BOOST_TEST(Val(Arr{1, 2}).as<Arr>().length() == 2u);
    BOOST_TEST(Val(Array<real_8>{1.5}).as<Array<real_8>>()[0] == 1.5);
    BOOST_TEST(Val(Array<std::string>{"x"}).as<Array<std::string>>()[0] == "x");
    BOOST_TEST(text_of(Val(Tup(1, 2)).as<Tup>()) == "(1, 2)");
    check_is_no<Tup>(5, "a value of type int_4, 5, is not of type Tup");
    check_is_no<Tab>(OTab(), "a value of type OTab, OrderedDict([]), is not of type Tab");
    check_is_no<Arr>(Array<real_8>{1},
                     "a value of type Array of real_8, array([1.0], 'd'), is not of type Arr");
    check_is_no<Proxy>(Tab(), "a value of type Tab, {}, is not a proxy");
}

BOOST_AUTO_TEST_CASE(as_copies_what_a_shared_value_holds) {
    const Val v = shared(Tab{{"a", std::string(100, 'x')}});
    const Val copy = v.as<Tab>();
    BOOST_TEST((copy == v));
    BOOST_TEST(copy.allocator() == nullptr);
    BOOST_TEST(is(v.as<Proxy>(), v));
}

BOOST_AUTO_TEST_CASE(as_gives_text_with_and_without_a_copy) {
    const Val v = "abc";
    BOOST_TEST((v.as<std::string_view>() == "abc"));
    BOOST_TEST(v.as<std::string>() == "abc");
    check_is_no<std::string>(5, "a value of type int_4, 5, is not a string");
}

BOOST_AUTO_TEST_CASE(messages_show_the_start_of_a_long_value) {
    Arr a;
    for (int i = 0; i < 1000; ++i) a.append(i);
    check_is_no<Tab>(
        a, "a value of type Arr, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1..., is not of type Tab");
    check_is_no<int_4>("\xff\n",
                       "a value of type string, '\\xff\\n', cannot be converted to int_4");
}

BOOST_AUTO_TEST_CASE(containers_initialised_with_a_value_copy_what_it_holds) {
    const Val tab = Tab{{"a", 1}};
    Tab t(tab);
    t["b"] = 2;
    BOOST_TEST(text_of(tab) == "{'a': 1}");
    Val list = Arr{1, "x"};
    BOOST_TEST(text_of(Val(Arr(list))) == "[1, 'x']");
    BOOST_TEST(text_of(OTab(Val(OTab{{"a", 1}}))) == "OrderedDict([('a', 1)])");
    const Val numbers = Array<real_8>{1.5};
    const Array<real_8> a(numbers);
    BOOST_TEST(a[0] == 1.5);
    const Val texts = Array<std::string>{"x"};
    BOOST_TEST(Array<std::string>(texts)[0] == "x");
    BOOST_TEST(Tab(shared(Tab{{"a", 1}})).entries() == 1u);
}

BOOST_AUTO_TEST_CASE(containers_cannot_be_initialised_with_a_value_of_another_type) {
    const Val number = 5;
    BOOST_CHECK_EXCEPTION(Tab{number}, std::logic_error,
                          says("a value of type int_4, 5, is not of type Tab"));
    BOOST_CHECK_THROW(OTab{number}, std::logic_error);
    BOOST_CHECK_THROW((void)Arr(number), std::logic_error);
    BOOST_CHECK_THROW((void)Array<int_4>(number), std::logic_error);
    BOOST_CHECK_THROW((void)Array<std::string>(number), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_tuple_of_a_tuple_is_a_copy_and_of_anything_else_has_one_element) {
    const Val pair = Tup(1, "x");
    BOOST_TEST(text_of(Tup(pair)) == "(1, 'x')");
    BOOST_TEST(text_of(Tup(Shared(pool, Tup(1, "x")))) == "(1, 'x')");
    BOOST_TEST(text_of(Tup(Val(5))) == "(5)");
    BOOST_TEST(text_of(Tup(Shared(pool, Tab()))) == "({})");
    BOOST_TEST(text_of(Tup(pair, 2)) == "((1, 'x'), 2)");
}

BOOST_AUTO_TEST_CASE(enumerations_are_numbers_as_the_language_promotes_them) {
    Val v = blue;
    BOOST_TEST(text_of(v) == "7");
    BOOST_TEST(v.tag == 'l');
    v = red;
    BOOST_TEST(text_of(v) == "0");
    BOOST_TEST(Val(high).tag == 'S');
    BOOST_TEST(text_of(high) == "200");
    BOOST_TEST(text_of(all_bits) == "18446744073709551615");
    BOOST_TEST((v == red && v != green && v < green && green > v));
    BOOST_TEST(text_of(Tup(red, blue)) == "(0, 7)");
}

BOOST_AUTO_TEST_CASE(enumerations_are_keys_and_indexes) {
    Tab t{{green, "g"}};
    t[blue] = "b";
    BOOST_TEST(text_of(t) == "{1: 'g', 7: 'b'}");
    BOOST_TEST(t.contains(blue));
    Val v = Arr{"r", "g"};
    BOOST_TEST(text_of(v[green]) == "'g'");
    BOOST_TEST(text_of(v(red)) == "'r'");
}

BOOST_AUTO_TEST_CASE(scoped_enumerations_are_no_values) {
    static_assert(!std::is_constructible_v<Val, scoped>);
    static_assert(!std::is_assignable_v<Val&, scoped>);
    BOOST_TEST(text_of(static_cast<int>(scoped::only)) == "0");
}

BOOST_AUTO_TEST_CASE(an_unsigned_big_integer_of_a_negative_value_is_zero) {
    BOOST_TEST(int_un(Val(-5)).stringize() == "0");
    BOOST_TEST(int_un(Val("-99999999999999999999")).stringize() == "0");
    BOOST_TEST(int_un(Val(-1e300)).stringize() == "0");
    const int_un from_number = Val(int_n(-1));
    BOOST_TEST(from_number.stringize() == "0");
    BOOST_CHECK_THROW(int_un(int_n(-1)), std::range_error);
}

BOOST_AUTO_TEST_SUITE_END()
