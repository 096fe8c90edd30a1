#include "pool_fixture.hpp"

#include <valpool/valpool.hpp>

#include <string>
#include <utility>

using namespace valpool;
using value_test::text_of;

BOOST_AUTO_TEST_SUITE(readers)

BOOST_AUTO_TEST_CASE(a_reader_takes_characters_from_anywhere) {
    Array<char> characters;
    for (const char c : std::string("12 3")) characters.append(c);
    ValReader reader(characters);
    Val v;
    reader.expectNumber(v);
    BOOST_TEST(text_of(v) == "12");
    ValReader part("1234", 2);
    part.expectAnything(v);
    BOOST_TEST(text_of(v) == "12");
    BOOST_TEST(part.EOFComing());
    ValReader whole("1234", -1);
    whole.expectAnything(v);
    BOOST_TEST(text_of(v) == "1234");
}

BOOST_AUTO_TEST_CASE(a_reader_expects_numbers_and_arrays_of_them) {
    Val v;
    for (const char* const number : {"1", "-2.5", "(1+2j)", "100000000000000000000L"}) {
        ValReader(number).expectNumber(v);
        BOOST_TEST(text_of(v) == number);
    }
    ValReader("array([1,2])").expectNumericArray(v);
    BOOST_TEST(text_of(v) == "array([1,2], 'i')");
    for (const char* const other : {"'1'", "[1]", "None", "True", "", "array([1])"})
        BOOST_CHECK_THROW(ValReader(other).expectNumber(v), std::logic_error);
    for (const char* const other : {"1", "[1]", "(1, 2)", "'array([1])'"})
        BOOST_CHECK_THROW(ValReader(other).expectNumericArray(v), std::logic_error);
    BOOST_TEST(text_of(v) == "array([1,2], 'i')");
}

BOOST_AUTO_TEST_CASE(a_reader_goes_on_behind_an_error) {
    ValReader reader("1 ? {'a' 2} [3");
    std::string seen;
    for (int left = 100; left > 0 && !reader.EOFComing(); --left) try {
            Val v;
            reader.expectAnything(v);
            seen += text_of(v);
        } catch (const std::logic_error&) {
            seen += "!";
        }
    BOOST_TEST(reader.EOFComing());
    BOOST_TEST(seen == "1!!!!");
}

BOOST_AUTO_TEST_CASE(arrays_are_read_as_numpy_prints_them) {
    BOOST_TEST(text_of(Eval("array([1 -2\n 3])")) == "array([1,-2,3], 'i')");
    const std::pair<const char*, const char*> types[] = {
        {"int8", "ns"},    {"uint8", "nS"},   {"int16", "ni"},     {"uint16", "nI"},
        {"int32", "nl"},   {"uint32", "nL"},  {"int64", "nx"},     {"uint64", "nX"},
        {"float32", "nf"}, {"float64", "nd"}, {"complex64", "nF"}, {"complex128", "nD"}};
    for (const auto& [name, tags] : types) {
        const Val v = Eval(std::string("array([1, 2], dtype = ") + name + ")");
        BOOST_TEST((std::string{v.tag, v.subtype}) == tags);
        BOOST_TEST(v.length() == 2u);
    }
    BOOST_TEST(Eval("array([True, False], dtype=bool)").subtype == 'b');
    BOOST_TEST((static_cast<Array<real_4>&>(Eval("array([0.1], dtype=float32)"))[0] == 0.1F));
    for (const char* const wrong :
         {"array([1], dtype=int7)", "array([1], dtype=int32", "array([1], dtype int32)",
          "array([300], dtype=int8)", "array([1'a'])", "array([1True])"})
        BOOST_CHECK_THROW(Eval(wrong), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
