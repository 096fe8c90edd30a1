#include "alloc/slab.hpp"
#include "process/lane.hpp"

#include <valpool/pool_check.hpp>
#include <valpool/streaming_pool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace valpool;

namespace {

struct small_pool {
    explicit small_pool(std::size_t size_bytes = 1 << 20)
        : memory(size_bytes),
          pool(StreamingPool::CreateStreamingPool(memory.data(), memory.size())) {}
    ~small_pool() {
        if (pool->isPristine()) StreamingPool::Clean(pool);
    }
    std::vector<char*> fill(std::size_t size_bytes) {
        std::vector<char*> all;
        try {
            for (;;) all.push_back(pool->allocate(size_bytes));
        } catch (const PoolExhausted&) {
        }
        return all;
    }
    bool can_have(std::size_t size_bytes) {
        try {
            pool->deallocate(pool->allocate(size_bytes));
            return true;
        } catch (const PoolExhausted&) {
            return false;
        }
    }
    void expect_pristine() {
        BOOST_TEST(pool->isPristine());
        BOOST_TEST(check(pool).is_sound());
    }

    std::vector<char> memory;
    StreamingPool* pool;
};

template <class Body>
void on_another_thread(Body body) {
    std::thread(body).join();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(raw_memory)

BOOST_AUTO_TEST_CASE(a_mark_says_whose_lane_and_which_class_it_is) {
    using detail::raw_header;
    constexpr std::uint32_t most = raw_header::most_slots - 1;
    for (const std::uint32_t slot : {0u, 1u, most})
        for (const std::uint32_t lane : {0u, 1u, most}) {
            const std::uint64_t mine = raw_header::mark_of(slot, lane);
            for (unsigned c = 0; c <= detail::size_class_count; ++c) {
                const std::uint64_t mark = raw_header::with_class(mine, c);
                BOOST_TEST(raw_header::magic_in(mark) == detail::magic_raw);
                BOOST_TEST(raw_header::slot_in(mark) == slot);
                BOOST_TEST(raw_header::class_in(mark, mine) == c);
                for (const std::uint64_t other :
                     {raw_header::mark_of(slot ^ 1, lane), raw_header::mark_of(slot, lane ^ 1),
                      std::uint64_t{0}})
                    BOOST_TEST(raw_header::class_in(mark, other) > detail::size_class_count);
            }
            BOOST_TEST(raw_header::class_in(detail::magic_freed, mine) > detail::size_class_count);
        }
}

BOOST_AUTO_TEST_CASE(a_group_knows_the_blocks_of_its_word_and_no_others) {
    using detail::block_granule;
    constexpr std::uint64_t page_granules = 65536 / block_granule;
    for (unsigned c = 0; c < detail::size_class_count; ++c) {
        const std::uint64_t granules = detail::class_size(c) / block_granule;
        const std::uint64_t blocks = page_granules / granules;
        for (std::uint64_t w = 0; w * 64 < blocks; ++w) {
            detail::block_group group{};
            group.place = (page_granules + w * 64 * granules) * block_granule;  // in page 1
            for (std::uint64_t page : {0u, 1u, 2u})
                for (std::uint64_t i = 0; i < blocks; ++i) {
                    const bool is_there = page == 1 && i / 64 == w;
                    const std::uint64_t wanted = is_there ? std::uint64_t{1} << (i % 64) : 0;
                    BOOST_REQUIRE_EQUAL(detail::bit_in(group, page_granules,
                                                       page * page_granules + i * granules, c),
                                        wanted);
                }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_was_just_given_back_counts_as_free) {
    small_pool p;
    std::vector<char*> all = p.fill(100);
    BOOST_TEST(p.pool->isFull());
    // From the middle: not from a word that anything is allocated from.
    p.pool->deallocate(std::exchange(all[all.size() / 2], nullptr));
    BOOST_TEST(!p.pool->isFull());
    BOOST_TEST(p.pool->biggestFree() >= 100u);
    BOOST_TEST(p.can_have(p.pool->biggestFree()));
    for (char* memory : all) p.pool->deallocate(memory);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(what_a_thread_has_freed_it_allocates_from_again_first) {
    small_pool p;
    std::vector<char*> all;
    for (int i = 0; i < 1000; ++i) all.push_back(p.pool->allocate(100));
    char* const freed = std::exchange(all[500], nullptr);
    p.pool->deallocate(freed);
    // The lane's own reserve, 64 at most, is used first.
    for (int i = 0; i < 64; ++i) all.push_back(p.pool->allocate(100));
    BOOST_TEST(std::count(all.begin(), all.end(), freed) == 1);
    for (char* memory : all) p.pool->deallocate(memory);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(classes_that_share_a_place_for_freed_blocks_do_not_mix) {
    small_pool p(8 << 20);
    const std::size_t other = detail::class_size(detail::lane_heap::freed_groups) - 64;
    std::vector<char*> small;
    std::vector<char*> large;
    for (int i = 0; i < 400; ++i) {
        small.push_back(p.pool->allocate(40));
        large.push_back(p.pool->allocate(other));
    }
    const std::size_t used = p.pool->usedBytes();
    for (std::size_t i = 0; i < 200; ++i) {
        p.pool->deallocate(small[i]);
        p.pool->deallocate(large[i]);
        small[i] = p.pool->allocate(40);
        large[i] = p.pool->allocate(other);
        *small[i] = *large[i] = 1;
    }
    BOOST_TEST(p.pool->usedBytes() == used);
    BOOST_TEST(check(p.pool).is_sound());
    for (char* memory : small) p.pool->deallocate(memory);
    for (char* memory : large) p.pool->deallocate(memory);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(giving_back_twice_is_refused_whichever_thread_does_it) {
    small_pool p;
    char* const mine = p.pool->allocate(100);
    char* others = nullptr;
    on_another_thread([&] { others = p.pool->allocate(100); });
    p.pool->deallocate(others);
    BOOST_CHECK_THROW(p.pool->deallocate(others), std::logic_error);
    on_another_thread([&] {
        BOOST_CHECK_THROW(p.pool->deallocate(others), std::logic_error);
        p.pool->deallocate(mine);
        BOOST_CHECK_THROW(p.pool->deallocate(mine), std::logic_error);
    });
    BOOST_CHECK_THROW(p.pool->deallocate(mine), std::logic_error);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(of_two_threads_that_give_a_thirds_memory_back_one_is_refused) {
    small_pool p;
    constexpr int rounds = 100;
    std::vector<char*> shared(1000);
    std::atomic<int> round{0};
    std::atomic<int> done{0};
    std::atomic<std::size_t> refused{0};
    const auto give_back = [&] {
        for (int i = 1; i <= rounds; ++i) {
            while (round < i) std::this_thread::yield();
            for (char* memory : shared) try {
                    p.pool->deallocate(memory);
                } catch (const std::logic_error&) {
                    ++refused;
                }
            ++done;
        }
    };
    std::thread one(give_back);
    std::thread other(give_back);
    for (int i = 1; i <= rounds; ++i) {
        for (char*& memory : shared) memory = p.pool->allocate(100);
        round = i;
        while (done < 2 * i) std::this_thread::yield();
    }
    one.join();
    other.join();
    BOOST_TEST(refused == rounds * shared.size());
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(nobody_gets_memory_while_the_gate_is_closed) {
    small_pool p;
    auto& gate = detail::arena_of(*p.pool).entrance;
    std::atomic<int> phase{0};
    std::thread other([&] {
        char* const kept = p.pool->allocate(100);
        p.pool->deallocate(p.pool->allocate(100));  // from now on the lane has a reserve
        phase = 1;
        while (phase == 1) std::this_thread::yield();
        char* const more = p.pool->allocate(100);
        phase = 3;
        while (phase == 3) std::this_thread::yield();
        p.pool->deallocate(kept);
        phase = 5;
        p.pool->deallocate(more);
    });
    for (const int done : {1, 3}) {
        while (phase != done) std::this_thread::yield();
        gate.closed = 1;
        ++phase;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        BOOST_TEST(phase == done + 1);
        gate.closed = 0;
    }
    other.join();
    BOOST_TEST(phase == 5);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(pages_that_were_given_back_are_taken_before_those_behind_them) {
    small_pool p(4 << 20);
    std::vector<char*> all;
    for (int i = 0; i < 20; ++i) all.push_back(p.pool->allocate(20000));
    for (const std::size_t hole : {7u, 3u}) {
        p.pool->deallocate(all[hole]);
        char* const next = p.pool->allocate(20000);
        BOOST_TEST(static_cast<void*>(next) == static_cast<void*>(all[hole]));
    }
    for (char* memory : all) p.pool->deallocate(memory);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(who_wants_a_row_that_there_is_not_leaves_the_holes_to_others) {
    small_pool p(64 << 20);
    constexpr std::size_t hole_bytes = 100000;
    std::vector<char*> all = p.fill(hole_bytes);
    const auto each_hole = [&](auto visit) {
        for (std::size_t i = 0; i < all.size(); i += 2) visit(all[i]);
    };
    each_hole([&](char*& memory) { p.pool->deallocate(std::exchange(memory, nullptr)); });
    std::atomic<bool> is_done{false};
    std::atomic<int> found{0};
    std::vector<std::thread> greedy;
    for (int t = 0; t < 2; ++t)
        greedy.emplace_back([&] {
            while (!is_done)
                if (p.can_have(hole_bytes * (all.size() / 3))) ++found;
        });
    int refused = 0;
    for (int i = 0; i < 50; ++i) {
        each_hole([&](char*& memory) {
            try {
                memory = p.pool->allocate(hole_bytes);
            } catch (const PoolExhausted&) {
                ++refused;
            }
        });
        each_hole([&](char*& memory) {
            if (memory) p.pool->deallocate(std::exchange(memory, nullptr));
        });
    }
    is_done = true;
    for (auto& thread : greedy) thread.join();
    BOOST_TEST(refused == 0);
    BOOST_TEST(found == 0);
    for (char* memory : all)
        if (memory) p.pool->deallocate(memory);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(as_many_threads_as_there_are_rows_of_pages_all_get_theirs_always) {
    small_pool p(64 << 20);
    // A run that spans more than one word of the page map.
    constexpr std::size_t row_bytes = 10000000;
    std::vector<char*> all = p.fill(row_bytes);
    std::atomic<int> refused{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        p.pool->deallocate(all.back());
        all.pop_back();
    }
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 50000; ++i)
                if (!p.can_have(row_bytes)) ++refused;
        });
    for (auto& thread : threads) thread.join();
    BOOST_TEST(refused == 0);
    for (char* memory : all) p.pool->deallocate(memory);
    p.expect_pristine();
}

BOOST_AUTO_TEST_SUITE_END()
