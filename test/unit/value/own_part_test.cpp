#include "unit/fail_loop.hpp"
#include "unit/value/changes.hpp"

#include <algorithm>

/// Arguments that are a part of the value that is changed. The result is the same as with a copy
/// made before, and nothing is lost. The same changes in pools of every fill level.

using namespace value_test;

namespace {

/// The result with a copy of the part. When the part was moved, it may leave None behind.
std::vector<std::string> right_results(const change& c) {
    std::vector<std::string> results;
    for (const bool is_gone : {false, true}) {
        Val v = with_parts();
        Val part = c.part(v);
        if (is_gone) c.part(v) = None;
        try {
            c.apply(v, part);
        } catch (const std::logic_error&) {
            continue;  // this change needs the part where it is
        }
        results.push_back(text_of(v));
    }
    return results;
}

void check(const change& c, const std::string& result) {
    const auto right = right_results(c);
    BOOST_TEST((std::find(right.begin(), right.end(), result) != right.end()),
               c.name << ": " << result << "\ninstead of " << right.front());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(own_part, pool_fixture)

BOOST_AUTO_TEST_CASE(a_part_of_the_destination_does_as_well_as_a_copy_on_the_heap) {
    for (const change& c : changes()) {
        Val v = with_parts();
        c.apply(v, c.part(v));
        check(c, text_of(v));
    }
}

BOOST_AUTO_TEST_CASE(a_part_of_the_destination_does_as_well_as_a_copy_in_a_pool) {
    for (const change& c : changes()) {
        Val v = shared(with_parts());
        c.apply(v, c.part(v));
        check(c, text_of(v));
    }
}

BOOST_AUTO_TEST_CASE(what_is_replaced_by_its_own_part_is_not_lost) {
    for (const change& c : changes()) {
        if (std::string(c.name).find('=') == std::string::npos) continue;
        Val v = shared(Tab{{"v", None}});
        std::size_t before = 0;
        for (int i = 0; i < 60; ++i) {
            v["v"] = with_parts();
            c.apply(v["v"], c.part(v["v"]));
            v["v"] = None;
            if (i == 30) before = pool->usedBytes();
        }
        BOOST_TEST(pool->usedBytes() == before, c.name);
    }
}

BOOST_AUTO_TEST_CASE(the_whole_put_into_its_part_is_a_copy) {
    Val v = with_parts();
    const std::string whole = text_of(v("tab"));
    as<Tab>(v("tab")("q")).insertKeyAndValue("whole", v("tab"));
    BOOST_TEST(text_of(v("tab")("q")("whole")) == whole);
    as<Arr>(v("arr")(0)).append(v("arr"));
    BOOST_TEST(v("arr")(0)(3)(1) == 5);
    const Tab tab = as<Tab>(v("tab"));
    Tab wanted = as<Tab>(v("tab")("q"));
    for (const auto& [key, value] : tab) wanted.insertKeyAndValue(key, value);
    as<Tab>(v("tab")("q")) += as<Tab>(v("tab"));
    BOOST_TEST((as<Tab>(v("tab")("q")) == wanted));
}

BOOST_AUTO_TEST_CASE(what_fails_changes_nothing) {
    for (const change& c : changes()) {
        const pool_memory room_for_all(320 << 10);
        for (std::size_t room = 0;; ++room) {
            Val v = Shared(room_for_all.get(), with_parts());
            v["slack"] = Arr();
            static_cast<Arr&>(v["slack"]).resize(300);
            const fail_loop::filler_until rest(room_for_all.get(), 200, room, v);
            const std::string before = text_of(v);
            try {
                c.apply(v, c.part(v));
                break;
            } catch (const PoolExhausted&) {
                BOOST_REQUIRE_MESSAGE(text_of(v) == before,
                                      c.name << ": " << text_of(v) << "\ninstead of " << before);
            }
        }
        BOOST_TEST(room_for_all.get()->isPristine());
    }
}

BOOST_AUTO_TEST_CASE(what_fails_with_an_argument_on_the_heap_leaves_that_as_it_was_too) {
    for (const change& c : changes()) {
        const pool_memory room_for_all(320 << 10);
        for (std::size_t room = 0;; ++room) {
            Val v = Shared(room_for_all.get(), with_parts());
            Val part = c.part(v);
            const std::string part_before = text_of(part);
            v["slack"] = Arr();
            static_cast<Arr&>(v["slack"]).resize(300);
            const fail_loop::filler_until rest(room_for_all.get(), 200, room, v);
            const std::string before = text_of(v);
            try {
                c.apply(v, part);
                break;
            } catch (const PoolExhausted&) {
                BOOST_REQUIRE_MESSAGE(text_of(v) == before,
                                      c.name << ": " << text_of(v) << "\ninstead of " << before);
                BOOST_REQUIRE_MESSAGE(text_of(part) == part_before, c.name);
            }
        }
        BOOST_TEST(room_for_all.get()->isPristine());
    }
}

BOOST_AUTO_TEST_SUITE_END()
