#pragma once

#include <valpool/compat/global_names.hpp>

namespace OC {

/// Sorts the elements from `first` to `first + count - 1`.
template <class Items>
void OCQuickSort(Items& items, int first, int count) {
    if (count > 0) std::sort(&items[first], &items[first] + count);
}
template <class Items>
void OCInsertionSort(Items& items, int first, int count) {
    OCQuickSort(items, first, count);
}
template <class T>
void OCHardCodedSort2(T& a, T& b) {
    if (b < a) swap(a, b);
}
template <class T>
void OCHardCodedSort3(T& a, T& b, T& c) {
    OCHardCodedSort2(a, b);
    OCHardCodedSort2(b, c);
    OCHardCodedSort2(a, b);
}
template <class T>
void OCHardCodedSort4(T& a, T& b, T& c, T& d) {
    OCHardCodedSort3(a, b, c);
    OCHardCodedSort2(c, d);
    OCHardCodedSort3(a, b, c);
}

}  // namespace OC
