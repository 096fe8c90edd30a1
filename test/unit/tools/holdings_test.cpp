#include "holdings.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

/// For how long processes have held what they hold.

using namespace tool;
using valpool::process_status;

namespace {

/// One process, and a clock that is set by hand.
struct watched {
    void hold(double at_s, std::size_t bytes, double running_s = 0) {
        process_status p;
        p.pid = 88;
        p.held_bytes = bytes;
        p.running_s = running_s + at_s;
        its.take({p}, holdings::clock::time_point(
                          std::chrono::milliseconds(static_cast<long>(at_s * 1000))));
    }
    void be_absent(double at_s) {
        its.take({}, holdings::clock::time_point(
                         std::chrono::milliseconds(static_cast<long>(at_s * 1000))));
    }
    std::string text() const {
        const auto found = its.held_for();
        return found.empty() ? "" : text_of(found.at(88));
    }
    holdings its;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(held_values, watched)

BOOST_AUTO_TEST_CASE(one_look_tells_nothing) {
    hold(1, 1000);
    BOOST_TEST(text() == "");
}

BOOST_AUTO_TEST_CASE(what_was_there_at_the_first_look_may_have_been_there_before) {
    hold(1, 1000);
    hold(4, 1000);
    BOOST_TEST(text() == "3.0 s or longer");
}

BOOST_AUTO_TEST_CASE(what_came_later_has_a_beginning) {
    hold(1, 100);
    hold(2, 1000);
    hold(5, 1000);
    BOOST_TEST(text() == "3.0 s");
}

BOOST_AUTO_TEST_CASE(less_is_held_since_the_time_when_so_much_was_there) {
    hold(0, 100);
    hold(10, 1000);
    hold(20, 5000);
    hold(30, 1000);
    BOOST_TEST(text() == "20 s");
    hold(40, 0);
    BOOST_TEST(text() == "");
    hold(50, 1000);
    hold(51, 1000);
    BOOST_TEST(text() == "1.0 s");
}

BOOST_AUTO_TEST_CASE(a_little_more_or_less_is_the_same) {
    hold(0, 1000);
    for (int i = 1; i <= 100; ++i) hold(i, 1000 + static_cast<std::size_t>(i) % 7 * 10);
    BOOST_TEST(text() == "100 s or longer");
}

BOOST_AUTO_TEST_CASE(growing_slowly_is_no_holding_of_it_all) {
    for (int i = 0; i <= 100; ++i) hold(i, 1000 + static_cast<std::size_t>(i) * 100);
    // Nine tenths of 11000 were there at the 90th look; steps are of two percent.
    BOOST_TEST(its.held_for().at(88).seconds >= 8.0);
    BOOST_TEST(its.held_for().at(88).seconds <= 12.0);
    BOOST_TEST(!its.held_for().at(88).may_be_longer);
}

BOOST_AUTO_TEST_CASE(another_process_with_the_same_number_begins_anew) {
    hold(0, 1000, 100);
    hold(10, 1000, -10);
    BOOST_TEST(text() == "");
    hold(11, 1000, -10);
    BOOST_TEST(text() == "1.0 s or longer");
    be_absent(12);
    hold(13, 1000, -10);
    BOOST_TEST(text() == "");
}

BOOST_AUTO_TEST_SUITE_END()
