#pragma once

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <vector>

namespace valpool::test {

/// The same queue on the heap and in a pool.
struct both_kinds {
    both_kinds()
        : memory(4 << 20), pool(StreamingPool::CreateStreamingPool(memory.data(), memory.size())) {}
    ~both_kinds() { StreamingPool::Clean(pool); }

    template <class Test>
    void each(int capacity, Test test) {
        {
            CQ queue(capacity);
            test(queue);
        }
        {
            CQ queue(capacity, pool, true);
            test(queue);
        }
        BOOST_TEST(pool->isPristine());
    }

    std::vector<char> memory;
    StreamingPool* pool;
};

}  // namespace valpool::test
