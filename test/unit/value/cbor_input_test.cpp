#include "pool_fixture.hpp"

#include "support/random_value.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// CBOR that others write, the examples of RFC 8949 among it, and CBOR that is wrong.

using namespace valpool;
using value_test::text_of;

namespace {

std::string bytes_of(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return bytes;
}
std::string read(std::string_view hex) { return text_of(from_cbor(bytes_of(hex))); }

struct example {
    const char* hex;
    const char* printed;
};

std::string error_of(std::string_view bytes, const parse_limits& limits = {}) {
    try {
        from_cbor(bytes, limits);
    } catch (const std::logic_error& e) {
        return e.what();
    }
    return "no error";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cbor_input)

BOOST_AUTO_TEST_CASE(numbers_of_the_standard_s_appendix_are_read) {
    for (const auto& [hex, printed] :
         std::initializer_list<example>{{"00", "0"},
                                        {"01", "1"},
                                        {"0a", "10"},
                                        {"17", "23"},
                                        {"1818", "24"},
                                        {"1819", "25"},
                                        {"1864", "100"},
                                        {"1903e8", "1000"},
                                        {"1a000f4240", "1000000"},
                                        {"1b000000e8d4a51000", "1000000000000"},
                                        {"1bffffffffffffffff", "18446744073709551615"},
                                        {"c249010000000000000000", "18446744073709551616L"},
                                        {"3bffffffffffffffff", "-18446744073709551616L"},
                                        {"c349010000000000000000", "-18446744073709551617L"},
                                        {"20", "-1"},
                                        {"29", "-10"},
                                        {"3863", "-100"},
                                        {"3903e7", "-1000"},
                                        {"f90000", "0.0"},
                                        {"f98000", "-0.0"},
                                        {"f93c00", "1.0"},
                                        {"fb3ff199999999999a", "1.1"},
                                        {"f93e00", "1.5"},
                                        {"f97bff", "65504.0"},
                                        {"fa47c35000", "100000.0"},
                                        {"fa7f7fffff", "3.4028235e+38"},
                                        {"fb7e37e43c8800759c", "1e+300"},
                                        {"f90001", "5.9604645e-08"},
                                        {"f90400", "6.1035156e-05"},
                                        {"f9c400", "-4.0"},
                                        {"fbc010666666666666", "-4.1"},
                                        {"f97c00", "inf"},
                                        {"f97e00", "nan"},
                                        {"f9fc00", "-inf"},
                                        {"fa7f800000", "inf"},
                                        {"fa7fc00000", "nan"},
                                        {"faff800000", "-inf"},
                                        {"fb7ff0000000000000", "inf"},
                                        {"fb7ff8000000000000", "nan"},
                                        {"fbfff0000000000000", "-inf"}})
        BOOST_TEST(read(hex) == printed, hex);
}

BOOST_AUTO_TEST_CASE(what_else_is_in_the_standard_s_appendix_is_read) {
    for (const auto& [hex, printed] : std::initializer_list<example>{
             {"f4", "False"},
             {"f5", "True"},
             {"f6", "None"},
             {"f7", "None"},
             {"c074323031332d30332d32315432303a30343a30305a", "'2013-03-21T20:04:00Z'"},
             {"c11a514b67b0", "1363896240"},
             {"c1fb41d452d9ec200000", "1363896240.5"},
             {"d74401020304", "'\\x01\\x02\\x03\\x04'"},
             {"d818456449455446", "'dIETF'"},
             {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", "'http://www.example.com'"},
             {"40", "''"},
             {"4401020304", "'\\x01\\x02\\x03\\x04'"},
             {"60", "''"},
             {"6161", "'a'"},
             {"6449455446", "'IETF'"},
             {"62225c", "'\"\\\\'"},
             {"62c3bc", "'\\xc3\\xbc'"},
             {"63e6b0b4", "'\\xe6\\xb0\\xb4'"},
             {"64f0908591", "'\\xf0\\x90\\x85\\x91'"},
             {"80", "[]"},
             {"83010203", "[1, 2, 3]"},
             {"8301820203820405", "[1, [2, 3], [4, 5]]"},
             {"98190102030405060708090a0b0c0d0e0f101112131415161718181819",
              "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, "
              "24, 25]"},
             {"a0", "{}"},
             {"a201020304", "{1: 2, 3: 4}"},
             {"a26161016162820203", "{'a': 1, 'b': [2, 3]}"},
             {"826161a161626163", "['a', {'b': 'c'}]"},
             {"5f42010243030405ff", "'\\x01\\x02\\x03\\x04\\x05'"},
             {"7f657374726561646d696e67ff", "'streaming'"},
             {"9fff", "[]"},
             {"9f018202039f0405ffff", "[1, [2, 3], [4, 5]]"},
             {"9f01820203820405ff", "[1, [2, 3], [4, 5]]"},
             {"83018202039f0405ff", "[1, [2, 3], [4, 5]]"},
             {"83019f0203ff820405", "[1, [2, 3], [4, 5]]"},
             {"bf61610161629f0203ffff", "{'a': 1, 'b': [2, 3]}"},
             {"826161bf61626163ff", "['a', {'b': 'c'}]"},
             {"bf6346756ef563416d7421ff", "{'Fun': True, 'Amt': -2}"}})
        BOOST_TEST(read(hex) == printed, hex);
}

BOOST_AUTO_TEST_CASE(simple_values_without_a_meaning_are_refused) {
    for (const char* const hex : {"f0", "f8ff", "f820", "f814", "f8"})
        BOOST_CHECK_THROW(read(hex), std::logic_error);
}

BOOST_AUTO_TEST_CASE(integers_get_the_smallest_type_that_holds_them) {
    BOOST_TEST(from_cbor(bytes_of("1b0000000000000005")).tag == 'l');
    BOOST_TEST(from_cbor(bytes_of("1a80000000")).tag == 'x');
    BOOST_TEST(from_cbor(bytes_of("3a7fffffff")).tag == 'l');
    BOOST_TEST(from_cbor(bytes_of("3a80000000")).tag == 'x');
    BOOST_TEST(from_cbor(bytes_of("1b8000000000000000")).tag == 'X');
    BOOST_TEST(from_cbor(bytes_of("3b8000000000000000")).tag == 'q');
}

BOOST_AUTO_TEST_CASE(typed_arrays_of_either_order_and_every_width_are_read) {
    for (const auto& [hex, printed] :
         std::initializer_list<example>{{"d8404201ff", "array([1,255], 'b')"},
                                        {"d8444201ff", "array([1,255], 'b')"},
                                        {"d8484201ff", "array([1,-1], '1')"},
                                        {"d841420001", "array([1], 'w')"},
                                        {"d845420100", "array([1], 'w')"},
                                        {"d8424400000001", "array([1], 'u')"},
                                        {"d8464401000000", "array([1], 'u')"},
                                        {"d843480000000000000001", "array([1], 'l')"},
                                        {"d847480100000000000000", "array([1], 'l')"},
                                        {"d84942fffe", "array([-2], 's')"},
                                        {"d84d42feff", "array([-2], 's')"},
                                        {"d84a44fffffffe", "array([-2], 'i')"},
                                        {"d84e44feffffff", "array([-2], 'i')"},
                                        {"d84b48fffffffffffffffe", "array([-2], 'l')"},
                                        {"d84f48feffffffffffffff", "array([-2], 'l')"},
                                        {"d850443e00c400", "array([1.5,-4.0], 'f')"},
                                        {"d85444003e00c4", "array([1.5,-4.0], 'f')"},
                                        {"d851443f800000", "array([1.0], 'f')"},
                                        {"d855440000803f", "array([1.0], 'f')"},
                                        {"d852483ff0000000000000", "array([1.0], 'd')"},
                                        {"d85648000000000000f03f", "array([1.0], 'd')"},
                                        {"d8565f4400000000440000f03fff", "array([1.0], 'd')"},
                                        {"d85640", "array([], 'd')"}})
        BOOST_TEST(read(hex) == printed, hex);
    BOOST_TEST(from_cbor(bytes_of("d843480000000000000001")).subtype == 'X');
}

BOOST_AUTO_TEST_CASE(typed_arrays_that_cannot_be_are_refused) {
    for (const char* const hex : {"d84543010203", "d85649000000000000000000", "d84b420000",
                                  "d85340", "d85740", "d84580", "d8456161"})
        BOOST_CHECK_THROW(read(hex), std::logic_error);
}

BOOST_AUTO_TEST_CASE(complex_numbers_of_any_parts_are_read) {
    BOOST_TEST(read("d9a7f8820102") == "(1+2j)");
    BOOST_TEST(read("d9a7f882f93c00f93c00") == "(1+1j)");
    BOOST_TEST(from_cbor(bytes_of("d9a7f882f93c00f93c00")).tag == 'F');
    BOOST_TEST(read("d9a7f9d850443c00c000") == "array([(1-2j)], 'F')");
    for (const char* const hex : {"d9a7f88101", "d9a7f8826161f5", "d9a7f801", "d9a7f9d8404101",
                                  "d9a7f9d84d420100", "d9a7f98101", "d9a7f9d855440000803f"})
        BOOST_CHECK_THROW(read(hex), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_homogeneous_list_of_other_things_is_a_list) {
    BOOST_TEST(from_cbor(bytes_of("d829820102")).subtype == 'Z');
    BOOST_TEST(from_cbor(bytes_of("d82982f501")).subtype == 'Z');
    BOOST_TEST(from_cbor(bytes_of("d82980")).subtype == 'Z');
    BOOST_CHECK_THROW(read("da7670006281"
                           "01"),
                      std::logic_error);
}

BOOST_AUTO_TEST_CASE(the_last_value_of_a_key_counts) {
    BOOST_TEST(read("a3616101616202616103") == "{'a': 3, 'b': 2}");
    BOOST_TEST(read("a2016161fb3ff00000000000006162") == "{1: 'b'}");
}

BOOST_AUTO_TEST_CASE(tags_without_a_meaning_are_skipped) {
    BOOST_TEST(read("d9d9f783010203") == "[1, 2, 3]");
    BOOST_TEST(read("c1c1c1c101") == "1");
    BOOST_TEST(read("c2c14101") == "1L");
    BOOST_TEST(read("d82882"
                    "820201"
                    "d8404201"
                    "02") == "[[2, 1], array([1,2], 'b')]");
}

BOOST_AUTO_TEST_CASE(a_tag_in_front_of_something_else_is_refused) {
    for (const char* const hex :
         {"c201", "c26161", "c2c24101",
          "c282010"
          "2",
          "da7670006f80", "da76700075a0", "d829a0", "d8408101", "da7670007501", "c2d8404101"})
        BOOST_CHECK_THROW(read(hex), std::logic_error);
}

BOOST_AUTO_TEST_CASE(an_error_says_where_it_is) {
    BOOST_TEST(error_of(bytes_of("8201ff")) == "CBOR, byte 2: a break that ends nothing");
    BOOST_TEST(error_of(bytes_of("8201fc")) ==
               "CBOR, byte 2: an item that begins with this byte has no meaning");
    BOOST_TEST(error_of(bytes_of("0102")) == "CBOR, byte 1: something follows the value");
    BOOST_TEST(error_of(bytes_of("61ff")) == "CBOR, byte 0: this text is not UTF-8");
    BOOST_TEST(error_of(bytes_of("bf01ff")) == "CBOR, byte 2: a key without a value");
    BOOST_TEST(error_of(bytes_of("8201")).find("CBOR, byte 0: this item is not complete") == 0u);
    BOOST_TEST(error_of("").find("CBOR, byte 0") == 0u);
}

BOOST_AUTO_TEST_CASE(items_that_are_not_well_formed_are_refused) {
    for (const char* const hex :
         {"1c",           "1d",     "1e",     "1f",           "3f",       "df",
          "dfff",         "3c",     "5c",     "7c",           "9c",       "bc",
          "dc",           "fc",     "ff",     "5f00ff",       "5f6161ff", "7f4161ff",
          "5f5f4100ffff", "bf00ff", "9fc2ff", "9fc1ff",       "81ff",     "a1ff",
          "a100ff",       "c2ff",   "62c3",   "7f61c361bcff", "a1"})
        BOOST_CHECK_THROW(read(hex), std::logic_error);
}

BOOST_AUTO_TEST_CASE(what_is_too_large_or_too_deep_is_refused) {
    parse_limits limits;
    limits.depth = 3;
    limits.size_bytes = 100;
    BOOST_TEST(error_of(bytes_of("81818101"), limits) == "no error");
    BOOST_TEST(error_of(bytes_of("8181818101"), limits) == "CBOR, byte 3: more than 3 levels");
    BOOST_TEST(error_of(std::string(101, '\x80'), limits) ==
               "CBOR: 101 bytes; at most 100 are allowed");
    Val v = "unchanged";
    BOOST_CHECK_THROW(read_cbor(bytes_of("5864"
                                         "00"),
                                v, limits),
                      std::logic_error);
    BOOST_CHECK_THROW(read_cbor(bytes_of("9bffffffffffffffff"), v, limits), std::logic_error);
    BOOST_TEST(v == "unchanged");
}

BOOST_AUTO_TEST_CASE(keys_inside_of_keys_have_a_limit) {
    const auto nested = [](int levels) {
        std::string bytes;
        for (int i = 0; i < levels; ++i) bytes += '\xa1';
        return bytes + std::string(static_cast<std::size_t>(levels) + 1, '\x01');
    };
    BOOST_TEST(text_of(from_cbor(nested(65))).size() > 65u);
    BOOST_TEST(error_of(nested(66)) == "CBOR, byte 65: keys inside of keys, more than 64 levels");
}

BOOST_AUTO_TEST_CASE(claimed_lengths_cost_nothing) {
    // Each of these would take more memory than there is, if it were believed.
    for (const char* const hex :
         {"5b0fffffffffffffff", "7bffffffffffffffff", "9b0fffffffffffffff", "bbffffffffffffffff",
          "d8565b0ffffffffffffff8", "9b4000000000000000", "bb8000000000000001"})
        BOOST_CHECK_THROW(read(hex), std::logic_error);
    // Levels that promise as many items each as there are bytes.
    std::string levels;
    for (int i = 0; i < 20000; ++i) levels += bytes_of("9a00010000");
    BOOST_CHECK_THROW(from_cbor(levels), std::logic_error);
    std::string maps;
    for (int i = 0; i < 20000; ++i) maps += bytes_of("01ba00008000");
    BOOST_CHECK_THROW(from_cbor("\xba" + std::string("\0\0\x80\0", 4) + maps), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_byte_that_is_changed_gives_an_error_or_another_value) {
    valpool_test::random_values random;
    parse_limits limits;
    limits.size_bytes = 1 << 20;
    for (int i = 0; i < 100; ++i) {
        const std::string bytes = to_cbor(random.value(3));
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            std::string changed = bytes;
            changed[at] = static_cast<char>(random.below(256));
            try {
                const Val v = from_cbor(changed, limits);
                BOOST_REQUIRE(text_of(from_cbor(to_cbor(v))) == text_of(v));
            } catch (const std::logic_error& e) {
                BOOST_REQUIRE(std::string(e.what()).substr(0, 4) == "CBOR");
            }
        }
    }
}

namespace {

/// Two words that the hash of text takes together: with this second one, the first one is lost.
std::string colliding_text(std::uint64_t number) {
    constexpr std::uint64_t factor = 0xe7037ed1a0b428db;
    std::string text(32, 'x');
    std::memcpy(text.data(), &number, sizeof number);
    std::memcpy(text.data() + 8, &factor, sizeof factor);
    return text;
}

/// A map of so many keys, in CBOR.
template <class AppendKey>
std::string map_of(std::uint32_t count, AppendKey append_key) {
    std::string bytes = "\xba";
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(count >> shift);
    for (std::uint32_t i = 0; i < count; ++i) {
        append_key(bytes, i);
        bytes += '\1';
    }
    return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(keys_that_were_made_to_collide_are_refused_in_good_time) {
    const auto text = [](std::string& bytes, std::uint32_t i) {
        bytes += "\x58\x20" + colliding_text(i);
    };
    // Hashes of lists go three levels deep.
    const auto deep = [](std::string& bytes, std::uint32_t i) {
        bytes += "\x81\x81\x81\x81\x81\x1a";
        for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(i >> shift);
    };
    const auto is_refusal = [](const std::logic_error& e) {
        return std::string(e.what()).find("made to collide") != std::string::npos;
    };
    BOOST_CHECK_EXCEPTION(from_cbor(map_of(200000, text)), std::logic_error, is_refusal);
    BOOST_CHECK_EXCEPTION(from_cbor(map_of(200000, deep)), std::logic_error, is_refusal);
    std::string literal = "{";
    for (std::uint32_t i = 0; i < 100000; ++i)
        literal += "((((((" + std::to_string(i) + ",),),),),),): 1, ";
    BOOST_CHECK_EXCEPTION(parse(literal + "}"), std::logic_error, is_refusal);
    // Few of them cost nothing worth mentioning.
    BOOST_TEST(from_cbor(map_of(256, text)).length() == 256u);
}

BOOST_AUTO_TEST_CASE(many_keys_that_collide_by_chance_alone_are_taken) {
    const auto number = [](std::string& bytes, std::uint32_t i) {
        bytes += '\x1a';
        for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(i >> shift);
    };
    BOOST_TEST(from_cbor(map_of(300000, number)).length() == 300000u);
    Tab texts;
    for (int i = 0; i < 100000; ++i) texts["a key with a number, " + std::to_string(i)] = i;
    BOOST_TEST((from_cbor(to_cbor(texts)) == Val(texts)));
    BOOST_TEST((from_json(to_json(texts)) == Val(texts)));
    // The same key, again and again.
    BOOST_TEST(from_cbor(map_of(100000, [&](std::string& bytes, std::uint32_t) {
                   number(bytes, 7);
               })).length() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
