#include "alloc/slab.hpp"
#include "process/lane.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <sstream>
#include <vector>

using namespace valpool;

/// Tests check() itself: makes every kind of damage that check() claims to see.

namespace {

struct pool_with_values {
    pool_with_values()
        : memory(1 << 20), pool(StreamingPool::CreateStreamingPool(memory.data(), memory.size())) {
        value = Shared(pool, Tab{{"text", std::string(2000, 'x')}, {"a", 1}});
        other = Shared(pool, Tab());
        value["other"] = other;
    }
    detail::box& box() { return *detail::value_access::target(value); }
    bool is_sound() const { return check(pool).is_sound(); }

    std::vector<char> memory;
    StreamingPool* pool;
    Val value;
    Val other;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool_checking, pool_with_values)

BOOST_AUTO_TEST_CASE(a_sound_pool_is_reported_in_full) {
    char* const raw = pool->allocate(100);
    CQ queue(3, pool, true);
    queue.enq(value);
    const pool_report report = check(pool);
    BOOST_TEST(report.is_sound());
    BOOST_TEST(report.boxes == 3u);  // the two values and the queue
    BOOST_TEST(report.references == 5u);
    BOOST_TEST(report.packets == 1u);
    BOOST_TEST(report.raw_bytes >= 100u);
    BOOST_TEST(report.leaked_bytes == 0u);
    BOOST_TEST(report.living_processes.size() == 1u);
    BOOST_TEST(report.dead_processes.empty());
    std::ostringstream text;
    text << report;
    BOOST_TEST(text.str().find("PROBLEM") == std::string::npos);
    pool->deallocate(raw);
}

BOOST_AUTO_TEST_CASE(no_pool_is_refused) {
    const StreamingPool* none = nullptr;
    BOOST_CHECK_THROW(check(none), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_count_that_is_too_high_is_noticed) {
    ++box().refs;
    BOOST_TEST(!is_sound());
    --box().refs;
    BOOST_TEST(is_sound());
}

BOOST_AUTO_TEST_CASE(a_count_that_is_too_low_is_noticed) {
    auto& target = *detail::value_access::target(other);
    --target.refs;
    BOOST_TEST(!is_sound());
    ++target.refs;
}

BOOST_AUTO_TEST_CASE(memory_that_is_in_use_but_marked_free_is_noticed) {
    auto& a = detail::arena_of(*pool);
    const auto page = a.page_of(box().self);
    auto& word = a.page(page).words()[0];
    const auto before = word.load();
    word = ~std::uint64_t{0};
    BOOST_TEST(!is_sound());
    word = before;
    BOOST_TEST(is_sound());
}

BOOST_AUTO_TEST_CASE(memory_that_is_in_use_and_set_aside_is_noticed) {
    auto& a = detail::arena_of(*pool);
    char* const raw = pool->allocate(100);
    detail::lane_heap& heap = *detail::lane_of_thread(a).heap;
    const std::uint64_t raw_start = a.offset_of(raw) - a.raw_header_bytes();
    for (const std::uint64_t used : {box().self, raw_start}) {
        detail::block_group& freed = heap.freed[0];
        const auto page = a.page_of(used);
        const auto word_bytes = 64 * detail::class_size(a.page(page).kind - 1);
        const std::uint64_t in_page = used - a.page_start(page);
        freed.place = page * a.page_bytes() + in_page / word_bytes * word_bytes;
        freed.mask = std::uint64_t{1} << in_page % word_bytes / (word_bytes / 64);
        BOOST_TEST(!is_sound());
        freed.mask = 0;
        BOOST_TEST(is_sound());
    }
    pool->deallocate(raw);
}

BOOST_AUTO_TEST_CASE(memory_that_is_set_aside_twice_is_noticed) {
    auto& a = detail::arena_of(*pool);
    pool->deallocate(pool->allocate(100));
    detail::lane_heap& heap = *detail::lane_of_thread(a).heap;
    const detail::block_group& reserve = heap.reserves[detail::size_class_of(100 + 16)];
    BOOST_REQUIRE(reserve.mask != 0u);
    heap.freed[0].place = reserve.first_block();
    heap.freed[0].mask = reserve.mask & (~reserve.mask + 1);
    BOOST_TEST(!is_sound());
    heap.freed[0].mask = 0;
    BOOST_TEST(is_sound());
}

BOOST_AUTO_TEST_CASE(a_list_that_leads_astray_is_noticed_and_does_not_end_the_process) {
    const auto chunks = box().chunks.load();
    for (const std::uint64_t wrong : {std::uint64_t{1}, ~std::uint64_t{0}, box().self}) {
        box().chunks = wrong;
        BOOST_TEST(!is_sound());
    }
    box().chunks = chunks;
    const auto references = box().out_refs.load();
    for (const std::uint64_t wrong : {std::uint64_t{1}, ~std::uint64_t{0}, box().self}) {
        box().out_refs = wrong;
        BOOST_TEST(!is_sound());
    }
    box().out_refs = references;
    BOOST_TEST(is_sound());
}

BOOST_AUTO_TEST_CASE(memory_that_nobody_can_reach_is_counted_as_leaked) {
    const auto chunks = box().chunks.load();
    BOOST_REQUIRE(chunks != 0u);
    box().chunks = 0;
    BOOST_TEST(check(pool).leaked_bytes >= 2000u);
    box().chunks = chunks;
    BOOST_TEST(check(pool).leaked_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(wrong_bookkeeping_of_the_pool_itself_is_noticed) {
    auto& a = detail::arena_of(*pool);
    a.system_bytes += 64;
    BOOST_TEST(!is_sound());
    a.system_bytes -= 64;
}

BOOST_AUTO_TEST_SUITE_END()
