#include "words.hpp"
#include "nearest.hpp"
#include "terminal.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

/// Words for people: names that are shown, and what was probably meant.

using namespace tool;

BOOST_AUTO_TEST_SUITE(tool_words)

BOOST_AUTO_TEST_CASE(a_shown_name_is_readable_and_leads_back) {
    BOOST_TEST(shown("a b") == "a b");
    BOOST_TEST(shown("\xc3\xa4") == "\xc3\xa4");
    BOOST_TEST(shown("\x1b[2J") == "\\x1b[2J");
    BOOST_TEST(shown("\\x1b") == "\\\\x1b");
    std::mt19937 random(24);
    const std::string letters = "ax\\1b\x1b\xff\xc3\xa4\n";
    for (int i = 0; i < 5000; ++i) {
        std::string name;
        for (unsigned n = random() % 8; n != 0; --n) name += letters[random() % letters.size()];
        BOOST_REQUIRE_MESSAGE(unshown(shown(name)) == name, "seed 24, round " << i);
    }
    BOOST_TEST(unshown("\\") == "\\");
    BOOST_TEST(unshown("\\x4") == "\\x4");
    BOOST_TEST(unshown("\\q") == "\\q");
}

BOOST_AUTO_TEST_CASE(a_slip_of_the_fingers_is_understood) {
    const std::vector<std::string> names{"ls", "stat", "top", "why", "rec", "record", "dashboard"};
    BOOST_TEST(did_you_mean("sta", names, "") == "; did you mean 'stat'?");
    BOOST_TEST(did_you_mean("wyh", names, "") == "; did you mean 'why'?");
    BOOST_TEST(did_you_mean("dash", names, "") == "; did you mean 'dashboard'?");
    BOOST_TEST(did_you_mean("reccord", names, "") == "; did you mean 'record'?");
    BOOST_TEST(did_you_mean("mak", {"make", "rm"}, "pipe ") == "; did you mean 'pipe make'?");
    BOOST_TEST(did_you_mean("frobnicate", names, "") == "");
    BOOST_TEST(did_you_mean("x", names, "") == "");
    BOOST_TEST(did_you_mean(std::string(100000, 's'), names, "") == "");
}

BOOST_AUTO_TEST_CASE(sizes_have_units_in_any_case) {
    BOOST_TEST(size_of_text("1m") == 1000000U);
    BOOST_TEST(size_of_text("1MiB") == 1U << 20);
    BOOST_TEST(size_of_text("64kib") == 65536U);
    BOOST_TEST(size_of_text("2GB") == 2000000000U);
}

BOOST_AUTO_TEST_SUITE_END()
