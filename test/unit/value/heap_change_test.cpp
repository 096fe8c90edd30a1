#include "unit/failing_heap.hpp"
#include "unit/value/changes.hpp"

#include <boost/test/unit_test.hpp>

#include <new>
#include <string>

/// Every change of a value on the heap, with memory that fails at the n-th allocation, for every n:
/// a change that fails changes nothing, and no memory leaks.

using namespace value_test;
using failing_heap::blocks;
using failing_heap::run;

namespace {

/// False when the change failed; then nothing has changed.
bool apply_with(const change& c, bool is_own, int allocations) {
    Val v = with_parts();
    Val part = c.part(v);
    const std::string v_before = Stringize(v);
    const std::string part_before = Stringize(part);
    failing_heap::allocations_left = allocations;
    try {
        c.apply(v, is_own ? c.part(v) : part);
        failing_heap::allocations_left = failing_heap::never;
        return true;
    } catch (const std::bad_alloc&) {
        failing_heap::allocations_left = failing_heap::never;
        BOOST_REQUIRE_MESSAGE(Stringize(v) == v_before,
                              c.name << ": " << v << "\ninstead of " << v_before);
        BOOST_REQUIRE_MESSAGE(Stringize(part) == part_before, c.name);
        return false;
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_changes)

BOOST_AUTO_TEST_CASE(what_fails_changes_nothing) {
    for (const bool is_own : {true, false})
        for (const change& c : changes()) {
            apply_with(c, is_own, failing_heap::never);  // the library's one-time allocations
            const long before = blocks;
            int failures = 0;
            while (!apply_with(c, is_own, failures)) ++failures;
            BOOST_REQUIRE_MESSAGE(blocks == before, c.name << " loses " << blocks - before);
        }
}

BOOST_AUTO_TEST_CASE(what_is_to_be_adopted_is_not_lost) {
    const long before = blocks;
    BOOST_CHECK_THROW(Proxy(new Tab{{"a", 1}}, true, false, true), std::logic_error);
    run([] { const Val v(new Tab{{"a", changes_text}}); }, [] {});
    run([] { const Proxy p(new Tab{{"a", changes_text}}, true, true); }, [] {});
    BOOST_TEST(blocks == before);
}

/// A std::vector would have to copy its elements: see docs/design/moving.md.
BOOST_AUTO_TEST_CASE(a_list_that_grows_moves_its_elements) {
    constexpr int elements = 100;
    Arr big;
    for (int i = 0; i < 50; ++i) big.append(changes_text);
    Arr a;
    int allocations = 0;
    for (int i = 0; i < elements; ++i) {
        Val element(big);
        allocations += run([&] { a.append(std::move(element)); }, [] {});
    }
    BOOST_TEST(a.length() == static_cast<std::size_t>(elements));
    BOOST_TEST((a(0) == Val(big)));
    // Only the array's own memory, now and then. A copy of one element takes 51 allocations.
    BOOST_TEST(allocations > 0);
    BOOST_TEST(allocations < 20);
}

BOOST_AUTO_TEST_SUITE_END()
