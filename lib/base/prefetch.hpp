#pragma once

#include <cstddef>

namespace valpool::detail {

constexpr std::size_t cache_line_bytes = 64;

/// Prefetches the cache lines that will be read soon. It is only a hint: no address can make it
/// fault.
inline void prefetch_to_read(const void* first, std::size_t size_bytes) noexcept {
    const char* const p = static_cast<const char*>(first);
    for (std::size_t at = 0; at < size_bytes; at += cache_line_bytes) __builtin_prefetch(p + at);
}

/// The same for lines that will be written soon: takes them away from the other processors' caches.
inline void prefetch_to_write(void* first, std::size_t size_bytes) noexcept {
    char* const p = static_cast<char*>(first);
#pragma GCC unroll 8
    for (std::size_t at = 0; at < size_bytes; at += cache_line_bytes) {
#if defined(__x86_64__)
        // The compiler emits prefetchw only for target processors that it knows to have it. The
        // others ignore the instruction.
        asm volatile("prefetchw %0" : : "m"(p[at]));
#else
        __builtin_prefetch(p + at, 1);
#endif
    }
}

}  // namespace valpool::detail
