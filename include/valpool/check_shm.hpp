#pragma once

#include <valpool/detail/break_checker.hpp>
#include <valpool/proxy.hpp>
#include <valpool/streaming_pool.hpp>
#include <valpool/val.hpp>

namespace valpool {

namespace detail {
template <class C>
using if_container = decltype(container_tags<C>::tag, 0);
VALPOOL_API bool is_region_in(const box* region, const StreamingPool* pool) noexcept;
[[noreturn]] VALPOOL_API void throw_outside(const box* region, const Val& content,
                                            const StreamingPool* pool, const char* context);
}  // namespace detail

/// Whether a value lies in the pool entirely: it is a proxy to a shared value there. Numbers, None
/// and text have no parts elsewhere, and pass. What a shared value refers to is in its pool, too.
/// `throw_on_error`: std::runtime_error, after `context`, with the paths of parts that are outside
/// and what they are: "the value itself (Tab on the heap), ['a'][3] (Arr on the heap)".
/// Not needed before an enqueue: that copies into the pool what is outside.
/// Source: "C++ Cross-Process Shared Memory Tools", headaches 2 and 5.
VALPOOL_API bool InSHM(const Val& v, StreamingPool* pool, bool throw_on_error = false,
                       const char* context = "");
/// The same for a container itself.
template <class C, detail::if_container<C> = 0>
bool InSHM(const C& container, StreamingPool* pool, bool throw_on_error = false,
           const char* context = "") {
    const bool is_in = detail::is_region_in(container.region(), pool);
    if (!is_in && throw_on_error)
        detail::throw_outside(container.region(), detail::borrowed(container), pool, context);
    return is_in;
}
template <class T>
bool IsSHM(const T& v, StreamingPool* pool, bool throw_on_error = false, const char* context = "") {
    return InSHM(v, pool, throw_on_error, context);
}
/// A text in the place of `throw_on_error` is no flag: it is a context without one.
template <class T, class Pointer, class... Rest, detail::if_pointer_like<Pointer> = 0>
bool InSHM(const T& v, StreamingPool* pool, Pointer&& throw_on_error, Rest&&...) = delete;
template <class T, class Pointer, class... Rest, detail::if_pointer_like<Pointer> = 0>
bool IsSHM(const T& v, StreamingPool* pool, Pointer&& throw_on_error, Rest&&...) = delete;

/// Whether an address is one of the pool's.
VALPOOL_API bool IsContainedMemory(const void* memory, const StreamingPool* pool) noexcept;

}  // namespace valpool
