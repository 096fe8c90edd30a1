#include "value/growth_guess.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>

using namespace valpool::detail;

/// What a thread expects of the size of its next container.

BOOST_AUTO_TEST_SUITE(growth_guesses)

namespace {

struct thread_with_a_guess {
    growth_guess<8> guess;

    /// A container that outgrows so many steps.
    void fill_one(std::size_t steps) {
        guess.begins();
        for (std::size_t step = 1; step <= steps; ++step) guess.outgrows(step);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_first_container_begins_with_one_step, thread_with_a_guess) {
    BOOST_TEST(guess.usual_steps() == 1u);
}

BOOST_FIXTURE_TEST_CASE(the_next_one_begins_with_what_the_last_one_came_to_need,
                        thread_with_a_guess) {
    fill_one(4);
    BOOST_TEST(guess.usual_steps() == 5u);
}

BOOST_FIXTURE_TEST_CASE(one_large_container_among_four_changes_nothing, thread_with_a_guess) {
    for (int i = 0; i < 100; ++i) {
        for (int small = 0; small < 3; ++small) fill_one(0);
        fill_one(7);
        fill_one(0);
        BOOST_TEST(guess.usual_steps() == 1u);
    }
}

BOOST_FIXTURE_TEST_CASE(small_containers_bring_it_down_again, thread_with_a_guess) {
    for (int i = 0; i < 10000; ++i) fill_one(7);
    BOOST_TEST(guess.usual_steps() == 8u);
    for (int i = 0; i < 400; ++i) fill_one(2);
    BOOST_TEST(guess.usual_steps() == 3u);
    for (int i = 0; i < 400; ++i) fill_one(0);
    BOOST_TEST(guess.usual_steps() == 1u);
}

BOOST_FIXTURE_TEST_CASE(containers_that_begin_before_the_first_is_filled_do_not_hide_it,
                        thread_with_a_guess) {
    for (int i = 0; i < 1000; ++i) fill_one(3);
    for (int i = 0; i < 300; ++i) guess.begins();
    BOOST_TEST(guess.usual_steps() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
