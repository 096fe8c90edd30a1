#pragma once

#include <valpool/val.hpp>

#include <sstream>
#include <string>
#include <type_traits>

namespace valpool {

/// The printed form of anything that prints. Reals print as in a Val: so that they read back the
/// same, 1.0 with its ".0".
template <class T>
std::string Stringize(const T& thing) {
    std::ostringstream out;
    if constexpr (std::is_floating_point_v<T>)
        out << Val(thing);
    else
        out << thing;
    return out.str();
}

}  // namespace valpool
