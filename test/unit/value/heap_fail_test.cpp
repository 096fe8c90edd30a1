#include "unit/failing_heap.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <new>
#include <string>
#include <utility>
#include <vector>

/// Values on the heap, with memory that fails at the first, the second, ... allocation, until the
/// operation succeeds. Each failure changes nothing and leaks nothing.

using namespace valpool;
using failing_heap::allocations_left;
using failing_heap::blocks;
using failing_heap::never;
using failing_heap::run;

namespace {

const std::string long_text(100, 'x');

std::string key_of(int i) { return (i % 2 == 0 ? "" : long_text) + std::to_string(i); }

/// Keys whose hash and comparison take more than a look at one word.
Val rich_key(int i) {
    if (i % 3 == 0) return int_n(std::string(60, '9')) + int_n(i);
    if (i % 3 == 1) return Array<std::string>{long_text, std::to_string(i)};
    return Tup(long_text, int_n(std::string(50, '8')), i);
}

/// A table of so many entries, some of which own memory; without every `every`th.
Tab table_of(int count, int every) {
    Tab t;
    for (int i = 0; i < count; ++i) {
        Val& value = t[key_of(i)];
        if (i % 3 == 0) value = long_text;
        if (i % 3 == 1) value = Tab{{"a", Arr{1, long_text}}};
    }
    for (int i = every; i < count; i += every) t.remove(key_of(i));
    return t;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_fail_loop)

BOOST_AUTO_TEST_CASE(copying_a_table_of_any_size) {
    for (const int count : {1, 3, 4, 5, 8, 9, 12, 13, 40})
        for (const int every : {2, 5, 100}) {
            const Tab t = table_of(count, every);
            const long before = blocks;
            const int failures = run(
                [&t] {
                    const Tab copy = t;
                    allocations_left = never;
                    BOOST_TEST((copy == t));
                },
                [before] { BOOST_REQUIRE(blocks == before); });
            BOOST_TEST(failures > 0);
            BOOST_TEST(blocks == before);
        }
}

BOOST_AUTO_TEST_CASE(filling_a_table) {
    for (const int count : {1, 4, 5, 9, 13, 40}) {
        const long before = blocks;
        {
            Tab t;
            for (int i = 0; i < count; ++i) {
                const std::size_t entries = t.entries();
                run([&] { t.insertKeyAndValue(key_of(i), long_text); },
                    [&] { BOOST_REQUIRE(t.entries() == entries && !t.contains(key_of(i))); });
                BOOST_REQUIRE(t.entries() == entries + 1 && t(key_of(i)) == long_text);
            }
        }
        BOOST_TEST(blocks == before);
    }
}

BOOST_AUTO_TEST_CASE(filling_a_table_with_keys_of_other_types) {
    for (const int count : {4, 5, 8, 9, 12, 13, 40}) {
        const long before = blocks;
        {
            Tab t;
            for (int i = 0; i < count; ++i) {
                const Val key = rich_key(i);
                run([&] { i % 2 == 0 ? t.insertKeyAndValue(key, i) : void(t[key] = i); },
                    [&] {
                        BOOST_REQUIRE(t.entries() == static_cast<std::size_t>(i));
                        BOOST_REQUIRE(!t.contains(key));
                        std::size_t walked = 0;
                        for (const auto& [walked_key, value] : t) walked += walked_key != key;
                        BOOST_REQUIRE(walked == t.entries());
                    });
                BOOST_REQUIRE(t(key) == i);
            }
        }
        BOOST_TEST(blocks == before);
    }
}

BOOST_AUTO_TEST_CASE(a_table_of_which_much_is_removed_without_any_memory_keeps_the_rest) {
    constexpr int count = 200;
    Tab t;
    std::vector<Val> keys;
    for (int i = 0; i < count; ++i) {
        keys.push_back(i % 2 == 0 ? rich_key(i) : Val(key_of(i)));
        t[keys.back()] = i;
    }
    const auto is_kept = [](int i) { return i % 9 == 0; };
    for (int i = 0; i < count; ++i) {
        if (is_kept(i)) continue;
        // Without any memory, remove may be unable to find the key. But it never removes half an
        // entry.
        int failures = 0;
        for (int memory = 0; t.contains(keys[static_cast<std::size_t>(i)]); ++memory) {
            try {
                allocations_left = memory;
                t.remove(keys[static_cast<std::size_t>(i)]);
            } catch (const std::bad_alloc&) {
                ++failures;
            }
            allocations_left = never;
        }
        BOOST_REQUIRE(failures < 100);
    }
    std::size_t kept = 0;
    for (int i = 0; i < count; ++i) {
        if (!is_kept(i)) continue;
        ++kept;
        BOOST_TEST(t(keys[static_cast<std::size_t>(i)]) == i);
    }
    BOOST_TEST(t.entries() == kept);
}

BOOST_AUTO_TEST_CASE(moving_values_into_a_list) {
    const long before = blocks;
    {
        Arr list;
        for (int i = 0; i < 40; ++i) {
            Val data = Arr{long_text, i};
            const std::size_t length = list.length();
            run([&] { i % 2 == 0 ? list.append(std::move(data)) : list.prepend(std::move(data)); },
                [&] { BOOST_REQUIRE(list.length() == length && data[1] == i); });
            BOOST_REQUIRE(list.length() == length + 1 && data.isNone());
        }
    }
    BOOST_TEST(blocks == before);
}

BOOST_AUTO_TEST_CASE(what_is_reserved_takes_keys_of_any_type_without_allocating) {
    for (const int count : {1, 4, 5, 8, 9, 12, 13, 40}) {
        Tab t;
        t.reserve(static_cast<std::size_t>(count));
        const int failures = run(
            [&] {
                for (int i = 0; i < count; ++i)
                    i % 2 == 0 ? t[std::to_string(i) + "k"] = i : t[i] = i;
            },
            [] {});
        BOOST_TEST(failures == 0);
        BOOST_TEST(t.entries() == static_cast<std::size_t>(count));
    }
}

BOOST_AUTO_TEST_SUITE_END()
