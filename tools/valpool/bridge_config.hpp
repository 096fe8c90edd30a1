#pragma once

/// The file that says which pipes a bridge carries. docs/bridge.md describes it.

#include "bridge/route.hpp"

#include <string>
#include <vector>

namespace tool {

/// The routes in that file. Throws std::runtime_error, with file and line, for what is not TOML,
/// for keys that there are not, and for values that make no sense.
std::vector<valpool::bridge::route> routes_in(const std::string& file);

}  // namespace tool
