#include "support/contest.hpp"

#include "command_line.hpp"
#include "support/process.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>

namespace valpool::bench {
namespace {

constexpr char usage[] =
    "options: [--seconds S] [--round N] [--quick] [--no-pinning] [--only TEXT]\n"
    "  --seconds S   about how long one measurement takes (default 0.4)\n"
    "  --round N     contestants start in another order each round\n"
    "  --quick       small sizes; proves that it works, and measures little\n"
    "  --no-pinning  do not keep processes on processors of their own\n"
    "  --only TEXT   only contestants with TEXT in their id or variant\n";

const char* name_of(kind k) {
    switch (k) {
        case kind::valpool: return "valpool";
        case kind::peer: return "peer";
        case kind::limit: return "limit";
    }
    return "";
}

boost::json::object line_for(std::string_view workload, std::string_view variant,
                             const contestant& who) {
    return {{"workload", workload},
            {"variant", variant},
            {"kind", name_of(who.kind)},
            {"contestant", who.id},
            {"label", who.label}};
}

void print_line(const boost::json::object& line) {
    std::cout << boost::json::serialize(line) << std::endl;
}

}  // namespace

options parse_options(int argc, char** argv) {
    options o;
    bool is_unpinned = false;
    command_line line(usage);
    line.real("--seconds", o.seconds, 1e-3);
    line.integer("--round", o.round, 0);
    line.flag("--quick", o.is_quick);
    line.flag("--no-pinning", is_unpinned);
    line.text("--only", o.only);
    bool is_to_run = false;
    const int result = run_program(line, argc, argv, [&] {
        is_to_run = true;
        return 0;
    });
    if (!is_to_run) std::exit(result);
    if (is_unpinned) allow_pinning(false);
    return o;
}

void print_measurement(std::string_view workload, std::string_view variant, const contestant& who,
                       const measurement& m) {
    if (!std::isfinite(m.value) || m.value < 0)
        throw std::logic_error(m.metric + " is no measurement");
    boost::json::object line = line_for(workload, variant, who);
    line["metric"] = m.metric;
    line["unit"] = m.unit;
    line["value"] = m.value;
    print_line(line);
}

void contest::add(const contestant& who, std::string variant, body measure) {
    entries_.push_back({who, std::move(variant), std::move(measure)});
}

void contest::add_missing(const contestant& who, const std::string& reason) {
    missing_.emplace_back(who, reason);
}

void contest::print_missing(const contestant& who, const std::string& variant,
                            const std::string& reason) const {
    boost::json::object line = line_for(workload_, variant, who);
    line["missing"] = reason;
    print_line(line);
}

bool contest::measure(const entry& e, const options& o) const {
    try {
        for (const measurement& m : e.measure(o)) print_measurement(workload_, e.variant, e.who, m);
        return true;
    } catch (const interrupted&) {
        throw;
    } catch (const std::exception& error) {
        std::cerr << workload_ << ", " << e.variant << ", " << e.who.label
                  << " failed: " << error.what() << '\n';
        print_missing(e.who, e.variant, std::string("failed: ") + error.what());
        return false;
    }
}

int contest::run(const options& o) const {
    for (const auto& [who, reason] : missing_) print_missing(who, "", reason);
    std::vector<const entry*> order;
    for (const entry& e : entries_)
        if (e.who.id.find(o.only) != std::string::npos ||
            e.variant.find(o.only) != std::string::npos)
            order.push_back(&e);
    if (order.empty()) return 0;
    const auto first =
        static_cast<std::ptrdiff_t>(static_cast<std::size_t>(o.round) * 7 % order.size());
    std::rotate(order.begin(), order.begin() + first, order.end());
    bool is_well = true;
    try {
        for (const entry* e : order) is_well = measure(*e, o) && is_well;
    } catch (const interrupted&) {
        return 128 + SIGINT;
    }
    return is_well ? 0 : 1;
}

double percentile(std::vector<double> values, double percent) {
    if (values.empty()) throw std::logic_error("nothing was measured");
    const auto last = static_cast<double>(values.size() - 1);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::lround(last * percent / 100));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

double median(std::vector<double> values) { return percentile(std::move(values), 50); }

}  // namespace valpool::bench
