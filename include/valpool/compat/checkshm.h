#pragma once

#include <valpool/compat/global_names.hpp>

namespace OC {

/// Whether `size_bytes` bytes from `memory` on all lie in the pool.
inline bool IsContainedMemory(const void* memory, int size_bytes, StreamingPool* pool) {
    const char* const first = static_cast<const char*>(memory);
    return pool->contains(first) && (size_bytes < 1 || pool->contains(first + size_bytes - 1));
}

}  // namespace OC
