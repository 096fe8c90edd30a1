#pragma once

#if !defined(__linux__) || !defined(__x86_64__) || defined(__ILP32__)
#error "valpool needs Linux on x86-64, with 64-bit pointers"
#endif

// The library is built with hidden visibility: only what is marked here can be linked against.
#define VALPOOL_API __attribute__((visibility("default")))

// For functions that optimise to nothing at the call: a compiler may not inline them by itself
// where it takes the call for cold.
#define VALPOOL_ALWAYS_INLINE inline __attribute__((always_inline))
// For what is rare: the place where it is used stays small, and saves no registers for it.
#define VALPOOL_NOINLINE __attribute__((noinline))

#if defined(__SANITIZE_THREAD__)
#define VALPOOL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VALPOOL_TSAN 1
#endif
#endif
