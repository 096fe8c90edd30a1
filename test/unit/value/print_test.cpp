#include "pool_fixture.hpp"

#include <cmath>
#include <limits>
#include <sstream>
#include <string>

using namespace valpool;
using value_test::text_of;

namespace {

std::string pretty(const Val& v, int indent = 0, int add = 4) {
    std::ostringstream out;
    v.prettyPrint(out, indent, add);
    return out.str();
}

constexpr real_8 inf = std::numeric_limits<real_8>::infinity();
const real_8 nan_real = std::numeric_limits<real_8>::quiet_NaN();

}  // namespace

BOOST_AUTO_TEST_SUITE(print)

BOOST_AUTO_TEST_CASE(none_and_truth_print_as_in_python) {
    BOOST_TEST(text_of(Val()) == "None");
    BOOST_TEST(text_of(true) == "True");
    BOOST_TEST(text_of(false) == "False");
}

BOOST_AUTO_TEST_CASE(integers_print_as_numbers) {
    BOOST_TEST(text_of(int_1(65)) == "65");
    BOOST_TEST(text_of(int_u1(255)) == "255");
    BOOST_TEST(text_of(std::numeric_limits<int_8>::min()) == "-9223372036854775808");
    BOOST_TEST(text_of(std::numeric_limits<int_u8>::max()) == "18446744073709551615");
}

BOOST_AUTO_TEST_CASE(whole_reals_have_a_point) {
    BOOST_TEST(text_of(1.0) == "1.0");
    BOOST_TEST(text_of(0.0) == "0.0");
    BOOST_TEST(text_of(-0.0) == "-0.0");
    BOOST_TEST(text_of(2.0f) == "2.0");
}

BOOST_AUTO_TEST_CASE(reals_have_the_fewest_digits_that_read_back) {
    BOOST_TEST(text_of(0.1) == "0.1");
    BOOST_TEST(text_of(0.1f) == "0.1");
    BOOST_TEST(text_of(1.0 / 3) == "0.3333333333333333");
    BOOST_TEST(text_of(0.1 + 0.2) == "0.30000000000000004");
    BOOST_TEST(text_of(123.456) == "123.456");
    BOOST_TEST(text_of(std::numeric_limits<real_8>::max()) == "1.7976931348623157e+308");
    BOOST_TEST(text_of(std::numeric_limits<real_8>::denorm_min()) == "5e-324");
}

BOOST_AUTO_TEST_CASE(exponents_begin_at_1e22_and_below_1e_minus_4) {
    BOOST_TEST(text_of(1e21) == "1000000000000000000000.0");
    BOOST_TEST(text_of(1e22) == "1e+22");
    BOOST_TEST(text_of(-1.5e22) == "-1.5e+22");
    BOOST_TEST(text_of(0.0001) == "0.0001");
    BOOST_TEST(text_of(0.00001) == "1e-05");
    BOOST_TEST(text_of(-0.00002) == "-2e-05");
}

BOOST_AUTO_TEST_CASE(large_reals_are_filled_with_zeros) {
    BOOST_TEST(text_of(3e10f) == "30000000000.0");
    BOOST_TEST(text_of(-1e21f) == "-1000000000000000000000.0");
    BOOST_TEST(text_of(1e22f) == "1e+22");
    BOOST_TEST(text_of(16777216.0f) == "16777216.0");
    BOOST_TEST(text_of(12345678901234567890.0) == "12345678901234567000.0");
    BOOST_TEST(text_of(1e23) == "1e+23");
    BOOST_TEST(text_of(std::nextafter(1e22, 0)) == "9999999999999998000000.0");
    BOOST_TEST(text_of(complex_8(3e10f, -1e22f)) == "(30000000000-1e+22j)");
}

BOOST_AUTO_TEST_CASE(small_reals_are_plain_down_to_1e_minus_4) {
    BOOST_TEST(text_of(1e-4f) == "0.0001");
    BOOST_TEST(text_of(-0.00012345) == "-0.00012345");
    BOOST_TEST(text_of(std::nextafter(1e-4, 0)) == "9.999999999999999e-05");
    BOOST_TEST(text_of(9.99e-5f) == "9.99e-05");
    BOOST_TEST(text_of(std::numeric_limits<real_4>::denorm_min()) == "1e-45");
}

BOOST_AUTO_TEST_CASE(any_indent_is_taken) {
    constexpr int most = std::numeric_limits<int>::max();
    BOOST_TEST(pretty(Arr{Val(Arr())}, -5, 2) == "[\n[ ]\n]\n");
    BOOST_TEST(pretty(Arr{Val(Arr{Val(Arr{1})})}, -most, -most) == "[\n[\n[\n1\n]\n]\n]\n");
}

