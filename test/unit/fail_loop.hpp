#pragma once

#include "unit/value/pool_fixture.hpp"

#include <functional>
#include <string>
#include <vector>

/// Runs an operation in a pool that has room for 0, 1, 2, ... more pieces, until it succeeds. Each
/// time it must fail cleanly or succeed.

namespace fail_loop {

using namespace valpool;
using value_test::pool_memory;
using value_test::text_of;

inline const std::string long_text(300, 'x');
inline const std::string longer_text(2000, 'y');

/// Takes everything that is left in a pool, in pieces, and frees them one by one.
class filler {
public:
    filler(StreamingPool* pool, std::size_t piece_bytes) : pool_(pool) {
        try {
            for (;;) take(piece_bytes);
        } catch (const PoolExhausted&) {  // the rest fits other sizes only
        }
        while (const std::size_t rest = pool_->biggestFree()) take(rest);
    }
    filler(const filler&) = delete;
    filler& operator=(const filler&) = delete;
    ~filler() {
        while (give_back()) {
        }
    }

    bool give_back() {
        if (pieces_.empty()) return false;
        pool_->deallocate(pieces_.back());
        pieces_.pop_back();
        return true;
    }

private:
    void take(std::size_t bytes) { pieces_.push_back(pool_->allocate(bytes)); }

    StreamingPool* pool_;
    std::vector<char*> pieces_;
};

/// A shared value with content of every type.
inline Val make_value(StreamingPool* pool) {
    Val v = Shared(pool, Tab{{"table", Tab{{"in", long_text}}},
                             {"list", Arr{1, "two", long_text, Tab{{"k", 4}}, 5}},
                             {"ordered", OTab{{"z", 1}, {"a", long_text}}},
                             {"tuple", Tup(1, long_text)},
                             {"numbers", Array<real_8>{1, 2, 3}},
                             {"no numbers", Array<real_8>()},
                             {"text", long_text},
                             {"full", Tab()},
                             {"slack", Arr()}});
    v["ref"] = Shared(pool, Tab{{"k", long_text}});
    Tab& full = v["full"];
    for (int i = 0; i < 4 + 15 + 15; ++i) full[i] = i;  // its first chunks
    static_cast<Arr&>(v["slack"]).resize(1000);
    return v;
}

/// Uses up the box's own free memory, so that the next allocation asks the pool.
inline void use_up_box(Val& v) {
    Arr& slack = v["slack"];
    for (const std::size_t size : {500u, 200u, 64u, 32u, 21u}) {
        try {
            for (;;) slack.append(std::string(size, '.'));
        } catch (const PoolExhausted&) {
        }
    }
}

/// A pool that has room for so many pieces, and a value whose box has no free memory of its own.
class filler_until {
public:
    filler_until(StreamingPool* pool, std::size_t piece_bytes, std::size_t room, Val& v)
        : rest_(pool, piece_bytes) {
        use_up_box(v);
        for (std::size_t i = 0; i < room; ++i)
            BOOST_REQUIRE_MESSAGE(rest_.give_back(), "never enough");
    }

private:
    filler rest_;
};

using operation = std::function<void(Val& v, StreamingPool* pool)>;

/// True when the operation failed, and cleanly.
inline bool fails_cleanly(const operation& change, StreamingPool* pool, std::size_t piece_bytes,
                          std::size_t room) {
    Val v = make_value(pool);
    filler rest(pool, piece_bytes);
    use_up_box(v);
    for (std::size_t i = 0; i < room; ++i) BOOST_REQUIRE_MESSAGE(rest.give_back(), "never enough");
    const std::string before = text_of(v);
    try {
        change(v, pool);
        return false;
    } catch (const PoolExhausted&) {
        BOOST_REQUIRE_MESSAGE(text_of(v) == before, "changed, with room for "
                                                        << room << " pieces of " << piece_bytes
                                                        << " bytes");
        const pool_report report = check(pool);
        BOOST_TEST(report.is_sound(), report);
        return true;
    }
}

inline void run(const operation& change) {
    for (const std::size_t piece_bytes : {200u, 1000u, 4000u}) {
        const pool_memory memory(320 << 10);
        std::size_t room = 0;
        while (fails_cleanly(change, memory.get(), piece_bytes, room)) {
            BOOST_TEST(memory.get()->isPristine());
            ++room;
        }
        BOOST_TEST(room > 0u, "it never failed: this tests nothing");
        BOOST_TEST(memory.get()->isPristine());
        const pool_report report = check(memory.get());
        BOOST_TEST(report.is_sound(), report);
    }
}

}  // namespace fail_loop
