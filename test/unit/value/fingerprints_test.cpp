#include "value/table/fingerprints.hpp"

#include "value/hash.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>

using valpool::Val;
using namespace valpool::detail;

/// The bytes by which keys are found in a table of a few dozen entries.

BOOST_AUTO_TEST_SUITE(fingerprints)

namespace {

using bytes = std::array<unsigned char, 2 * fingerprint_group>;

std::uint32_t expected_matches(const bytes& all, std::uint32_t count, unsigned char wanted) {
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i != count; ++i)
        if (all[i] == wanted) found |= std::uint32_t{1} << i;
    return found;
}

/// Of few different values, next to each other and far apart, so that there are many matches.
bytes random_bytes(std::mt19937& random) {
    constexpr std::array<unsigned char, 8> values = {0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff};
    bytes all{};
    for (unsigned char& b : all) b = values[random() % values.size()];
    return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_match_has_its_bit_and_what_is_behind_the_count_has_none) {
    std::mt19937 random(1);
    for (int round = 0; round < 2000; ++round) {
        const bytes all = random_bytes(random);
        const unsigned char wanted = all[random() % all.size()];
        for (std::uint32_t count = 1; count <= all.size(); ++count)
            BOOST_REQUIRE_EQUAL(matches(all.data(), count, wanted),
                                expected_matches(all, count, wanted));
    }
}

BOOST_AUTO_TEST_CASE(a_processor_without_wide_registers_finds_the_same) {
    std::mt19937 random(2);
    for (int round = 0; round < 20000; ++round) {
        const bytes all = random_bytes(random);
        const unsigned char wanted = all[random() % all.size()];
        const std::uint32_t low = matches_of_eight(all.data(), wanted);
        const std::uint32_t high = matches_of_eight(all.data() + 8, wanted);
        BOOST_REQUIRE_EQUAL(low | high << 8, expected_matches(all, fingerprint_group, wanted));
        BOOST_REQUIRE_EQUAL(matches_of_group(all.data(), wanted), low | high << 8);
    }
}

BOOST_AUTO_TEST_CASE(what_is_found_behind_the_count_is_taken_away) {
    std::mt19937 random(3);
    for (int round = 0; round < 2000; ++round) {
        const bytes all = random_bytes(random);
        const unsigned char wanted = all[random() % all.size()];
        for (std::uint32_t count = 1; count <= all.size(); ++count)
            BOOST_REQUIRE_EQUAL(
                without_those_behind(matches_and_more(all.data(), count, wanted), count),
                expected_matches(all, count, wanted));
    }
}

BOOST_AUTO_TEST_CASE(a_key_has_one_fingerprint_however_it_is_given) {
    for (std::size_t length = 0; length <= 40; ++length) {
        const std::string text =
            std::string("0123456789abcdefghijklmnopqrstuvwxyz+-*/").substr(0, length);
        const Val key(text);
        const std::uint32_t hash = hash_of(key);
        const unsigned char expected = fingerprint_of(key, hash);
        BOOST_TEST(fingerprint_of(std::string_view(text), hash) == expected);
        if (length <= short_text::most)
            BOOST_TEST(fingerprint_of(short_text(text)) == expected);
        else
            BOOST_TEST(fingerprint_of(hash) == expected);
    }
    BOOST_TEST(fingerprint_of(Val(7), hash_of(Val(7))) ==
               fingerprint_of(Val(7.0), hash_of(Val(7.0))));
}

BOOST_AUTO_TEST_CASE(keys_that_differ_in_little_mostly_have_different_fingerprints) {
    for (const char* const pattern :
         {"#", "key_#", "integer_#", "a_longer_name_#", "#_begins", "a_#_b_#"}) {
        std::set<unsigned char> different;
        for (int i = 0; i != 32; ++i) {
            std::string text(pattern);
            for (std::size_t at = text.find('#'); at != text.npos; at = text.find('#'))
                text.replace(at, 1, std::to_string(i));
            different.insert(fingerprint_of(short_text(text)));
        }
        BOOST_TEST(different.size() > 20u);  // of 32 by chance 30 are
    }
}

BOOST_AUTO_TEST_SUITE_END()