BOOST_AUTO_TEST_CASE(what_is_no_finite_real_has_a_name) {
    BOOST_TEST(text_of(inf) == "inf");
    BOOST_TEST(text_of(-inf) == "-inf");
    BOOST_TEST(text_of(nan_real) == "nan");
    BOOST_TEST(text_of(-nan_real) == "nan");
}

BOOST_AUTO_TEST_CASE(complex_numbers_print_in_brackets) {
    BOOST_TEST(text_of(complex_16(1, -2.5)) == "(1-2.5j)");
    BOOST_TEST(text_of(complex_16(0, 0)) == "(0+0j)");
    BOOST_TEST(text_of(complex_8(0.5f, 2)) == "(0.5+2j)");
}

BOOST_AUTO_TEST_CASE(strings_print_as_pythons_repr) {
    BOOST_TEST(text_of("abc") == "'abc'");
    BOOST_TEST(text_of("") == "''");
    BOOST_TEST(text_of("it's") == "\"it's\"");
    BOOST_TEST(text_of("say \"hi\"") == "'say \"hi\"'");
    BOOST_TEST(text_of("it's \"both\"") == "'it\\'s \"both\"'");
    BOOST_TEST(text_of("\n\t\r\\") == R"('\n\t\r\\')");
    BOOST_TEST(text_of(std::string("\0\x01\x1f\x7f", 4)) == R"('\x00\x01\x1f\x7f')");
}

BOOST_AUTO_TEST_CASE(tables_print_as_dictionaries) {
    BOOST_TEST(text_of(Tab()) == "{}");
    BOOST_TEST(text_of(Tab{{"a", 1}, {"b", 2.0}}) == "{'a': 1, 'b': 2.0}");
    BOOST_TEST(text_of(Tab{{1, "x"}, {Val(), Tab{{"k", Arr()}}}}) == "{1: 'x', None: {'k': []}}");
}

BOOST_AUTO_TEST_CASE(ordered_tables_print_as_ordered_dict) {
    BOOST_TEST(text_of(OTab()) == "OrderedDict([])");
    BOOST_TEST(text_of(OTab{{"z", 1}}) == "OrderedDict([('z', 1)])");
    BOOST_TEST(text_of(OTab{{"z", OTab{{"y", 2}}}, {"a", 1}}) ==
               "OrderedDict([('z', OrderedDict([('y', 2)])), ('a', 1)])");
}

BOOST_AUTO_TEST_CASE(lists_and_tuples_print_in_their_brackets) {
    BOOST_TEST(text_of(Val(Arr())) == "[]");
    BOOST_TEST(text_of(Val(Arr{1, 2})) == "[1, 2]");
    BOOST_TEST(text_of(Val(Arr{"a", Arr{1.0}, Val()})) == "['a', [1.0], None]");
    BOOST_TEST(text_of(Tup()) == "()");
    BOOST_TEST(text_of(Tup(1)) == "(1)");
    BOOST_TEST(text_of(Tup(1, "b")) == "(1, 'b')");
}

BOOST_AUTO_TEST_CASE(arrays_of_numbers_print_with_their_code) {
    BOOST_TEST(text_of(Val(Array<real_8>{1, 2.5})) == "array([1.0,2.5], 'd')");
    BOOST_TEST(text_of(Val(Array<real_4>{1.5f})) == "array([1.5], 'f')");
    BOOST_TEST(text_of(Val(Array<int_1>{65, -1})) == "array([65,-1], '1')");
    BOOST_TEST(text_of(Val(Array<int_u1>{200})) == "array([200], 'b')");
    BOOST_TEST(text_of(Val(Array<int_2>{1})) == "array([1], 's')");
    BOOST_TEST(text_of(Val(Array<int_u2>{1})) == "array([1], 'w')");
    BOOST_TEST(text_of(Val(Array<int_4>{1})) == "array([1], 'i')");
    BOOST_TEST(text_of(Val(Array<int_u4>{1})) == "array([1], 'u')");
    BOOST_TEST(text_of(Val(Array<int_8>{1})) == "array([1], 'l')");
    BOOST_TEST(text_of(Val(Array<int_u8>{1})) == "array([1], 'l')");
    BOOST_TEST(text_of(Val(Array<bool>{true, false})) == "array([True,False], 'b')");
    BOOST_TEST(text_of(Val(Array<complex_8>{complex_8(1, 2)})) == "array([(1+2j)], 'F')");
    BOOST_TEST(text_of(Val(Array<complex_16>{complex_16(1, 2)})) == "array([(1+2j)], 'D')");
    BOOST_TEST(text_of(Val(Array<int_4>())) == "array([], 'i')");
}

