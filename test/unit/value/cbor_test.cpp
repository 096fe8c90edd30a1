#include "pool_fixture.hpp"

#include "support/hex.hpp"
#include "support/random_value.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

/// Values to CBOR and back. cbor_input_test.cpp has what others write, and what is wrong.

using namespace valpool;
using test::hex_of;
using value_test::pool_memory;
using value_test::text_of;

namespace {

std::string written(const Val& v) { return hex_of(to_cbor(v)); }
Val again(const Val& v) { return from_cbor(to_cbor(v)); }

int steps() {
    const char* const given = std::getenv("VALPOOL_MODEL_STEPS");
    return given ? std::atoi(given) : 3000;
}

/// Whether two values have the same types all through. Integers come back as the smallest type that
/// holds them, and a big one as int_n.
bool are_alike(const Val& a, const Val& b);

char tag_when_read(const Val& v) {
    if (v.tag == 'Q') return 'q';
    if (std::string_view("sSiIlLxX").find(v.tag) == std::string_view::npos) return v.tag;
    return from_json(to_json(v)).tag;
}

bool are_alike_in_order(It a, It b, bool has_keys) {
    for (;;) {
        const bool has_a = a();
        if (has_a != b()) return false;
        if (!has_a) return true;
        if (has_keys && !are_alike(a.key(), b.key())) return false;
        if (!are_alike(a.value(), b.value())) return false;
    }
}

bool are_alike(const Val& a, const Val& b) {
    if (tag_when_read(a) != b.tag || a.subtype != b.subtype || a.length() != b.length())
        return false;
    const bool has_parts =
        detail::is_table(a.tag) || a.tag == 'u' || (a.tag == 'n' && a.subtype == 'Z');
    return has_parts ? are_alike_in_order(It(a), It(b), detail::is_table(a.tag))
                     : text_of(a) == text_of(b);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cbor)

BOOST_AUTO_TEST_CASE(integers_take_the_fewest_bytes) {
    BOOST_TEST(written(0) == "00");
    BOOST_TEST(written(int_1(23)) == "17");
    BOOST_TEST(written(24) == "1818");
    BOOST_TEST(written(int_u8(255)) == "18ff");
    BOOST_TEST(written(256) == "190100");
    BOOST_TEST(written(65536) == "1a00010000");
    BOOST_TEST(written(1000000000000) == "1b000000e8d4a51000");
    BOOST_TEST(written(int_u8(18446744073709551615U)) == "1bffffffffffffffff");
    BOOST_TEST(written(-1) == "20");
    BOOST_TEST(written(int_1(-100)) == "3863");
    BOOST_TEST(written(std::numeric_limits<int_8>::min()) == "3b7fffffffffffffff");
}

BOOST_AUTO_TEST_CASE(big_integers_keep_their_type) {
    BOOST_TEST(written(int_n("18446744073709551616")) == "c249010000000000000000");
    BOOST_TEST(written(int_n("-18446744073709551617")) == "c349010000000000000000");
    BOOST_TEST(written(int_n(0)) == "c240");
    BOOST_TEST(written(int_n(-1)) == "c340");
    BOOST_TEST(written(int_n(-256)) == "c341ff");
    BOOST_TEST(written(int_n(-257)) == "c3420100");
    BOOST_TEST(written(int_un(5)) == "c24105");
    for (const char* const digits :
         {"0", "-1", "255", "-256", "-65536", "340282366920938463463374607431768211456"}) {
        BOOST_TEST((again(int_n(digits)) == Val(int_n(digits))));
        BOOST_TEST(again(int_n(digits)).tag == 'q');
    }
}

BOOST_AUTO_TEST_CASE(reals_keep_their_type) {
    BOOST_TEST(written(1.5) == "fb3ff8000000000000");
    BOOST_TEST(written(real_4(100000.0)) == "fa47c35000");
    BOOST_TEST(again(real_4(0.1F)).tag == 'f');
    BOOST_TEST(again(0.1).tag == 'd');
    BOOST_TEST(std::signbit(static_cast<real_8>(again(-0.0))));
    BOOST_TEST(text_of(again(std::numeric_limits<real_8>::quiet_NaN())) == "nan");
}

BOOST_AUTO_TEST_CASE(complex_numbers_have_the_registered_tags) {
    BOOST_TEST(written(complex_8(1, -2)) == "d9a7f882fa3f800000fac0000000");
    BOOST_TEST(written(complex_16(1, -2)) == "d9a7f882fb3ff0000000000000fbc000000000000000");
    BOOST_TEST(written(Array<complex_8>{complex_8(1, -2)}) == "d9a7f9d855480000803f000000c0");
    BOOST_TEST(again(complex_8(1, 2)).tag == 'F');
    BOOST_TEST(again(complex_16(1, 2)).tag == 'D');
}

BOOST_AUTO_TEST_CASE(text_is_a_text_string_if_it_is_utf8) {
    BOOST_TEST(written("IETF") == "6449455446");
    BOOST_TEST(written("\xc3\xbc") == "62c3bc");
    BOOST_TEST(written("\xff") == "41ff");
    BOOST_TEST(written("") == "60");
    BOOST_TEST((again("\xff\0x") == Val("\xff\0x")));
}

BOOST_AUTO_TEST_CASE(containers_say_what_they_are) {
    BOOST_TEST(written(None) == "f6");
    BOOST_TEST(written(true) == "f5");
    BOOST_TEST(written(Arr{1, Val(Arr{2, 3})}) == "8201820203");
    BOOST_TEST(written(Tab{{"a", 1}, {2, None}}) == "a261610102f6");
    BOOST_TEST(written(OTab{{"z", 1}}) == "da7670006fa1617a01");
    BOOST_TEST(written(Tup(1, 2)) == "da76700075820102");
    BOOST_TEST(written(Tab()) == "a0");
    BOOST_TEST(written(Arr()) == "80");
}

BOOST_AUTO_TEST_CASE(arrays_of_numbers_are_typed_arrays_as_they_lie) {
    BOOST_TEST(written(Array<int_u1>{1, 255}) == "d8404201ff");
    BOOST_TEST(written(Array<int_1>{-1}) == "d84841ff");
    BOOST_TEST(written(Array<int_2>{1}) == "d84d420100");
    BOOST_TEST(written(Array<int_u4>{1}) == "d8464401000000");
    BOOST_TEST(written(Array<int_u8>{1}) == "d847480100000000000000");
    BOOST_TEST(written(Array<real_4>{1}) == "d855440000803f");
    BOOST_TEST(written(Array<real_8>{1}) == "d85648000000000000f03f");
    BOOST_TEST(written(Array<real_8>()) == "d85640");
}

BOOST_AUTO_TEST_CASE(arrays_of_bool_and_of_text_are_homogeneous_lists) {
    BOOST_TEST(written(Array<bool>{true, false}) == "d82982f5f4");
    BOOST_TEST(written(Array<std::string>{"a", "b"}) == "d8298261616162");
    for (const Val& v : {Val(Array<bool>()), Val(Array<bool>{true}), Val(Array<std::string>()),
                         Val(Array<std::string>{"x", "\xff"})})
        BOOST_TEST(are_alike(v, again(v)), text_of(v));
}

BOOST_AUTO_TEST_CASE(a_value_of_every_type_comes_back_equal_and_alike) {
    valpool_test::random_values random;
    for (int i = 0; i < steps(); ++i) {
        const Val v = random.value();
        const std::string bytes = to_cbor(v);
        const Val read = from_cbor(bytes);
        BOOST_REQUIRE_MESSAGE(text_of(read) == text_of(v), text_of(v));
        BOOST_REQUIRE_MESSAGE(are_alike(v, read), text_of(v));
        BOOST_REQUIRE(to_cbor(read) == bytes);
    }
}

BOOST_AUTO_TEST_CASE(a_value_in_a_pool_is_written_as_any_other) {
    pool_memory memory(8 << 20);
    valpool_test::random_values random;
    for (int i = 0; i < 300; ++i) {
        const Val v = random.value();
        if (v.tag != 't') continue;
        const Val shared = Shared(memory.get(), static_cast<Tab&>(v));
        BOOST_REQUIRE(to_cbor(shared) == to_cbor(v));
    }
    BOOST_TEST(memory.get()->isPristine());
}

BOOST_AUTO_TEST_CASE(what_is_shared_is_written_at_each_place) {
    Val shared = new Tab{{"a", 1}};
    BOOST_TEST((again(Arr{shared, shared}) == Val(Arr{Val(Tab{{"a", 1}}), Val(Tab{{"a", 1}})})));
}

BOOST_AUTO_TEST_CASE(a_value_that_contains_itself_is_refused_and_nothing_is_written) {
    Val circle = new Tab();
    circle["self"] = circle;
    std::string bytes = "before";
    BOOST_CHECK_THROW(to_cbor(circle, bytes), std::logic_error);
    BOOST_TEST(bytes == "before");
    circle["self"] = None;
    to_cbor(circle, bytes);
    BOOST_TEST(hex_of(bytes) == "6265666f7265a16473656c66f6");
}

BOOST_AUTO_TEST_CASE(deep_nesting_needs_no_stack) {
    for (const std::string& level : {std::string("\x81"), std::string("\xa1\x61k", 3)}) {
        std::string deep;
        for (int i = 0; i < 90000; ++i) deep += level;
        deep += '\x01';
        BOOST_TEST((to_cbor(from_cbor(deep)) == deep));
    }
}

BOOST_AUTO_TEST_CASE(items_in_a_row_are_read_one_by_one) {
    std::string bytes;
    to_cbor(Tab{{"a", Array<real_8>{1, 2}}}, bytes);
    to_cbor("second", bytes);
    Val v;
    const std::size_t first = read_cbor(bytes, v);
    BOOST_TEST(text_of(v) == "{'a': array([1.0,2.0], 'd')}");
    const std::size_t second = read_cbor(std::string_view(bytes).substr(first), v);
    BOOST_TEST(text_of(v) == "'second'");
    BOOST_TEST(first + second == bytes.size());
    BOOST_TEST(read_cbor("", v) == 0u);
    BOOST_TEST(text_of(v) == "'second'");
}

BOOST_AUTO_TEST_CASE(an_item_that_is_not_complete_needs_more_bytes_at_each_cut) {
    valpool_test::random_values random;
    for (int i = 0; i < 200; ++i) {
        const std::string bytes = to_cbor(random.value(3));
        for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
            const std::string_view part = std::string_view(bytes).substr(0, cut);
            Val v = "unchanged";
            BOOST_REQUIRE(read_cbor(part, v) == 0u);
            BOOST_REQUIRE(v == "unchanged");
            BOOST_REQUIRE_THROW(from_cbor(part), std::logic_error);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
