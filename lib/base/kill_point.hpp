#pragma once

/// Failpoints: named places between two stores that matter. In the library they compile to nothing.
/// In the variant that the crash tests link (VALPOOL_KILL_POINTS) a test can kill or stop a process
/// at the n-th pass of any of them. A source that has a kill point is compiled once for each
/// variant, and lib/CMakeLists.txt lists it as such. The other sources are compiled with
/// VALPOOL_WITHOUT_KILL_POINTS, where the macro does not exist.

#ifdef VALPOOL_KILL_POINTS

#include <valpool/base/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace valpool::detail {

struct kill_point {
    const char* name;
};

/// Counts the passes and says which points are armed. All processes of a test share it; it is set
/// up once, before the first fork.
struct kill_plan {
    static constexpr unsigned max_points = 256;
    struct order {
        std::atomic<std::uint32_t> countdown;  // fires when it reaches 0; 0: not armed
        std::atomic<std::int32_t> signal;
        std::atomic<std::int32_t> victim;  // only this pid; 0: any process; -1: none
    };
    std::atomic<std::uint64_t> passes[max_points];
    std::atomic<std::uint64_t> fired[max_points];
    order orders[max_points];
};

VALPOOL_API unsigned kill_point_count() noexcept;
VALPOOL_API const char* kill_point_name(unsigned index) noexcept;
/// Null removes the plan.
VALPOOL_API void use_kill_plan(kill_plan* plan) noexcept;
VALPOOL_API void pass_kill_point(const kill_point& point) noexcept;

}  // namespace valpool::detail

// The section lets the tests list every point that was compiled in, even one that is never reached.
// Use it only in functions that are neither inline nor templates.
#define VALPOOL_KILL_POINT(name)                                                            \
    do {                                                                                    \
        __attribute__((section("valpool_kill_points"), used,                                \
                       aligned(8))) static const ::valpool::detail::kill_point point{name}; \
        ::valpool::detail::pass_kill_point(point);                                          \
    } while (false)

#elif !defined(VALPOOL_WITHOUT_KILL_POINTS)
#define VALPOOL_KILL_POINT(name) static_cast<void>(0)
#endif
