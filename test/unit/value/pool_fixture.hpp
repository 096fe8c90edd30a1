#pragma once

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

namespace value_test {

inline std::string text_of(const valpool::Val& v) { return valpool::Stringize(v); }

/// Memory with a pool in it.
class pool_memory {
public:
    explicit pool_memory(std::size_t size_bytes)
        : memory_(static_cast<char*>(::operator new(size_bytes, alignment))),
          pool_(valpool::StreamingPool::CreateStreamingPool(memory_.get(), size_bytes)) {}

    valpool::StreamingPool* get() const noexcept { return pool_; }

private:
    static constexpr std::align_val_t alignment{4096};
    struct release {
        void operator()(char* memory) const noexcept { ::operator delete(memory, alignment); }
    };

    std::unique_ptr<char, release> memory_;
    valpool::StreamingPool* pool_;
};

/// A pool that must be empty when the test is over.
struct pool_fixture {
    pool_memory memory{1 << 20};
    valpool::StreamingPool* const pool = memory.get();

    valpool::Val shared(const valpool::Tab& t = valpool::Tab()) const {
        return valpool::Shared(pool, t);
    }
    void teardown() const {
        BOOST_TEST(pool->isPristine());
        const valpool::pool_report report = valpool::check(pool);
        BOOST_TEST(report.is_sound(), report);
        valpool::StreamingPool::Clean(pool);
    }
};

}  // namespace value_test
