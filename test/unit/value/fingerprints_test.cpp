#include "value/table/fingerprints.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <random>

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

BOOST_AUTO_TEST_SUITE_END()
