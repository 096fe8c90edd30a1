#pragma once

/// All pools in the text format of Prometheus.

#include <string>

namespace tool::dashboard {

std::string metrics_of_all_pools();

}  // namespace tool::dashboard
