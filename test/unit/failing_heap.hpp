#pragma once

/// A program whose operator new fails when it is told to. Linked with failing_heap.cpp.

namespace failing_heap {

constexpr int never = -1;
/// Of this thread, until the one that fails; then none fails any more.
extern thread_local int allocations_left;
/// Allocated by this thread and not given back.
extern thread_local long blocks;

/// Calls with memory that fails at the first, the second, ... allocation, until there is enough;
/// how often it failed. `check` is called after each failure.
template <class Operation, class Check>
int run(const Operation& operation, const Check& check);

}  // namespace failing_heap

#include <new>

template <class Operation, class Check>
int failing_heap::run(const Operation& operation, const Check& check) {
    for (int failures = 0;; ++failures) {
        allocations_left = failures;
        try {
            operation();
            allocations_left = never;
            return failures;
        } catch (const std::bad_alloc&) {
            allocations_left = never;
            check();
        }
    }
}
