#include "base/kill_point.hpp"

#ifdef VALPOOL_KILL_POINTS

#include <csignal>
#include <cstddef>

#include <unistd.h>

// The linker defines these symbols from the section's name.
extern "C" const valpool::detail::kill_point __start_valpool_kill_points[];
extern "C" const valpool::detail::kill_point __stop_valpool_kill_points[];

namespace valpool::detail {
namespace {
std::atomic<kill_plan*> current_plan{nullptr};
}

unsigned kill_point_count() noexcept {
    const auto count = __stop_valpool_kill_points - __start_valpool_kill_points;
    return static_cast<unsigned>(count);
}

const char* kill_point_name(unsigned index) noexcept {
    return __start_valpool_kill_points[index].name;
}

void use_kill_plan(kill_plan* plan) noexcept { current_plan.store(plan); }

void pass_kill_point(const kill_point& point) noexcept {
    kill_plan* const plan = current_plan.load(std::memory_order_relaxed);
    if (!plan) return;
    const auto index = static_cast<std::size_t>(&point - __start_valpool_kill_points);
    plan->passes[index].fetch_add(1, std::memory_order_relaxed);
    kill_plan::order& order = plan->orders[index];
    if (order.countdown.load(std::memory_order_relaxed) == 0) return;
    const auto victim = order.victim.load(std::memory_order_relaxed);
    if (victim != 0 && victim != getpid()) return;
    if (order.countdown.fetch_sub(1) != 1) return;
    plan->fired[index].fetch_add(1);
    kill(getpid(), order.signal.load());
}

}  // namespace valpool::detail

#endif
