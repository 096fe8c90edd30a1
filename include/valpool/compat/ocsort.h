#pragma once

#include <valpool/compat/global_names.hpp>

namespace OC {

/// Sorts the elements first to first + count - 1.
template <class Items>
void OCQuickSort(Items& items, int first, int count) {
    std::sort(&items[first], &items[first] + count);
}

}  // namespace OC
