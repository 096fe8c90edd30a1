#pragma once

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
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

/// A pool with few thread slots.
struct small_pool {
    small_pool()
        : memory(200000),
          pool(valpool::StreamingPool::CreateStreamingPool(memory.data(), memory.size())) {}
    ~small_pool() { valpool::StreamingPool::Clean(pool); }
    small_pool(const small_pool&) = delete;
    small_pool& operator=(const small_pool&) = delete;

    std::vector<char> memory;
    valpool::StreamingPool* pool;
};

/// Takes all thread slots of the pool that the queue lies in, but those that are in use.
class crowd {
public:
    explicit crowd(valpool::CQ& queue) {
        for (std::atomic<bool> is_full{false}; !is_full;) {
            std::atomic<bool> has_tried{false};
            threads_.emplace_back([&] {
                valpool::Val packet;
                try {
                    queue.try_dequeue(packet);
                } catch (const valpool::PoolExhausted&) {
                    // It has a slot, but there is no memory for what it takes.
                } catch (const std::runtime_error&) {
                    is_full = true;
                }
                has_tried = true;
                while (!goes_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            });
            while (!has_tried) std::this_thread::yield();
        }
    }
    ~crowd() {
        goes_ = true;
        for (std::thread& t : threads_) t.join();
    }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;

private:
    std::atomic<bool> goes_{false};
    std::vector<std::thread> threads_;
};

inline double seconds_of(const std::function<void()>& action) {
    const auto began = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace queue_test
