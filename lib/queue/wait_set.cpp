#include "queue/wait_set.hpp"

#include "base/futex.hpp"
#include "queue/waiting.hpp"

#include <algorithm>

namespace valpool::detail {

wait_set::~wait_set() {
    for (const place& p : places_) leave_seat(*p.its_seat);
}

std::uint32_t wait_set::lane_in(arena& a) {
    for (const place& p : places_)
        if (p.pool == &a) return p.lane;
    thread_lane& l = lane_of_thread(a);
    places_.reserve(places_.size() + 1);
    words_.reserve(words_.size() + 1);  // from here on nothing fails
    seat& s = arm_seat(l, any_topic);
    places_.push_back({&a, &s, l.index});
    words_.push_back(&s.asleep);
    return l.index;
}

std::atomic<std::uint32_t>& wait_set::word() {
    if (!has_own_word_) {
        words_.push_back(&own_word_);
        has_own_word_ = true;
    }
    return own_word_;
}

void wait_set::sleep(deadline until) noexcept {
    const auto is_armed = [](const std::atomic<std::uint32_t>* word) {
        return word->load(std::memory_order_acquire) != 0;
    };
    if (!std::all_of(words_.begin(), words_.end(), is_armed)) return;
    // What the kernel cannot wait for at once is looked at again soon.
    constexpr std::chrono::milliseconds soon{2};
    const bool are_too_many = words_.size() > most_futexes;
    futex_wait_any(words_.data(), std::min(words_.size(), most_futexes), 1,
                   are_too_many ? until.or_in(soon) : until);
}

}  // namespace valpool::detail
