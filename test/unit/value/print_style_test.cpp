#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

/// Printing for people: print_style.

using namespace valpool;

namespace {

std::string utf8(const Val& v) {
    print_style style;
    style.shows_utf8 = true;
    return to_text(v, style);
}
std::string cut(const Val& v, std::size_t most) {
    print_style style;
    style.most_elements = most;
    return to_text(v, style);
}
std::string pretty(const Val& v) {
    print_style style;
    style.is_pretty = true;
    return to_text(v, style);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(print_styles)

BOOST_AUTO_TEST_CASE(without_a_style_a_value_prints_as_always) {
    for (const Val& v : {Val(), Val(1.5), Val("\xc3\xa4"), Val(Tab{{"a", Arr{1, 2}}}), Val(Tup())})
        BOOST_TEST(to_text(v) == Stringize(v));
}

BOOST_AUTO_TEST_CASE(utf8_is_shown_as_text_and_reads_back) {
    const std::string text = "h\xc3\xa4user \xe2\x82\xac \xf0\x9f\x99\x82";
    BOOST_TEST(utf8(text) == "'" + text + "'");
    BOOST_TEST(parse(utf8(text)) == Val(text));
    BOOST_TEST(utf8(Tab{{text, Array<std::string>{text}}}) == "{'" + text + "': ['" + text + "']}");
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_stay_escaped_all_of_them) {
    BOOST_TEST(utf8("\xc3\xa4\xff") == "'\\xc3\\xa4\\xff'");
}

BOOST_AUTO_TEST_CASE(control_characters_stay_escaped_those_beyond_ascii_too) {
    BOOST_TEST(utf8("a\x1b[31m\n\t\x7f") == "'a\\x1b[31m\\n\\t\\x7f'");
    BOOST_TEST(utf8("\xc2\x9b"
                    "31m") == "'\\xc2\\x9b31m'");
    BOOST_TEST(parse(utf8("\xc2\x9b")) == Val("\xc2\x9b"));
    BOOST_TEST(utf8("\xc2\xa0") == "'\xc2\xa0'");
}

BOOST_AUTO_TEST_CASE(long_containers_are_cut_and_say_how_much_is_left) {
    BOOST_TEST(cut(Arr{1, 2, 3, 4}, 2) == "[1, 2, ... 2 more]");
    BOOST_TEST(cut(Arr{1, 2}, 2) == "[1, 2]");
    BOOST_TEST(cut(Array<int_4>{1, 2, 3}, 1) == "array([1,... 2 more], 'i')");
    BOOST_TEST(cut(Array<std::string>{"a", "b"}, 1) == "['a', ... 1 more]");
    BOOST_TEST(cut(Tab{{"a", Arr{1, 2}}, {"b", 2}}, 1) == "{'a': [1, ... 1 more], ... 1 more}");
    BOOST_TEST(cut(OTab{{"a", 1}, {"b", 2}}, 1) == "OrderedDict([('a', 1), ... 1 more])");
}

BOOST_AUTO_TEST_CASE(pretty_is_one_element_a_line_without_an_end_of_line) {
    BOOST_TEST(pretty(Tab{{"b", 1}, {"a", Arr{1}}}) ==
               "{\n    'a':[\n        1\n    ],\n    'b':1\n}");
    BOOST_TEST(pretty(5) == "5");
    print_style style;
    style.is_pretty = true;
    style.most_elements = 1;
    BOOST_TEST(to_text(Arr{1, 2, 3}, style) == "[\n    1,\n    ... 2 more\n]");
}

BOOST_AUTO_TEST_SUITE_END()
