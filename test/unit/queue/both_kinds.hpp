#pragma once

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <vector>

namespace queue_test {

/// The same queue on the heap and in a pool.
struct both_kinds {
    both_kinds()
        : memory(4 << 20),
          pool(valpool::StreamingPool::CreateStreamingPool(memory.data(), memory.size())) {}
    ~both_kinds() { valpool::StreamingPool::Clean(pool); }
    both_kinds(const both_kinds&) = delete;
    both_kinds& operator=(const both_kinds&) = delete;

    template <class Test>
    void each(int capacity, Test test) {
        {
            valpool::CQ queue(capacity);
            test(queue);
        }
        {
            valpool::CQ queue(capacity, pool, true);
            test(queue);
        }
        BOOST_TEST(pool->isPristine());
    }

    std::vector<char> memory;
    valpool::StreamingPool* pool;
};

inline double seconds_of(const std::function<void()>& action) {
    const auto began = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace queue_test
