#pragma once

#include <valpool/value/val.hpp>

#include <sstream>
#include <string>
#include <type_traits>

namespace valpool {

/// The printed form of anything that has operator<<. Reals print as they do in a Val: 1.0 keeps its
/// ".0", and the text reads back as the same number.
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
