#include "pool_fixture.hpp"

#include <cstring>
#include <stdexcept>
#include <string>

using namespace valpool;
using value_test::text_of;

namespace {
/// Lengths around the border between text in the value and text elsewhere, and far from it.
const std::size_t lengths[] = {0, 1, 4, 19, 20, 21, 22, 100, 1000, 100000};

std::string letters(std::size_t count) {
    std::string s;
    for (std::size_t i = 0; i < count; ++i) s += static_cast<char>('a' + i % 26);
    return s;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(text_of_every_length_comes_out_as_it_went_in) {
    for (const std::size_t n : lengths) {
        const Val v = letters(n);
        BOOST_TEST(v.tag == 'a');
        BOOST_TEST(std::string(v) == letters(n));
        BOOST_TEST(v.length() == n);
    }
}

BOOST_AUTO_TEST_CASE(a_copy_is_independent) {
    for (const std::size_t n : lengths) {
        Val a = letters(n);
        const Val b = a;
        a = "changed";
        BOOST_TEST(std::string(b) == letters(n));
    }
}

BOOST_AUTO_TEST_CASE(a_move_takes_the_text) {
    for (const std::size_t n : lengths) {
        Val a = letters(n);
        const Val b = std::move(a);
        BOOST_TEST(std::string(b) == letters(n));
        BOOST_TEST(a.isNone());  // NOLINT(bugprone-use-after-move): that is what is tested
    }
}

BOOST_AUTO_TEST_CASE(zeros_in_the_text_are_kept) {
    for (const std::size_t n : lengths) {
        std::string s(1, '\0');
        s.append(letters(n)).push_back('\0');
        const Val v = s;
        BOOST_TEST(v.length() == n + 2);
        BOOST_CHECK(std::string(v) == s);
    }
}

BOOST_AUTO_TEST_CASE(text_comes_from_every_kind_of_string) {
    const char array[] = "array";
    const char* const pointer = "pointer";
    BOOST_TEST(std::string(Val(array)) == "array");
    BOOST_TEST(std::string(Val(pointer)) == "pointer");
    BOOST_TEST(std::string(Val(std::string_view("view"))) == "view");
    BOOST_TEST(std::string(Val(std::string("string"))) == "string");
}

BOOST_AUTO_TEST_CASE(assigning_a_value_to_itself_changes_nothing) {
    for (const std::size_t n : lengths) {
        Val v = letters(n);
        const Val& same = v;
        v = same;
        BOOST_TEST(std::string(v) == letters(n));
        v = std::move(const_cast<Val&>(same));
        BOOST_TEST(std::string(v) == letters(n));
    }
}

BOOST_AUTO_TEST_CASE(assigning_a_part_of_its_own_text_works) {
    for (const std::size_t n : lengths) {
        Val v = letters(n);
        v = v.text().substr(n / 2);
        BOOST_TEST(std::string(v) == letters(n).substr(n / 2));
    }
}

BOOST_AUTO_TEST_CASE(assigning_a_part_of_its_own_content_works) {
    Val v = Tab{{"in", Tab{{"deep", letters(100)}}}};
    v = v["in"]["deep"];
    BOOST_TEST(std::string(v) == letters(100));
    Val number = Tab{{"n", 7}};
    number = number["n"];
    BOOST_TEST(text_of(number) == "7");
    Val moved = Arr{Val(Arr{letters(50)})};
    moved = std::move(moved[0]);
    BOOST_TEST(text_of(moved) == "['" + letters(50) + "']");
}

BOOST_AUTO_TEST_CASE(overwriting_works_between_all_lengths) {
    for (const std::size_t from : lengths)
        for (const std::size_t to : lengths) {
            Val v = letters(from);
            v = letters(to);
            BOOST_CHECK(std::string(v) == letters(to));
        }
}

BOOST_AUTO_TEST_CASE(texts_compare_by_their_bytes) {
    BOOST_CHECK(Val("abc") == "abc");
    BOOST_CHECK(Val("abc") != "abd");
    BOOST_CHECK(Val("") < "a");
    BOOST_CHECK(Val("ab") < "abc");
    BOOST_CHECK(Val("abc") < "b");
    BOOST_CHECK(Val(std::string("a\0b", 3)) != Val(std::string("a\0c", 3)));
    BOOST_CHECK(Val(letters(20)) < Val(letters(21)));
    BOOST_CHECK(Val("\x7f") < Val("\x80"));
}

BOOST_AUTO_TEST_CASE(text_of_what_is_none_says_its_type) {
    BOOST_CHECK_EXCEPTION(Val(5).text(), std::logic_error, [](const std::exception& e) {
        return std::string(e.what()).find("int_4") != std::string::npos;
    });
    BOOST_CHECK_THROW(Val(Tab()).text(), std::logic_error);
    BOOST_CHECK_THROW(Val().text(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(text_has_no_elements) {
    Val v = "abc";
    BOOST_CHECK_THROW(v[0], std::logic_error);
    BOOST_CHECK_THROW(v.append("d"), std::logic_error);
    BOOST_CHECK_THROW(v.remove(0), std::logic_error);
}

BOOST_AUTO_TEST_CASE(keys_of_every_length_are_found) {
    Tab t;
    for (const std::size_t n : lengths) t[letters(n)] = n;
    for (const std::size_t n : lengths) {
        BOOST_TEST(t.contains(letters(n)));
        BOOST_TEST(static_cast<std::size_t>(t(letters(n))) == n);
        BOOST_TEST(!t.contains(letters(n) + "?"));
    }
}

BOOST_FIXTURE_TEST_CASE(pooled_text_of_every_length_comes_out_as_it_went_in,
                        value_test::pool_fixture) {
    Val v = shared();
    for (const std::size_t n : lengths) v["text"] = letters(n);
    for (const std::size_t n : lengths) {
        v["text"] = letters(n);
        BOOST_CHECK(std::string(v["text"]) == letters(n));
        v["text"] = v["text"].text().substr(n / 3);
        BOOST_CHECK(std::string(v["text"]) == letters(n).substr(n / 3));
    }
}

BOOST_AUTO_TEST_CASE(text_in_an_array_may_be_longer_than_the_array) {
    struct {
        char name[16];
        char city[300];
    } fields;
    const auto& name = fields.name;
    for (const std::size_t length : {22u, 255u, 300u}) {
        std::memset(&fields, 'n', sizeof fields);
        fields.city[length - sizeof name] = 0;  // the text in `name` is not terminated
        const std::string all(length, 'n');
        Val v = name;
        BOOST_TEST(v.text() == all);
        v = 1;
        v = name;
        BOOST_TEST(v.text() == all);
        Tab t;
        t[name] = 1;
        BOOST_TEST(t(name) == 1);
        BOOST_TEST(t(all) == 1);
        Val table = t;
        BOOST_TEST(table[name] == 1);
        BOOST_TEST(table(name) == 1);
    }
}

BOOST_AUTO_TEST_CASE(literals_of_every_short_length_are_found_as_text_of_that_length) {
    Tab t;
    t[""] = 0;
    t["a"] = 1;
    t["ab"] = 2;
    t["abc"] = 3;
    t["abcd"] = 4;
    t["abcde"] = 5;
    t["abcdefg"] = 7;
    t["abcdefgh"] = 8;
    t["abcdefghi"] = 9;
    t["abcdefghijk"] = 11;
    t["abcdefghijkl"] = 12;
    t["abcdefghijklm"] = 13;
    t["abcdefghijklmnopqrs"] = 19;
    t["abcdefghijklmnopqrst"] = 20;
    t["abcdefghijklmnopqrstu"] = 21;
    const std::string all = "abcdefghijklmnopqrstu";
    for (const unsigned length : {0u, 1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 11u, 12u, 13u, 19u, 20u, 21u})
        BOOST_TEST(t(all.substr(0, length)) == length);
    BOOST_TEST(t.entries() == 15u);
}

BOOST_AUTO_TEST_SUITE_END()
