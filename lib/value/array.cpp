#include <valpool/value/array.hpp>

#include "value/growth_guess.hpp"

#include <bit>

/// How large lists begin.

namespace valpool::detail {

namespace {
constexpr std::size_t steps = std::bit_width(list_steps_to / list_steps_from) + 1;
[[gnu::tls_model("initial-exec")]] thread_local constinit growth_guess<steps> guess;
}  // namespace

std::size_t usual_list_capacity(const box* region) noexcept {
    const std::size_t doublings = guess.usual_steps() - 1;
    guess.begins();
    return list_steps_from << (may_be_roomy(region ? pool_of(*region) : nullptr) ? doublings : 0);
}

void note_list_length(std::size_t length) noexcept {
    guess.outgrows(static_cast<std::size_t>(std::bit_width(length / list_steps_from)));
}

}  // namespace valpool::detail
