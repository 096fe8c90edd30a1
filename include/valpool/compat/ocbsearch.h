#pragma once

#include <valpool/compat/global_names.hpp>

namespace OC {

/// Whether the first `length` of the sorted elements contain the item. `location` becomes the index
/// of the first equal element, or the index at which to insert the item. The unnamed parameter, the
/// original's first guess, has no effect.
template <class Items, class Item>
bool OCBSearch(const Items& items, std::size_t length, const Item& item, std::size_t,
               int& location) {
    if (length == 0) {
        location = 0;
        return false;
    }
    const auto* const first = &items[0];
    const auto* const at = std::lower_bound(first, first + length, item);
    location = static_cast<int>(at - first);
    return at != first + length && !(item < *at);
}

}  // namespace OC
