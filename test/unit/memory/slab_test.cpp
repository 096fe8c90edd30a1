#include "alloc/size_class.hpp"

#include <valpool/pool_check.hpp>
#include <valpool/streaming_pool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using namespace valpool;

namespace {

/// A pool in private memory of this process.
struct private_pool {
    explicit private_pool(std::size_t size_bytes, int align = 8)
        : memory(size_bytes),
          pool(StreamingPool::CreateStreamingPool(memory.data(), memory.size(), align)) {}
    ~private_pool() {
        if (pool && pool->isPristine()) StreamingPool::Clean(pool);
    }
    std::vector<char> memory;
    StreamingPool* pool;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(slab)

BOOST_AUTO_TEST_CASE(every_size_has_the_smallest_class_that_holds_it) {
    for (std::size_t size = 1; size <= detail::largest_class_size; ++size) {
        const unsigned c = detail::size_class_of(size);
        BOOST_REQUIRE_GE(detail::class_size(c), size);
        if (c > 0) BOOST_REQUIRE_LT(detail::class_size(c - 1), size);
    }
}

BOOST_AUTO_TEST_CASE(the_divider_finds_the_block_of_every_offset_of_a_page) {
    for (unsigned c = 0; c < detail::size_class_count; ++c)
        for (std::size_t offset = 0; offset < 65536; offset += detail::block_granule)
            BOOST_REQUIRE_EQUAL(detail::block_index_of.index(offset, c),
                                offset / detail::class_size(c));
}

BOOST_AUTO_TEST_CASE(a_new_pool_is_pristine_and_all_free) {
    private_pool p(1 << 20);
    BOOST_TEST(p.pool->isPristine());
    BOOST_TEST(!p.pool->isFull());
    BOOST_TEST(p.pool->usedBytes() == 0u);
    BOOST_TEST(p.pool->bytes() <= std::size_t{1} << 20);
    BOOST_TEST(p.pool->bytes() > std::size_t{800000});
}

BOOST_AUTO_TEST_CASE(the_biggest_free_size_can_be_allocated) {
    private_pool p(1 << 20);
    std::vector<char*> kept;
    while (!p.pool->isFull()) {
        const std::size_t biggest = p.pool->biggestFree();
        kept.push_back(p.pool->allocate(biggest));
        std::memset(kept.back(), 0x5a, biggest);
    }
    for (char* memory : kept) p.pool->deallocate(memory);
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_CASE(sizes_that_no_memory_has_are_refused) {
    std::vector<char> memory(1 << 20);
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, ~std::size_t{0}, ~std::size_t{0} / 2 + 1})
        BOOST_CHECK_THROW(StreamingPool::CreateStreamingPool(memory.data(), size),
                          std::runtime_error);
}

BOOST_AUTO_TEST_CASE(zero_bytes_give_valid_unique_addresses) {
    private_pool p(1 << 20);
    char* const a = p.pool->allocate(0);
    char* const b = p.pool->allocate(0);
    BOOST_TEST(static_cast<void*>(a) != static_cast<void*>(b));
    p.pool->deallocate(a);
    p.pool->scheduleForDeletion(b);
    p.pool->deallocate(nullptr);
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_CASE(alignment_is_honoured) {
    for (const int align : {1, 8, 16, 32, 64}) {
        private_pool p(1 << 20, align);
        std::vector<char*> kept;
        for (std::size_t size = 0; size < 5000; size += 97) {
            kept.push_back(p.pool->allocate(size));
            const auto wanted = static_cast<std::uintptr_t>(std::max(align, 16));
            BOOST_TEST(reinterpret_cast<std::uintptr_t>(kept.back()) % wanted == 0u);
        }
        for (char* memory : kept) p.pool->deallocate(memory);
    }
}

BOOST_AUTO_TEST_CASE(bad_arguments_of_a_pool_are_refused) {
    std::vector<char> memory(1 << 20);
    BOOST_CHECK_THROW(StreamingPool::CreateStreamingPool(nullptr, 1 << 20), std::logic_error);
    BOOST_CHECK_THROW(StreamingPool::CreateStreamingPool(memory.data(), 0), std::runtime_error);
    BOOST_CHECK_THROW(StreamingPool::CreateStreamingPool(memory.data(), 1000), std::runtime_error);
    for (const int align : {0, -8, 3, 128})
        BOOST_CHECK_THROW(StreamingPool::CreateStreamingPool(memory.data(), memory.size(), align),
                          std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_full_pool_throws_and_changes_nothing) {
    private_pool p(1 << 20);
    std::vector<char*> kept;
    BOOST_CHECK_THROW(for (;;) kept.push_back(p.pool->allocate(777)), PoolExhausted);
    const std::size_t used = p.pool->usedBytes();
    BOOST_CHECK_THROW(p.pool->allocate(777), PoolExhausted);
    BOOST_CHECK_THROW(p.pool->allocate(~std::size_t{0}), PoolExhausted);
    BOOST_CHECK_THROW(p.pool->allocate(~std::size_t{0} / 2), PoolExhausted);
    BOOST_TEST(p.pool->usedBytes() == used);
    for (char* memory : kept) p.pool->deallocate(memory);
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_CASE(what_one_size_gave_back_another_size_can_have) {
    private_pool p(1 << 20);
    for (const std::size_t size : {48u, 400u, 3000u, 30000u, 200000u, 48u}) {
        std::vector<char*> kept;
        try {
            for (;;) kept.push_back(p.pool->allocate(size));
        } catch (const PoolExhausted&) {
        }
        BOOST_TEST(kept.size() * size > p.pool->bytes() / 2);
        for (char* memory : kept) p.pool->deallocate(memory);
    }
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_CASE(giving_back_twice_or_something_else_is_refused) {
    private_pool p(1 << 20);
    char* const memory = p.pool->allocate(100);
    char* const large = p.pool->allocate(100000);
    BOOST_CHECK_THROW(p.pool->deallocate(memory + 1), std::logic_error);
    BOOST_CHECK_THROW(p.pool->deallocate(memory + 64), std::logic_error);
    BOOST_CHECK_THROW(p.pool->deallocate(large + 4096), std::logic_error);
    BOOST_CHECK_THROW(p.pool->deallocate(p.memory.data()), std::logic_error);
    char local = 0;
    BOOST_CHECK_THROW(p.pool->deallocate(&local), std::logic_error);
    p.pool->deallocate(memory);
    p.pool->deallocate(large);
    BOOST_CHECK_THROW(p.pool->deallocate(memory), std::logic_error);
    BOOST_CHECK_THROW(p.pool->deallocate(large), std::logic_error);
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_CASE(a_pool_in_use_is_not_cleaned) {
    private_pool p(1 << 20);
    char* const memory = p.pool->allocate(1);
    BOOST_CHECK_THROW(StreamingPool::Clean(p.pool), std::logic_error);
    p.pool->deallocate(memory);
    StreamingPool::Clean(p.pool);
    StreamingPool::Clean(nullptr);
    p.pool = nullptr;
}

BOOST_AUTO_TEST_CASE(random_allocations_never_overlap_and_all_come_back) {
    std::mt19937 random(std::random_device{}());
    const auto seed = random();
    random.seed(seed);
    BOOST_TEST_MESSAGE("seed " << seed);
    private_pool p(4 << 20);
    struct piece {
        char* memory;
        std::size_t size;
        char mark;
    };
    std::vector<piece> pieces;
    for (int step = 0; step < 40000; ++step) {
        if (pieces.size() < 300 && random() % 3 != 0) {
            const std::size_t size = random() % 8 == 0 ? random() % 60000 : random() % 700;
            try {
                pieces.push_back({p.pool->allocate(size), size, static_cast<char>(random())});
                std::memset(pieces.back().memory, pieces.back().mark, size);
            } catch (const PoolExhausted&) {
            }
        } else if (!pieces.empty()) {
            std::swap(pieces[random() % pieces.size()], pieces.back());
            const piece last = pieces.back();
            pieces.pop_back();
            BOOST_REQUIRE(std::all_of(last.memory, last.memory + last.size,
                                      [&](char c) { return c == last.mark; }));
            p.pool->deallocate(last.memory);
        }
    }
    for (const piece& left : pieces) p.pool->deallocate(left.memory);
    BOOST_TEST(p.pool->isPristine());
    BOOST_TEST(check(p.pool).is_sound());
}

BOOST_AUTO_TEST_CASE(threads_share_a_pool_and_free_each_others_memory) {
    private_pool p(8 << 20);
    constexpr std::size_t thread_count = 4;
    std::vector<std::vector<char*>> kept(thread_count);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < thread_count; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = 0; i < 3000; ++i) kept[t].push_back(p.pool->allocate(1 + i % 900));
        });
    for (auto& thread : threads) thread.join();
    std::set<char*> all;
    for (const auto& mine : kept) all.insert(mine.begin(), mine.end());
    BOOST_TEST(all.size() == thread_count * 3000u);
    threads.clear();
    for (std::size_t t = 0; t < thread_count; ++t)
        threads.emplace_back([&, t] {
            for (char* memory : kept[(t + 1) % thread_count]) p.pool->deallocate(memory);
        });
    for (auto& thread : threads) thread.join();
    BOOST_TEST(p.pool->isPristine());
    BOOST_TEST(check(p.pool).is_sound());
}

BOOST_AUTO_TEST_CASE(threads_that_race_for_runs_of_pages_all_get_theirs) {
    // Far less than the pool has, so a failure would be wrong.
    private_pool p(16 << 20);
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 3000; ++i) try {
                    p.pool->deallocate(p.pool->allocate(100000));
                } catch (const PoolExhausted&) {
                    ++failures;
                }
        });
    for (auto& t : threads) t.join();
    BOOST_TEST(failures == 0);
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_CASE(threads_that_want_runs_at_once_find_them_in_a_pool_that_has_enough) {
    private_pool p(64 << 20);
    std::atomic<int> refused{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            // All of them come from the one row of pages after those in use.
            std::array<char*, 16> kept{};
            for (int i = 0; i < 20000; ++i) {
                try {
                    for (char*& memory : kept) memory = p.pool->allocate(65536);
                } catch (const PoolExhausted&) {
                    ++refused;
                }
                for (char*& memory : kept) p.pool->deallocate(std::exchange(memory, nullptr));
            }
        });
    for (auto& thread : threads) thread.join();
    BOOST_TEST(refused == 0);
    BOOST_TEST(p.pool->isPristine());
    BOOST_TEST(check(p.pool).is_sound());
}

