#pragma once

/// An operator new that fails when a test tells it to. Link the program with failing_heap.cpp.

namespace failing_heap {

constexpr int never = -1;
/// How many allocations of this thread succeed before one fails. After that none fails any more.
extern thread_local int allocations_left;
/// How many allocations this thread has made and not freed.
extern thread_local long blocks;

/// Calls a function again and again, with memory that fails at the first, the second, ...
/// allocation, until none fails. Returns how often it failed. `check` is called after each failure.
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
