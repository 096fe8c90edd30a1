#include "queue/wait_policy.hpp"

#include "base/kill_point.hpp"

namespace valpool::detail {

thread_local constinit patience wait_policy::patience_of_thread;

void reservation::was_in_vain(std::uint32_t lane) noexcept {
    constexpr std::chrono::milliseconds bearable{2};
    if (mine_ != 0) return;
    const steady_time now = std::chrono::steady_clock::now();
    if (first_ == steady_time::min()) first_ = now;
    if (now - first_ < bearable) return;
    static thread_local std::uint32_t times = 0;
    const std::uint32_t up = ++times * lanes + lane + 1;
    std::uint32_t nothing = 0;
    if (list_.overdue.compare_exchange_strong(nothing, up, std::memory_order_relaxed)) mine_ = up;
    VALPOOL_KILL_POINT("wait_list.overdue");
}

bool courtesy::gives_way(wait_list& list, std::uint32_t up) noexcept {
    const steady_time::duration now = std::chrono::steady_clock::now().time_since_epoch();
    if (to_.exchange(up, std::memory_order_relaxed) != up) {
        since_.store(now.count(), std::memory_order_relaxed);
        return true;
    }
    const steady_time::duration since(since_.load(std::memory_order_relaxed));
    if (now - since < longest_courtesy) return true;
    reservation::withdraw(list, up);
    return false;
}

}  // namespace valpool::detail
