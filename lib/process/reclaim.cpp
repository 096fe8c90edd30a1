#include "process/reclaim.hpp"

#include "alloc/slab.hpp"
#include "base/cancellation.hpp"
#include "base/system_error.hpp"
#include "process/gate.hpp"
#include "process/references.hpp"

#include <chrono>
#include <string>
#include <thread>

namespace valpool::detail {

recovery_result recover_if_needed(attachment& at) noexcept {
    if (!at.notices_deaths()) return recovery_result::nothing_dead;
    return at.recovery_layer->recover(at);
}

bool try_while_dead_hold(attachment& at, const std::function<bool()>& attempt) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
        if (attempt()) return true;
        const recovery_result result = recover_if_needed(at);
        if (result == recovery_result::nothing_dead) return attempt();
        if (std::chrono::steady_clock::now() > until) return false;
        if (result != recovery_result::done)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

// If another process is repairing, or a preempted thread has foiled the repair, it pays to wait
// some milliseconds: the memory will be there.
recovery_result recover_patiently(attachment& at) noexcept {
    for (const deadline end = deadline::in(std::chrono::milliseconds(50));;) {
        const recovery_result result = recover_if_needed(at);
        const bool is_final =
            result == recovery_result::done || result == recovery_result::nothing_dead;
        if (is_final || end.has_passed()) return result;
        const no_cancellation guard;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

namespace {
bool is_open(const inside&) noexcept { return true; }
bool is_open(const maybe_inside& pass) noexcept { return static_cast<bool>(pass); }

/// In steps, so that a repair need not wait for all of them.
template <class Pass>
void give_back_in_steps(thread_lane& l) {
    arena& a = *l.pool;
    {
        const Pass pass(l);
        if (!is_open(pass)) return;
        flush_heap(a, *l.heap);
    }
    constexpr std::uint32_t pages_a_step = 256;
    for (std::uint32_t page = 0; page < a.page_count; page += pages_a_step) {
        const Pass pass(l);
        if (!is_open(pass)) return;
        release_empty_pages(a, page, pages_a_step);
    }
}
}  // namespace

void give_back_set_aside(thread_lane& l) noexcept { give_back_in_steps<maybe_inside>(l); }

void relieve(thread_lane& l, bool has_mutex) {
    if (!has_mutex) give_back_late_holds(l);
    give_back_in_steps<inside>(l);
    attachment& at = *l.at;
    if (!at.notices_deaths() || recover_patiently(at) == recovery_result::done) return;
    at.recovery_layer->collect_set_aside(l);
}

void throw_exhausted(const arena& a, std::size_t size_bytes) {
    const std::size_t for_values = std::size_t{a.value_page_limit} << a.page_shift;
    throw PoolExhausted(subject_of(a) + " is full: " + byte_count(size_bytes) +
                        " bytes were requested, " + std::to_string(used_space(a)) + " of " +
                        std::to_string(all_space(a)) + " are in use, " +
                        std::to_string(a.system_bytes.load(std::memory_order_relaxed)) +
                        " of these by pipes and bookkeeping; values can have " +
                        std::to_string(for_values) + " at most");
}

}  // namespace valpool::detail
