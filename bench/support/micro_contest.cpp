#include "support/micro_contest.hpp"

#include "support/process.hpp"

#include <algorithm>
#include <cctype>
#include <iostream>
#include <vector>

namespace valpool::bench {

class micro_contest::reporter final : public benchmark::BenchmarkReporter {
public:
    explicit reporter(const micro_contest& contest) : contest_(contest) {}

    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            const row& r = contest_.rows_.at(run.run_name.function_name);
            const auto rate = run.counters.find("items_per_second");
            if (run.error_occurred || rate == run.counters.end()) {
                std::cerr << r.who.label << ", " << r.variant << " failed\n";
                is_well_ = false;
                continue;
            }
            print_measurement(contest_.workload_, r.variant, r.who,
                              {"time", contest_.unit_, 1e9 / rate->second.value});
        }
    }
    bool is_well() const noexcept { return is_well_; }

private:
    const micro_contest& contest_;
    bool is_well_ = true;
};

benchmark::internal::Benchmark& micro_contest::enter(const contestant& who,
                                                     const std::string& variant,
                                                     std::int64_t iterations, body measure) {
    const std::string name = variant + ": " + who.id;
    rows_.emplace(name, row{who, variant});
    return *benchmark::RegisterBenchmark(name.c_str(), std::move(measure))->Iterations(iterations);
}

void micro_contest::add(const contestant& who, const std::string& variant, std::int64_t iterations,
                        body measure) {
    enter(who, variant, iterations, std::move(measure)).UseRealTime();
}

void micro_contest::add_timing_itself(const contestant& who, const std::string& variant,
                                      std::int64_t iterations, body measure) {
    enter(who, variant, iterations, std::move(measure)).UseManualTime();
}

namespace {
/// As a regular expression; an empty text matches everything.
std::string literally(const std::string& text) {
    std::string pattern;
    for (const char c : text)
        pattern += std::isalnum(static_cast<unsigned char>(c)) || c == ' '
                       ? std::string(1, c)
                       : std::string{'[', c, ']'};
    return pattern.empty() ? "." : pattern;
}
}  // namespace

int micro_contest::run(const options& o) {
    const auto is_wanted = [&o](const auto& entry) {
        return entry.first.find(o.only) != std::string::npos;
    };
    if (std::none_of(rows_.begin(), rows_.end(), is_wanted)) return 0;
    pin_this_process(0);
    char name[] = "benchmark";
    char* words[] = {name, nullptr};
    int count = 1;
    benchmark::Initialize(&count, words);
    reporter to_output(*this);
    benchmark::RunSpecifiedBenchmarks(&to_output, literally(o.only));
    return to_output.is_well() ? 0 : 1;
}

}  // namespace valpool::bench