BOOST_AUTO_TEST_CASE(arrays_outside_of_values_print_their_elements_and_spaces) {
    BOOST_TEST(Stringize(Array<real_8>{1, 2.5}) == "1 2.5 ");
    BOOST_TEST(Stringize(Array<int_4>()) == "");
    BOOST_TEST(Stringize(Array<std::string>{"a", "b"}) == "a b ");
}

BOOST_AUTO_TEST_CASE(lists_outside_of_values_print_as_inside) {
    BOOST_TEST(Stringize(Arr{1, "a"}) == "[1, 'a']");
}

BOOST_AUTO_TEST_CASE(proxies_print_as_what_they_share) {
    BOOST_TEST(text_of(Val(new Tab{{"a", 1}})) == "{'a': 1}");
    BOOST_TEST(Stringize(Locked(new Arr{1, 2})) == "[1, 2]");
}

BOOST_AUTO_TEST_CASE(the_streams_format_does_not_matter) {
    std::ostringstream out;
    out << std::hex << std::showpos;
    out.precision(2);
    out << Val(Arr{255, 1.23456});
    BOOST_TEST(out.str() == "[255, 1.23456]");
}

BOOST_AUTO_TEST_CASE(nesting_of_any_depth_prints) {
    Val v = 1;
    for (int i = 0; i < 200; ++i) v = Arr{v};
    BOOST_TEST(text_of(v) == std::string(200, '[') + "1" + std::string(200, ']'));
}

BOOST_AUTO_TEST_CASE(pretty_print_sorts_keys_and_indents) {
    BOOST_TEST(pretty(Tab{{"b", 2.0}, {"a", 1}}) == "{\n    'a':1,\n    'b':2.0\n}\n");
    BOOST_TEST(pretty(Tab{{"t", Tab{{"x", 1}}}}) == "{\n    't':{\n        'x':1\n    }\n}\n");
}

BOOST_AUTO_TEST_CASE(pretty_print_gives_every_element_of_a_list_its_line) {
    BOOST_TEST(pretty(Arr{1, "a"}) == "[\n    1,\n    'a'\n]\n");
    BOOST_TEST(pretty(Tup(1, 2)) == "(\n    1,\n    2\n)\n");
}

BOOST_AUTO_TEST_CASE(pretty_print_keeps_the_order_of_ordered_tables) {
    BOOST_TEST(pretty(OTab{{"z", 1}, {"a", 2}}) == "o{\n    'z':1,\n    'a':2\n}\n");
}

BOOST_AUTO_TEST_CASE(pretty_print_of_the_empty_is_short) {
    BOOST_TEST(pretty(Tab()) == "{ }\n");
    BOOST_TEST(pretty(Arr()) == "[ ]\n");
    BOOST_TEST(pretty(Tup()) == "( )\n");
    BOOST_TEST(pretty(OTab()) == "o{ }\n");
    BOOST_TEST(pretty(Tab{{"e", Arr()}}) == "{\n    'e':[ ]\n}\n");
}

BOOST_AUTO_TEST_CASE(pretty_print_of_scalars_and_number_arrays_has_no_newline) {
    BOOST_TEST(pretty(5) == "5");
    BOOST_TEST(pretty("a") == "'a'");
    BOOST_TEST(pretty(Array<int_4>{1, 2}) == "array([1,2], 'i')");
    BOOST_TEST(pretty(Tab{{"n", Array<int_4>{1}}}) == "{\n    'n':array([1], 'i')\n}\n");
}

BOOST_AUTO_TEST_CASE(pretty_print_takes_its_indentation) {
    BOOST_TEST(pretty(Tab{{"a", 1}}, 2, 1) == "  {\n   'a':1\n  }\n");
    BOOST_TEST(pretty(Tab{{"a", 1}}, 0, 0) == "{\n'a':1\n}\n");
}

BOOST_FIXTURE_TEST_CASE(pooled_values_print_as_their_copies_do, value_test::pool_fixture) {
    const Tab plain{{"a", Arr{1, "text of more than twenty bytes"}}, {"o", OTab{{2, true}}}};
    BOOST_TEST(text_of(shared(plain)) == text_of(plain));
    BOOST_TEST(pretty(shared(plain)) == pretty(plain));
}

BOOST_AUTO_TEST_CASE(the_flags_of_a_stream_do_not_change_big_integers) {
    std::ostringstream out;
    out << std::hex << std::showpos << Val(int_n(255));
    BOOST_TEST(out.str() == "255L");
}

BOOST_AUTO_TEST_SUITE_END()
