#include "unit/failing_heap.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace failing_heap {

thread_local int allocations_left = never;
thread_local long blocks = 0;

namespace {

void* allocate(std::size_t size_bytes) {
    if (allocations_left != never && allocations_left-- == 0) {
        allocations_left = never;
        throw std::bad_alloc();
    }
    void* const memory = std::malloc(size_bytes == 0 ? 1 : size_bytes);
    if (!memory) throw std::bad_alloc();
    ++blocks;
    return memory;
}

void give_back(void* memory) noexcept {
    if (memory) --blocks;
    std::free(memory);
}

}  // namespace
}  // namespace failing_heap

// Replaces operator new for the whole program. Nothing fails unless a test asks for it.
void* operator new(std::size_t size_bytes) { return failing_heap::allocate(size_bytes); }
void operator delete(void* memory) noexcept { failing_heap::give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { failing_heap::give_back(memory); }
