#pragma once

#include <string>
#include <vector>

namespace tool {

/// "; did you mean 'pipe make'?" with the name that is closest to `word`, and `before` in front of
/// it. Empty when none is close.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& names,
                         const std::string& before);

}  // namespace tool
