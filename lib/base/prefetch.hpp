#pragma once

#include <cstddef>

namespace valpool::detail {

constexpr std::size_t cache_line_bytes = 64;

/// Has the cache lines fetched that will be read soon. A hint: nothing is touched, whatever is
/// there.
inline void prefetch_to_read(const void* first, std::size_t size_bytes) noexcept {
    const char* const p = static_cast<const char*>(first);
    for (std::size_t at = 0; at < size_bytes; at += cache_line_bytes) __builtin_prefetch(p + at);
}

/// The same for lines that will be written: taken away from the other processors.
inline void prefetch_to_write(void* first, std::size_t size_bytes) noexcept {
    char* const p = static_cast<char*>(first);
#pragma GCC unroll 8
    for (std::size_t at = 0; at < size_bytes; at += cache_line_bytes) {
#if defined(__x86_64__)
        // The compiler uses it only for processors that it is told of; the others ignore it.
        asm volatile("prefetchw %0" : : "m"(p[at]));
#else
        __builtin_prefetch(p + at, 1);
#endif
    }
}

}  // namespace valpool::detail