BOOST_AUTO_TEST_CASE(what_is_too_large_for_the_pool_takes_nothing_from_others_meanwhile) {
    private_pool p(4 << 20);
    char* const kept = p.pool->allocate(p.pool->bytes() / 2);
    std::atomic<bool> is_done{false};
    std::vector<std::thread> greedy;
    for (int t = 0; t < 3; ++t)
        greedy.emplace_back([&] {
            while (!is_done) {
                try {
                    p.pool->deallocate(p.pool->allocate(p.pool->bytes() / 2));
                } catch (const PoolExhausted&) {
                }
            }
        });
    int refused = 0;
    for (int i = 0; i < 100000; ++i) {
        try {
            p.pool->deallocate(p.pool->allocate(20000));
        } catch (const PoolExhausted&) {
            ++refused;
        }
    }
    is_done = true;
    for (auto& thread : greedy) thread.join();
    BOOST_TEST(refused == 0);
    p.pool->deallocate(kept);
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_CASE(runs_are_found_wherever_room_was_made) {
    private_pool p(4 << 20);
    std::vector<char*> all;
    try {
        for (;;) all.push_back(p.pool->allocate(20000));
    } catch (const PoolExhausted&) {
    }
    BOOST_REQUIRE_GT(all.size(), 100u);
    // Small holes first, then larger ones before and after them: neither may hide the other.
    for (const std::size_t hole : {90u, 30u, 60u, 31u, 5u, 6u, 7u, 29u, 91u})
        p.pool->deallocate(std::exchange(all[hole], nullptr));
    const auto fits = [&](std::size_t size_bytes) {
        try {
            all.push_back(p.pool->allocate(size_bytes));
            return true;
        } catch (const PoolExhausted&) {
            return false;
        }
    };
    BOOST_TEST(fits(60000));
    BOOST_TEST(fits(60000));
    BOOST_TEST(fits(40000));
    BOOST_TEST(fits(20000));
    for (char* memory : all) p.pool->deallocate(memory);
    BOOST_TEST(p.pool->isPristine());
}

BOOST_AUTO_TEST_SUITE_END()
