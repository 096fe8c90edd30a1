#pragma once

/// A contest whose measurements are Google Benchmarks in this process.

#include "support/contest.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace valpool::bench {

class micro_contest {
public:
    /// Has to call SetItemsProcessed: the result is nanoseconds an item.
    using body = std::function<void(benchmark::State&)>;

    micro_contest(std::string workload, std::string unit)
        : workload_(std::move(workload)), unit_(std::move(unit)) {}

    /// Calls `measure` once, for so many iterations: what it prepares before them may take long.
    void add(const contestant& who, const std::string& variant, std::int64_t iterations,
             body measure);
    /// The same for one that prepares something for each iteration, and times the rest itself, with
    /// SetIterationTime.
    void add_timing_itself(const contestant& who, const std::string& variant,
                           std::int64_t iterations, body measure);

    /// Returns the program's exit code.
    int run(const options& o);

private:
    struct row {
        contestant who;
        std::string variant;
    };
    class reporter;

    benchmark::internal::Benchmark& enter(const contestant& who, const std::string& variant,
                                          std::int64_t iterations, body measure);

    std::string workload_;
    std::string unit_;
    std::map<std::string, row> rows_;  // by the benchmarks' names
};

}  // namespace valpool::bench
