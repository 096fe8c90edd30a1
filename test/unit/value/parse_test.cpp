#include "pool_fixture.hpp"

#include <valpool/valpool.hpp>

#include <cstdio>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include <unistd.h>

using namespace valpool;
using value_test::text_of;

namespace {

std::string message_of(const std::string& text) {
    try {
        parse(text);
    } catch (const std::logic_error& e) {
        return e.what();
    }
    return "";
}

/// A random value, of any type that text can express.
Val random_value(std::mt19937& random, int depth) {
    const auto text = [&] {
        std::string s;
        for (auto n = random() % 30; n != 0; --n) s += static_cast<char>(random());
        return s;
    };
    const auto real = [&] {
        const double exponent = static_cast<double>(random() % 80) - 40;
        return std::pow(10.0, exponent) * (static_cast<double>(random()) - 2e9);
    };
    switch (random() % (depth > 0 ? 18 : 12)) {
        case 0: return Val();
        case 1: return random() % 2 == 0;
        case 2: return static_cast<int_4>(random());
        case 3: return static_cast<int_8>(static_cast<int_u8>(random()) * random() * random());
        case 4: return std::numeric_limits<int_u8>::max() - random();
        case 5: return real();
        case 6: return Val(int_n(std::string("-1234567890123456789") + std::to_string(random())));
        case 7: return complex_16(real(), real());
        case 8: {
            Array<real_8> a;
            for (auto n = random() % 5; n != 0; --n) a.append(real());
            return a;
        }
        case 9: {
            Array<int_2> a;
            for (auto n = random() % 5; n != 0; --n) a.append(static_cast<int_2>(random()));
            return a;
        }
        case 10: return std::numeric_limits<double>::infinity();
        case 11: return text();
        case 12:
        case 13: {
            Tab t;
            for (auto n = random() % 12; n != 0; --n)
                t[random_value(random, 0)] = random_value(random, depth - 1);
            return t;
        }
        case 14: {
            OTab t;
            for (auto n = random() % 5; n != 0; --n) t[text()] = random_value(random, depth - 1);
            return t;
        }
        case 15: return Tup(random_value(random, depth - 1), text());
        case 16: return Tup(Tup());
        default: {
            Arr a;
            for (auto n = random() % 6; n != 0; --n) a.append(random_value(random, depth - 1));
            return a;
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(parsing)

BOOST_AUTO_TEST_CASE(what_is_printed_reads_back_equal_and_prints_the_same) {
    std::mt19937 random(std::random_device{}());
    for (int i = 0; i < 3000; ++i) {
        const Val v = random_value(random, 4);
        const std::string text = text_of(v);
        const Val back = parse(text);
        BOOST_REQUIRE_EQUAL(text_of(back), text);
        BOOST_REQUIRE_MESSAGE(back == v, text);
        std::ostringstream pretty;
        v.prettyPrint(pretty);
        BOOST_REQUIRE_MESSAGE(parse(pretty.str()) == v, pretty.str());
    }
}

BOOST_AUTO_TEST_CASE(literals_have_the_types_of_python) {
    const auto tag_of = [](const char* text) { return parse(text).tag; };
    BOOST_TEST(tag_of("1") == 'l');
    BOOST_TEST(tag_of("-2147483648") == 'l');
    BOOST_TEST(tag_of("2147483648") == 'x');
    BOOST_TEST(tag_of("9223372036854775808") == 'X');
    BOOST_TEST(tag_of("18446744073709551616") == 'q');
    BOOST_TEST(tag_of("5L") == 'q');
    BOOST_TEST(tag_of("0xff") == 'l');
    BOOST_TEST(static_cast<int>(parse("0xfF")) == 255);
    BOOST_TEST(static_cast<int>(parse("+7")) == 7);
    BOOST_TEST(tag_of("1.") == 'd');
    BOOST_TEST(tag_of(".5") == 'd');
    BOOST_TEST(tag_of("1e5") == 'd');
    BOOST_TEST(static_cast<double>(parse("1e999")) == std::numeric_limits<double>::infinity());
    BOOST_TEST(static_cast<double>(parse("-inf")) == -std::numeric_limits<double>::infinity());
    BOOST_TEST(static_cast<double>(parse("1e-999")) == 0.0);
    BOOST_TEST(text_of(parse("nan")) == "nan");
    BOOST_TEST(tag_of("(1+2j)") == 'D');
    BOOST_TEST(tag_of("(1)") == 'u');
    BOOST_TEST(tag_of("()") == 'u');
    BOOST_TEST(tag_of("None") == 'Z');
    BOOST_TEST(tag_of("True") == 'b');
    BOOST_TEST(tag_of("o{'a': 1}") == 'o');
    BOOST_TEST(tag_of("OrderedDict()") == 'o');
    BOOST_TEST(tag_of("OrderedDict([('a', 1)])") == 'o');
    BOOST_TEST(parse("array([1,2], 'f')").subtype == 'f');
    BOOST_TEST(parse("array([], 'd')").subtype == 'd');
    BOOST_TEST(parse("array([1,2])").subtype == 'l');
    BOOST_TEST(parse("array([1, 2.5 ] )").subtype == 'd');
    BOOST_TEST(parse("array([1,(1+2j)])").subtype == 'D');
    BOOST_TEST(parse("array([1,5000000000])").subtype == 'x');
    BOOST_TEST(parse("array([])").subtype == 'l');
    BOOST_TEST(parse("array([(1+2j)], 'D')").subtype == 'D');
    BOOST_TEST(parse("array([True,False], 'b')").subtype == 'b');
    BOOST_TEST(parse("array([1], 'b')").subtype == 'S');
    BOOST_TEST(parse("array([18446744073709551615], 'l')").subtype == 'X');
}

BOOST_AUTO_TEST_CASE(text_has_the_escapes_of_python) {
    BOOST_TEST(std::string(parse(R"('a\n\t\r\\\'\"\x41\u00e4\0b')")) ==
               std::string("a\n\t\r\\'\"A\xc3\xa4\0b", 12));
    BOOST_TEST(std::string(parse(R"("it's")")) == "it's");
    BOOST_TEST(std::string(parse(R"('\q')")) == "\\q");
    BOOST_TEST(std::string(parse("'a\\\nb'")) == "ab");
    BOOST_TEST(std::string(parse("'\xff'")) == "\xff");
}

BOOST_AUTO_TEST_CASE(octal_escapes_are_bytes) {
    BOOST_TEST(std::string(parse(R"('\101\7\0018\377')")) == std::string("A\7\0018\xff"));
    BOOST_TEST(message_of(R"('a\400')").find("line 1, column 3: ") == 0u);
}

BOOST_AUTO_TEST_CASE(escapes_of_code_points_become_utf8) {
    BOOST_TEST(std::string(parse(R"('\u0041\u00e4\u20ac')")) == "A\xc3\xa4\xe2\x82\xac");
    BOOST_TEST(std::string(parse(R"('\U0001f600')")) == "\xf0\x9f\x98\x80");
    BOOST_TEST(std::string(parse(R"('\U0010ffff')")) == "\xf4\x8f\xbf\xbf");
    BOOST_TEST(std::string(parse(R"('\ud83d\ude00')")) == "\xf0\x9f\x98\x80");
}

BOOST_AUTO_TEST_CASE(half_a_character_is_an_error) {
    for (const char* const text :
         {R"('\ud83d')", R"('\ude00')", R"('\ud83d\ud83d')", R"('\ud83dx')", R"('\ud83d\n')",
          R"('\ud83d\U0000de00')", R"('\U0000d83d')", R"('\U00110000')", R"('\Uffffffff')"})
        BOOST_TEST(message_of(text).find("line 1, column 2: ") == 0u, text);
}

BOOST_AUTO_TEST_CASE(numbers_can_be_written_in_the_ways_of_python) {
    const auto printed = [](const char* text) { return text_of(parse(text)); };
    BOOST_TEST(printed("0o17") == "15");
    BOOST_TEST(printed("-0O17") == "-15");
    BOOST_TEST(printed("0b101") == "5");
    BOOST_TEST(printed("0B1L") == "1L");
    BOOST_TEST(printed("1_000_000") == "1000000");
    BOOST_TEST(printed("0x_ff_ff") == "65535");
    BOOST_TEST(printed("1_0.2_5e1_0") == "102500000000.0");
    BOOST_TEST(printed("012") == "12");
    BOOST_TEST(printed("0o7777777777777777777777777") == "37778931862957161709567L");
    BOOST_TEST(printed("-0b10000000000000000000000000000000000000000000000000000000000000000000") ==
               "-147573952589676412928L");
}

BOOST_AUTO_TEST_CASE(complex_numbers_keep_the_sign_of_a_zero) {
    for (const real_8 re : {0.0, -0.0, -1.5, 2.0})
        for (const real_8 im : {0.0, -0.0, -2.5}) {
            const complex_16 back = Val(parse(Stringize(Val(complex_16(re, im))))).as<complex_16>();
            BOOST_TEST(std::signbit(back.re) == std::signbit(re));
            BOOST_TEST(std::signbit(back.im) == std::signbit(im));
            BOOST_TEST((back == complex_16(re, im)));
        }
    const std::string found_by_fuzzing = "(array([-0e-0,-0e30110,555555555534191032320], 'D'),)";
    const std::string printed = Stringize(parse(found_by_fuzzing));
    BOOST_TEST(Stringize(parse(printed)) == printed);
}

BOOST_AUTO_TEST_CASE(imaginary_and_complex_numbers_need_no_brackets) {
    const auto printed = [](const char* text) { return text_of(parse(text)); };
    BOOST_TEST(printed("2j") == "(0+2j)");
    BOOST_TEST(printed("-1.5J") == "(0-1.5j)");
    BOOST_TEST(printed("1-2.5j") == "(1-2.5j)");
    BOOST_TEST(printed("[ 1 + 2j , 3 ]") == "[(1+2j), 3]");
    BOOST_TEST(printed("(2j)") == "(0+2j)");
    BOOST_TEST(printed("(1+2j, 3)") == "((1+2j), 3)");
    BOOST_TEST(printed("(0x10+1_0j)") == "(16+10j)");
    BOOST_TEST(printed("[1, -2]") == "[1, -2]");
}

BOOST_AUTO_TEST_CASE(what_python_takes_for_no_number_is_none_here) {
    for (const char* const text :
         {"1__0",  "_1",  "1_",   "1_.5",  "1._5",  "1e_5", "1e",   "0x_",
          "0x__1", "0o8", "0o18", "0b2",   "0o",    "0b",   "1x",   "1_j",
          "2jj",   "2jL", "1.5L", "0x1p3", "1+-2j", "1+2",  "2j+1", "inf5"})
        BOOST_TEST(message_of(text).find("line 1, column ") == 0u, text);
    BOOST_TEST(message_of("[1, 12_]") ==
               "line 1, column 5: this is not a number\n    [1, 12_]\n        ^");
    Val v = "as before";
    BOOST_CHECK_THROW(ValReader("1x").expectAnything(v), std::logic_error);
    BOOST_TEST(text_of(v) == "'as before'");
}

BOOST_AUTO_TEST_CASE(a_number_that_does_not_fit_its_array_is_shown) {
    BOOST_TEST(message_of("array([1,\n 300], '1')") ==
               "line 2, column 2: a value of type int_4, 300, cannot be converted to int_1\n"
               "     300], '1')\n     ^");
    for (const char* const text :
         {"array([1.5], 'i')", "array([-1], 'u')", "array([1e300], 'f')", "array([1e300], 'F')",
          "array([2j], 'd')", "array([70000], 's')", "array([99999999999999999999], 'l')"})
        BOOST_TEST(message_of(text).find("line 1, column 8: a value of type ") == 0u, text);
    BOOST_TEST(text_of(parse("array([inf,1e30,3.4028235e+38], 'f')")) ==
               "array([inf,1e+30,3.4028235e+38], 'f')");
    BOOST_TEST(text_of(parse("array([True,2], 'b')")) == "array([1,2], 'b')");
}

BOOST_AUTO_TEST_CASE(space_comments_and_trailing_commas_are_fine) {
    const Val v = parse(" # a table\n { 'a' : [ 1 , 2 , ] , # more\n 'b':(3,), } # end");
    BOOST_TEST(text_of(v) == "{'a': [1, 2], 'b': (3)}");
    BOOST_TEST(text_of(parse("{'a': 1, 'a': 2}")) == "{'a': 2}");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_shown_with_its_place) {
    BOOST_TEST(message_of("[1,\n 2 3]") ==
               "line 2, column 4: expected ',' or ']'\n     2 3]\n       ^");
    for (const char* const text : {"",
                                   " ",
                                   "[",
                                   "{",
                                   "(",
                                   "[1",
                                   "{'a'",
                                   "{'a':",
                                   "{'a':1",
                                   "]",
                                   "}",
                                   "1 2",
                                   "[1]]",
                                   "nope",
                                   "Nonesuch",
                                   "'abc",
                                   "\"abc",
                                   "'\\x4",
                                   "'\\xg0'",
                                   "-",
                                   "+",
                                   ".",
                                   "0x",
                                   "{1}",
                                   "{,}",
                                   "[,]",
                                   "{'a': }",
                                   "array",
                                   "array(",
                                   "array([1,2]",
                                   "array(['a'], 'd')",
                                   "array([1], 'z')",
                                   "array([1], 'dd')",
                                   "OrderedDict([1])",
                                   "OrderedDict([(1, 2, 3)])",
                                   "OrderedDict({})",
                                   "o[",
                                   "@",
                                   "(1+2j",
                                   "[1;2]"})
        BOOST_TEST(message_of(text).find("line ") == 0u, '"' << text << "\": " << message_of(text));
    BOOST_TEST(message_of(std::string(1000, ' ') + "]").size() < 200u);
    BOOST_TEST(message_of(std::string("[\0", 2)).find("line 1, column 2") == 0u);
}

BOOST_AUTO_TEST_CASE(limits_are_kept) {
    parse_limits limits;
    limits.depth = 3;
    BOOST_TEST(text_of(parse("[[[1]]]", limits)) == "[[[1]]]");
    BOOST_CHECK_THROW(parse("[[[[1]]]]", limits), std::logic_error);
    limits.size_bytes = 5;
    BOOST_CHECK_THROW(parse("[1, 2, 3]", limits), std::logic_error);
    BOOST_CHECK_THROW(parse(std::string(200000, '[')), std::logic_error);
    const std::string deep = std::string(10000, '[') + std::string(10000, ']');
    BOOST_TEST(text_of(parse(deep)) == deep);
    std::string keys;
    for (int i = 0; i < 1000; ++i) keys += "{";
    BOOST_CHECK_THROW(parse(keys), std::logic_error);
}

BOOST_AUTO_TEST_CASE(tables_and_lists_come_from_text) {
    const Tab t = "{'a': 1, 'b': [1, 2]}";
    BOOST_TEST(static_cast<int>(t("b")(1)) == 2);
    const Tab again(std::string("{'a': 1, 'b': [1, 2]}"));
    BOOST_TEST((t == again));
    const OTab o("o{'z': 1, 'a': 2}");
    BOOST_TEST(text_of(o) == "OrderedDict([('z', 1), ('a', 2)])");
    const Arr a = "[1, 'two']";
    BOOST_TEST(std::string(a[1]) == "two");
    BOOST_CHECK_THROW(Tab("[1]"), std::logic_error);
    BOOST_CHECK_THROW(Arr("{}"), std::logic_error);
    BOOST_TEST(text_of(Eval("{'a': (1, 2)}")) == "{'a': (1, 2)}");
}

BOOST_AUTO_TEST_CASE(a_reader_takes_one_value_after_the_other) {
    ValReader reader("{'a': 1} [2, 3] # and\n 'text'");
    Tab t;
    Arr a;
    Val v;
    reader.expectTab(t);
    reader.expectArr(a);
    BOOST_TEST(!reader.EOFComing());
    reader.expectAnything(v);
    BOOST_TEST(reader.EOFComing());
    BOOST_TEST(text_of(t) + text_of(Val(a)) + text_of(v) == "{'a': 1}[2, 3]'text'");
    BOOST_CHECK_THROW(reader.expectAnything(v), std::logic_error);
    BOOST_CHECK_THROW(ValReader("1").expectTab(t), std::logic_error);
    BOOST_TEST(text_of(t) == "{'a': 1}");
}

BOOST_AUTO_TEST_CASE(files_hold_values) {
    const std::string name = "valpool_test_" + std::to_string(getpid()) + ".val";
    const Tab t{{"a", Arr{1, 2.5, "x"}}, {"b", Tab()}};
    WriteTabToFile(t, name);
    Tab back;
    ReadTabFromFile(name, back);
    BOOST_TEST((back == t));
    WriteValToFile(3.5, name);
    Val v;
    ReadValFromFile(name, v);
    BOOST_TEST(static_cast<double>(v) == 3.5);
    BOOST_CHECK_THROW(ReadTabFromFile(name, back), std::logic_error);
    std::ofstream(name) << "[1, ";
    try {
        ReadValFromFile(name, v);
        BOOST_ERROR("half a list was read");
    } catch (const std::logic_error& e) {
        BOOST_TEST(std::string(e.what()).find(name) != std::string::npos, e.what());
    }
    BOOST_TEST(static_cast<double>(v) == 3.5);
    std::remove(name.c_str());
    BOOST_CHECK_THROW(ReadValFromFile(name, v), std::runtime_error);
    BOOST_CHECK_THROW(WriteValToFile(v, "/no such folder/file"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(the_systems_reason_is_given_for_a_file_that_cannot_be_used) {
    const auto reason = [](auto action) -> std::string {
        try {
            action();
        } catch (const std::runtime_error& e) {
            return e.what();
        }
        return "";
    };
    Val v = "as before";
    BOOST_TEST(reason([&] { ReadValFromFile("/", v); }) ==
               "the file \"/\": cannot be read: Is a directory");
    BOOST_TEST(reason([&] { ReadValFromFile("/none/such", v); }) ==
               "the file \"/none/such\": cannot be opened: No such file or directory");
    BOOST_TEST(reason([&] { WriteValToFile(v, "/"); }) ==
               "the file \"/\": cannot be opened: Is a directory");
    BOOST_TEST(reason([&] { WriteValToFile(v, "/dev/full"); }) ==
               "the file \"/dev/full\": cannot be written: No space left on device");
    BOOST_TEST(text_of(v) == "'as before'");
}

BOOST_AUTO_TEST_CASE(a_stream_that_has_failed_is_not_taken_for_an_empty_one) {
    std::ifstream none("/none/such");
    std::ifstream directory("/");
    Val v;
    BOOST_CHECK_THROW(ReadValFromStream(none, v), std::runtime_error);
    BOOST_CHECK_THROW(ReadValFromStream(directory, v), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(json)

BOOST_AUTO_TEST_CASE(values_become_json) {
    BOOST_TEST(to_json(Val()) == "null");
    BOOST_TEST(to_json(true) == "true");
    BOOST_TEST(to_json(-5) == "-5");
    BOOST_TEST(to_json(0.1) == "0.1");
    BOOST_TEST(to_json(real_4(0.1F)) == "0.1");
    BOOST_TEST(to_json(1e300) == "1e+300");
    BOOST_TEST(to_json(std::numeric_limits<double>::infinity()) == "null");
    BOOST_TEST(to_json(std::numeric_limits<float>::quiet_NaN()) == "null");
    BOOST_TEST(to_json(int_n("123456789012345678901234567890")) ==
               "123456789012345678901234567890");
    BOOST_TEST(to_json(complex_16(1, -2.5)) == "[1.0,-2.5]");
    BOOST_TEST(to_json("a\"b\\\n\x01\xc3\xa4") == "\"a\\\"b\\\\\\n\\u0001\xc3\xa4\"");
    BOOST_TEST(to_json(Tab{{"a", Arr{1, Tup(2, "x")}}, {3, Val()}}) ==
               "{\"a\":[1,[2,\"x\"]],\"3\":null}");
    BOOST_TEST(to_json(OTab{{"z", 1}, {"a", Tab()}}) == "{\"z\":1,\"a\":{}}");
    BOOST_TEST(to_json(Array<real_8>{1, 2.5}) == "[1.0,2.5]");
    BOOST_TEST(to_json(Array<std::string>{"a", "b"}) == "[\"a\",\"b\"]");
    BOOST_TEST(to_json(Arr()) == "[]");
}

BOOST_AUTO_TEST_CASE(json_becomes_values) {
    const Val v = from_json(R"( {"a": [1, -2.5, "x\u00e4\n", null, true], "b": {}} )");
    BOOST_TEST(text_of(v["a"]) == R"([1, -2.5, 'x\xc3\xa4\n', None, True])");
    BOOST_TEST(v("b").tag == 't');
    BOOST_TEST(from_json("1").tag == 'l');
    BOOST_TEST(from_json("3000000000").tag == 'x');
    BOOST_TEST(from_json("18446744073709551615").tag == 'X');
    BOOST_TEST(from_json("1e2").tag == 'd');
    BOOST_TEST(text_of(from_json("-123456789012345678901234567890")) ==
               "-123456789012345678901234567890L");
    BOOST_TEST(text_of(from_json(R"({"a": 1, "a": 2})")) == "{'a': 2}");
}

BOOST_AUTO_TEST_CASE(what_json_can_say_comes_back) {
    std::mt19937 random(std::random_device{}());
    const auto value = [&random](auto& self, int depth) -> Val {
        switch (random() % (depth > 0 ? 8 : 6)) {
            case 0: return Val();
            case 1: return random() % 2 == 0;
            case 2: return static_cast<int_8>(static_cast<int_u8>(random()) * random() * random());
            case 3: return static_cast<double>(random()) / 7;
            case 4: return "text \"" + std::to_string(random()) + "\\ \xe2\x82\xac";
            case 5: return Val(int_n("99999999999999999999" + std::to_string(random())));
            case 6: {
                Arr a;
                for (auto n = random() % 5; n != 0; --n) a.append(self(self, depth - 1));
                return a;
            }
            default: {
                Tab t;
                for (auto n = random() % 12; n != 0; --n)
                    t[std::to_string(random())] = self(self, depth - 1);
                return t;
            }
        }
    };
    for (int i = 0; i < 2000; ++i) {
        const Val v = value(value, 4);
        const std::string text = to_json(v);
        BOOST_REQUIRE_MESSAGE(from_json(text) == v, text);
        BOOST_REQUIRE_EQUAL(to_json(from_json(text)), text);
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_json_is_refused) {
    for (const char* const text :
         {"", " ", "[", "{", "[1,]", "{\"a\"}", "'a'", "nul", "01", "1 2", "\"\\x\"", "\"\xff\"",
          "[1]]", "NaN", "Infinity", "{1:2}", "# 1"})
        BOOST_CHECK_THROW(from_json(text), std::logic_error);
    BOOST_CHECK_THROW(to_json("\xff"), std::logic_error);
    BOOST_CHECK_THROW(to_json("\xc3"), std::logic_error);
    BOOST_CHECK_THROW(to_json("\xed\xa0\x80"), std::logic_error);
    BOOST_CHECK_THROW(to_json(Tab{{"\xc0\x80", 1}}), std::logic_error);
    Val circle = new Tab();
    circle["self"] = circle;
    BOOST_CHECK_THROW(to_json(circle), std::logic_error);
    circle.remove("self");
}

BOOST_AUTO_TEST_CASE(deep_json_is_a_matter_of_the_limit) {
    const std::string deep = std::string(10000, '[') + std::string(10000, ']');
    BOOST_TEST(to_json(from_json(deep)) == deep);
    parse_limits limits;
    limits.depth = 50;
    BOOST_CHECK_THROW(from_json(deep, limits), std::logic_error);
    limits.size_bytes = 10;
    BOOST_CHECK_THROW(from_json("[1, 2, 3, 4]", limits), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
