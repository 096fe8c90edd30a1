/// W9: a process is killed that holds a hundred of many shared values. How long another one
/// repairs, and how long a third one, which works on meanwhile, is kept waiting.

#include "recovery/recovery.hpp"
#include "support/bystander.hpp"
#include "support/contest.hpp"
#include "support/process.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace valpool;
using namespace valpool::bench;

namespace {

struct board {
    barrier ready;
    std::atomic<bool> is_measuring{false};
    std::atomic<std::int64_t> longest_gap_ns{0};
    double median_ms = 0;
    double worst_ms = 0;
    double worst_gap_ms = 0;
};

double in_ms(std::int64_t ns) { return static_cast<double>(ns) * 1e-6; }
void pause_for(std::chrono::microseconds time) { std::this_thread::sleep_for(time); }

/// Passes packets to itself until it is killed; notes the longest time that it could not.
void work(const std::string& pool_name, board& b) {
    ServerSide side(pool_name, "worker", 4);
    side.start();
    b.ready.arrive_and_wait(2);
    std::int64_t last = now_ns();
    for (std::int64_t n = 0;; ++n) {
        side.pipe().enq(Shared(side.pool(), Tab{{"number", n}, {"name", "text"}}));
        const Val packet = side.pipe().deq();
        expect_packet(packet["number"], n);
        const std::int64_t now = now_ns();
        if (b.is_measuring && now - last > b.longest_gap_ns) b.longest_gap_ns = now - last;
        last = now;
    }
}

void hold_values(const std::string& pool_name, barrier& ready) {
    ClientSide side(pool_name, "worker");
    side.start();
    std::vector<Val> held;
    for (int i = 0; i < 100; ++i) held.push_back(Shared(side.pool(), Tab{{"i", i}}));
    ready.arrive_and_wait(2);
    for (;;) pause();
}

/// Kills one that holds values, and repairs; adds the times of the repairs that were this process's
/// own. Another one may have been faster.
void kill_and_repair(const std::string& pool_name, detail::attachment& own,
                     std::vector<double>& repairs_ms) {
    const shared<barrier> ready;
    bystander victim([&] { hold_values(pool_name, *ready); });
    ready->arrive_and_wait(2);
    victim.end();
    for (;;) {
        const std::int64_t began = now_ns();
        const auto result = detail::recover_if_needed(own);
        if (result == detail::recovery_result::done) repairs_ms.push_back(in_ms(now_ns() - began));
        if (result == detail::recovery_result::nothing_dead) return;
        pause_for(std::chrono::microseconds(100));
    }
}

/// What the dead have held is gone. The worker has one more value at most.
void expect_values(std::size_t count, const StreamingPool* pool) {
    const std::size_t now = valpool::check(pool).boxes;
    if (now != count && now != count + 1)
        throw std::runtime_error(std::to_string(now) + " shared values are left, not " +
                                 std::to_string(count));
}

measurements recovery(std::size_t values, const options& o) {
    const int deaths = o.is_quick ? 3 : 20;
    const shm_name pool_name("recovery");
    const shared<board> b;
    const auto measure = [&] {
        // Attaches on its own: forked before there is a pool.
        const bystander worker([&] { work(pool_name, *b); });
        SHMMain main(pool_name, values * 512 + 8 * mebibyte);
        main.start();
        b->ready.arrive_and_wait(2);
        std::vector<Val> held;
        for (std::size_t i = 0; i < values; ++i)
            held.push_back(
                Shared(main.pool(), Tab{{"number", i}, {"name", "a record"}, {"x", 0.5}}));
        auto own = detail::find_attachment(detail::arena_of(*main.pool()));
        std::vector<double> repairs_ms;
        for (int i = 0; i < deaths; ++i) {
            b->longest_gap_ns = 0;
            b->is_measuring = true;
            kill_and_repair(pool_name, *own.get(), repairs_ms);
            pause_for(std::chrono::milliseconds(1));
            b->is_measuring = false;
            b->worst_gap_ms = std::max(b->worst_gap_ms, in_ms(b->longest_gap_ns));
        }
        expect_values(values, main.pool());
        if (repairs_ms.empty()) throw std::runtime_error("somebody else repaired every time");
        b->median_ms = median(repairs_ms);
        b->worst_ms = *std::max_element(repairs_ms.begin(), repairs_ms.end());
    };
    run_processes({{role::anywhere, measure}}, longest_measurement);
    return {{"repair, median", "ms", b->median_ms},
            {"repair, longest", "ms", b->worst_ms},
            {"longest gap of a working process", "ms", b->worst_gap_ms}};
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    contest c("W9");
    for (const std::size_t values : {10'000u, 100'000u})
        c.add(valpool_contestant("valpool", "one of three processes is killed"),
              std::to_string(values) + " shared values",
              [=](const options& how) { return recovery(values, how); });
    return c.run(o);
}
