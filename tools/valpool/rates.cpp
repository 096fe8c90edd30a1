#include "rates.hpp"

#include "routes.hpp"

namespace tool {

void pipe_sampler::take(const valpool::Monitor& pool) {
    pipes_ = pipes_of(pool);
    const clock::time_point now = clock::now();
    const double passed_s = std::chrono::duration<double>(now - taken_).count();
    std::map<std::string, counts> seen;
    rates_.clear();
    for (const valpool::pipe_status& p : pipes_) {
        const counts its{p.counters.packets_in, p.counters.packets_out};
        seen[p.name] = its;
        const auto last = last_.find(p.name);
        // A pipe with smaller counts is another one of the same name.
        if (last == last_.end() || passed_s <= 0 || its.in < last->second.in ||
            its.out < last->second.out)
            continue;
        rates_[p.name] = {static_cast<double>(its.in - last->second.in) / passed_s,
                          static_cast<double>(its.out - last->second.out) / passed_s};
    }
    last_ = std::move(seen);
    taken_ = now;
}

const pipe_rates* pipe_sampler::rates(const std::string& pipe) const {
    const auto found = rates_.find(pipe);
    return found == rates_.end() ? nullptr : &found->second;
}

}  // namespace tool
