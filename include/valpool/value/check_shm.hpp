#pragma once

#include <valpool/alloc/streaming_pool.hpp>
#include <valpool/base/detail/break_checker.hpp>
#include <valpool/value/proxy.hpp>
#include <valpool/value/val.hpp>

namespace valpool {

namespace detail {
template <class C>
using if_container = decltype(container_tags<C>::tag, 0);
VALPOOL_API bool is_region_in(const box* region, const StreamingPool* pool) noexcept;
[[noreturn]] VALPOOL_API void throw_outside(const box* region, const Val& content,
                                            const StreamingPool* pool, const char* context);
}  // namespace detail

/// Whether a value lies entirely in the pool, that is, whether it is a proxy to a shared value
/// there. Numbers, None and text have no parts elsewhere and always pass. What a shared value
/// refers to lies in the same pool.
/// `throw_on_error`: instead of false, throws std::runtime_error. The message starts with `context`
/// and lists the parts that lie outside, each with its path and its place: "the value itself (Tab
/// on the heap), ['a'][3] (Arr on the heap)".
/// Not needed before an enqueue, which copies what lies outside into the pool.
/// Source: "C++ Cross-Process Shared Memory Tools", headaches 2 and 5.
VALPOOL_API bool InSHM(const Val& v, StreamingPool* pool, bool throw_on_error = false,
                       const char* context = "");
/// The same for a container that is not in a Val.
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
/// Deleted: a pointer in the place of `throw_on_error` is a context whose flag was forgotten.
template <class T, class Pointer, class... Rest, detail::if_pointer_like<Pointer> = 0>
bool InSHM(const T& v, StreamingPool* pool, Pointer&& throw_on_error, Rest&&...) = delete;
template <class T, class Pointer, class... Rest, detail::if_pointer_like<Pointer> = 0>
bool IsSHM(const T& v, StreamingPool* pool, Pointer&& throw_on_error, Rest&&...) = delete;

/// Whether the address lies in the pool.
VALPOOL_API bool IsContainedMemory(const void* memory, const StreamingPool* pool) noexcept;

}  // namespace valpool
