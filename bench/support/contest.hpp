#pragma once

/// A workload's contestants: each one is measured once in a run of the program, and the numbers are
/// printed as JSON, one line each. bench/run.sh runs the programs in rounds, so that contestants
/// alternate; bench/report.py takes the medians.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace valpool::bench {

struct options {
    double seconds = 0.4;  // that one measurement takes, about
    int round = 0;         // contestants start in another order each round
    bool is_quick = false;
    std::string only;  // contestants whose id or variant has this in it; empty: all
};

/// --seconds S, --round N, --quick, --no-pinning, --only TEXT. Exits for --help, and with 2 for
/// what makes no sense.
options parse_options(int argc, char** argv);

struct measurement {
    std::string metric;
    std::string unit;
    double value = 0;
};
using measurements = std::vector<measurement>;

enum class kind { valpool, peer, limit };

/// Who is measured. `id` is for the program that reads the numbers; `label` is for people and names
/// the version of what is measured.
struct contestant {
    bench::kind kind;
    std::string id;
    std::string label;
};

/// One line of output.
void print_measurement(std::string_view workload, std::string_view variant, const contestant& who,
                       const measurement& m);

class contest {
public:
    using body = std::function<measurements(const options&)>;

    explicit contest(std::string workload) : workload_(std::move(workload)) {}

    void add(const contestant& who, std::string variant, body measure);
    /// A contestant that this program was built without: told, not measured.
    void add_missing(const contestant& who, const std::string& reason);

    /// Measures them all; one that fails is told on both outputs and does not keep the others.
    /// Returns the program's exit code.
    int run(const options& o) const;

private:
    struct entry {
        contestant who;
        std::string variant;
        body measure;
    };
    void print_missing(const contestant& who, const std::string& variant,
                       const std::string& reason) const;
    bool measure(const entry& e, const options& o) const;

    std::string workload_;
    std::vector<entry> entries_;
    std::vector<std::pair<contestant, std::string>> missing_;
};

// Of numbers in any order; there must be some.
double median(std::vector<double> values);
double percentile(std::vector<double> values, double percent);

}  // namespace valpool::bench
