#pragma once

#include <valpool/compat/global_names.hpp>

namespace OC {

/// Whether so many bytes from there on are all the pool's.
inline bool IsContainedMemory(const void* memory, int size_bytes, StreamingPool* pool) {
    const char* const first = static_cast<const char*>(memory);
    return pool->contains(first) && (size_bytes < 1 || pool->contains(first + size_bytes - 1));
}

}  // namespace OC
