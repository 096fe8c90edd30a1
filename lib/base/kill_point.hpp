#pragma once

/// Named places between two stores that matter. In the library they are nothing; in the variant
/// that the crash tests link (VALPOOL_KILL_POINTS) a test can have a process die, or stop, at the
/// n-th pass of any of them. A source that has one is compiled for both, and listed as such in
/// lib/CMakeLists.txt; in any other (VALPOOL_WITHOUT_KILL_POINTS) there is no such macro.

#ifdef VALPOOL_KILL_POINTS

#include <valpool/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace valpool::detail {

struct kill_point {
    const char* name;
};

/// Where passes are counted and what is armed; shared by all processes of a test. Set up once,
/// before the first fork.
struct kill_plan {
    static constexpr unsigned max_points = 256;
    struct order {
        std::atomic<std::uint32_t> countdown;  // dies when it reaches 0; 0: not armed
        std::atomic<std::int32_t> signal;
        std::atomic<std::int32_t> victim;  // only this pid; 0: whoever passes; -1: nobody
    };
    std::atomic<std::uint64_t> passes[max_points];
    std::atomic<std::uint64_t> fired[max_points];
    order orders[max_points];
};

VALPOOL_API unsigned kill_point_count() noexcept;
VALPOOL_API const char* kill_point_name(unsigned index) noexcept;
/// Null takes the plan away again.
VALPOOL_API void use_kill_plan(kill_plan* plan) noexcept;
VALPOOL_API void pass_kill_point(const kill_point& point) noexcept;

}  // namespace valpool::detail

// The section lets the tests list every point that was compiled in, whether it is ever reached or
// not. Only for functions that are neither inline nor templates.
#define VALPOOL_KILL_POINT(name)                                                            \
    do {                                                                                    \
        __attribute__((section("valpool_kill_points"), used,                                \
                       aligned(8))) static const ::valpool::detail::kill_point point{name}; \
        ::valpool::detail::pass_kill_point(point);                                          \
    } while (false)

#elif !defined(VALPOOL_WITHOUT_KILL_POINTS)
#define VALPOOL_KILL_POINT(name) static_cast<void>(0)
#endif
