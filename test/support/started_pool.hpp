#pragma once

#include "support/child.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <vector>

#include <unistd.h>

namespace valpool::test {

/// A pool that this process has started and will remove.
struct started_pool {
    explicit started_pool(const char* test, std::size_t bytes = 1000000)
        : name(test), main(name, bytes) {
        main.start();
    }
    StreamingPool* pool() const { return main.pool(); }
    Val share(int i) const { return Shared(pool(), Tab{{"i", i}}); }
    void expect_sound() const {
        const pool_report report = check(pool());
        BOOST_TEST_CONTEXT(report) BOOST_TEST(report.is_sound());
    }
    /// Everything that dead processes held is free again, and check() finds no contradiction.
    void expect_pristine() const {
        // A wait is one of the operations that notice deaths.
        ServerSide side(name, "sweep", 1);
        side.start();
        Val nothing;
        BOOST_TEST(eventually([&] {
            side.pipe().dequeue(0.11, nothing);
            return pool()->isPristine();
        }));
        expect_sound();
    }
    /// Takes all memory for an instant, so that unreferenced memory is reused.
    void put_under_pressure() const {
        std::vector<Val> filling;
        try {
            for (;;) filling.push_back(Shared(pool(), Tab{{"i", -1}, {"text", "not yours"}}));
        } catch (const PoolExhausted&) {
        }
    }

    pool_name name;
    SHMMain main;
};

/// A barrier for processes that were forked from here.
class phases {
public:
    /// Never goes backwards: several processes may reach the same stage, some of them late.
    void reach(int phase) const {
        int now = *at_;
        while (now < phase && !at_->compare_exchange_weak(now, phase)) {
        }
    }
    void await(int phase) const {
        while (*at_ < phase) usleep(200);
    }
    bool has_reached(int phase) const { return *at_ >= phase; }
    /// Waits for a stage, but not for ever.
    bool is_reached(int phase) const {
        return eventually([&] { return has_reached(phase); });
    }

private:
    shared<std::atomic<int>> at_;
};

}  // namespace valpool::test
