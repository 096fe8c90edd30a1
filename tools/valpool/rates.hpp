#pragma once

/// Rates of pipes, from two looks at their counters.

#include "look.hpp"

#include <valpool/monitor.hpp>

#include <chrono>
#include <map>
#include <string>

namespace tool {

class pipe_sampler {
public:
    /// Looks again. From the second time on there are rates.
    void take(const valpool::Monitor& pool);

    const boost::container::vector<valpool::pipe_status>& pipes() const noexcept { return pipes_; }
    /// Null for a pipe that was not there at the look before.
    const pipe_rates* rates(const std::string& pipe) const;

private:
    struct counts {
        std::uint64_t in = 0;
        std::uint64_t out = 0;
    };
    using clock = std::chrono::steady_clock;

    boost::container::vector<valpool::pipe_status> pipes_;
    std::map<std::string, counts> last_;
    std::map<std::string, pipe_rates> rates_;
    clock::time_point taken_;
};

}  // namespace tool
