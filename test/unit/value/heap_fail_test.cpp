#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

/// Values on the heap, with memory that fails at the first, the second, ... allocation, until there
/// is enough: each time nothing is changed, and nothing is lost.

namespace {

constexpr int never = -1;
thread_local int allocations_left = never;
thread_local long blocks = 0;  // allocated by this thread and not given back

void* allocate(std::size_t size_bytes) {
    if (allocations_left != never && allocations_left-- == 0) {
        allocations_left = never;
        throw std::bad_alloc();
    }
    void* const memory = std::malloc(size_bytes == 0 ? 1 : size_bytes);
    if (!memory) throw std::bad_alloc();
    ++blocks;
    return memory;
}
void give_back(void* memory) noexcept {
    if (memory) --blocks;
    std::free(memory);
}

}  // namespace

// For the whole program: elsewhere nothing fails.
void* operator new(std::size_t size_bytes) { return allocate(size_bytes); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }

using namespace valpool;

namespace {

const std::string long_text(100, 'x');

std::string key_of(int i) { return (i % 2 == 0 ? "" : long_text) + std::to_string(i); }

/// Of so many entries, some of which own something; without every `every`th.
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

/// How often it failed.
template <class Operation, class Check>
int run(const Operation& operation, const Check& check_after_failure) {
    for (int failures = 0;; ++failures) {
        allocations_left = failures;
        try {
            operation();
            allocations_left = never;
            return failures;
        } catch (const std::bad_alloc&) {
            check_after_failure();
        }
    }
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
