#pragma once

#include <sstream>
#include <string>

namespace valpool {

/// The printed form of anything that prints.
template <class T>
std::string Stringize(const T& thing) {
    std::ostringstream out;
    out << thing;
    return out.str();
}

}  // namespace valpool
