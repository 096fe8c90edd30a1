#include "object/size_guess.hpp"

#include <boost/test/unit_test.hpp>

using valpool::detail::size_guess;

/// How large a thread expects its next box to become.

BOOST_AUTO_TEST_SUITE(size_guesses)

namespace {
struct thread_with_a_guess {
    size_guess guess;

    void learn(std::uint32_t size_bytes, int times) {
        for (int i = 0; i < times; ++i) guess.learn(size_bytes);
    }
};
}  // namespace

BOOST_FIXTURE_TEST_CASE(nothing_is_expected_before_three_boxes_have_been_alike,
                        thread_with_a_guess) {
    BOOST_TEST(guess.usual_bytes() == 0u);
    learn(9000, 2);
    BOOST_TEST(guess.usual_bytes() == 0u);
    learn(9000, 1);
    BOOST_TEST(guess.usual_bytes() == 9000u);
}

BOOST_FIXTURE_TEST_CASE(boxes_that_take_turns_are_not_expected, thread_with_a_guess) {
    for (int i = 0; i < 100; ++i) {
        learn(9000, 1);
        learn(3000, 1);
        BOOST_TEST(guess.usual_bytes() == 0u);
    }
}

BOOST_FIXTURE_TEST_CASE(one_that_is_very_different_ends_what_was_expected, thread_with_a_guess) {
    learn(9000, 10);
    learn(1000, 1);
    BOOST_TEST(guess.usual_bytes() == 0u);
}

BOOST_FIXTURE_TEST_CASE(the_largest_of_the_last_ones_counts_and_is_forgotten_slowly,
                        thread_with_a_guess) {
    learn(9000, 3);
    learn(10000, 1);
    BOOST_TEST(guess.usual_bytes() == 10000u);
    learn(9000, 1);
    BOOST_TEST(guess.usual_bytes() == 9375u);
    learn(9000, 2);
    BOOST_TEST(guess.usual_bytes() == 9000u);
}

BOOST_AUTO_TEST_SUITE_END()
