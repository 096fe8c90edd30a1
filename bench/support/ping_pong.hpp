#pragma once

/// Something goes to another process and comes back; each round trip is timed.

#include "support/contest.hpp"
#include "support/process.hpp"
#include "support/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace valpool::bench {

/// Where the two ends run.
struct placement {
    int near_cpu;
    int far_cpu;
};
constexpr placement two_processors{0, 1};
constexpr placement one_processor{0, 0};

/// In nanoseconds. The first fifth of the time is for warming up.
template <class NearEnd>
std::vector<double> timed_round_trips(NearEnd& end, double seconds) {
    constexpr std::size_t fewest = 5;
    std::vector<double> times;
    times.reserve(1 << 20);
    const std::int64_t began = now_ns();
    const std::int64_t warm = began + static_cast<std::int64_t>(seconds * 2e8);
    const std::int64_t until = began + static_cast<std::int64_t>(seconds * 1e9);
    std::int64_t sent = began;
    for (std::uint32_t n = 1; sent < until || times.size() < fewest; ++n) {
        sent = now_ns();
        end.round_trip(n);
        if (sent > warm) times.push_back(static_cast<double>(now_ns() - sent));
    }
    return times;
}

/// `Transport` is an object made before the processes are, with
///     near_end(const transport&)   `void round_trip(uint32 number)`: there and back, checked
///     far_end(const transport&)    `bool answer(uint32 number)`: gives the next one back; false
///                                  when it was the last: number 0
/// Round trips are numbered from 1 on.
struct round_trip_time {
    double median_ns = 0;
    double p99_ns = 0;
};
template <class Transport>
round_trip_time measure_round_trips(const Transport& transport, placement where, const options& o) {
    struct board {
        barrier ready;
        barrier done;
        round_trip_time time;
    };
    const shared<board> b;
    const auto near = [&] {
        typename Transport::near_end end(transport);
        b->ready.arrive_and_wait(2);
        const std::vector<double> times = timed_round_trips(end, o.seconds);
        end.round_trip(0);
        b->time = {percentile(times, 50), percentile(times, 99)};
        b->done.arrive_and_wait(2);
    };
    const auto far = [&] {
        typename Transport::far_end end(transport);
        b->ready.arrive_and_wait(2);
        for (std::uint32_t n = 1; end.answer(n); ++n) {
        }
        b->done.arrive_and_wait(2);
    };
    run_processes({{where.near_cpu, near}, {where.far_cpu, far}}, longest_measurement);
    return b->time;
}

}  // namespace valpool::bench
