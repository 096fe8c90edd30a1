#include <valpool/queue/wait_any.hpp>

#include <valpool/queue/cq.hpp>

#include "base/cancellation.hpp"
#include "queue/queue_core.hpp"
#include "queue/wait_policy.hpp"
#include "queue/wait_set.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace valpool {

using namespace detail;

namespace {

struct waiting_for {
    queue_core* core;
    direction its_direction;

    bool is_ready() const noexcept { return core->is_ready(its_direction); }
};
using waits = std::vector<waiting_for>;

std::vector<std::size_t> ready_ones(const waits& all) {
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].is_ready()) ready.push_back(i);
    return ready;
}

bool is_any_ready(const waits& all) noexcept {
    return std::any_of(all.begin(), all.end(), [](const waiting_for& w) { return w.is_ready(); });
}

/// Makes all queues know the set while it exists.
class registration {
public:
    registration(const waits& all, wait_set& set) : all_(all), set_(set) {
        try {
            for (; count_ < all.size(); ++count_)
                all[count_].core->add_to(set, all[count_].its_direction);
        } catch (...) {
            undo();
            throw;
        }
    }
    ~registration() { undo(); }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;

private:
    void undo() noexcept {
        for (std::size_t i = 0; i < count_; ++i)
            all_[i].core->remove_from(set_, all_[i].its_direction);
    }

    const waits& all_;
    wait_set& set_;
    std::size_t count_ = 0;
};

/// Sleeps until one of them may be ready.
void sleep(const waits& all, deadline until) {
    auto nap = std::chrono::nanoseconds::max();
    for (const waiting_for& w : all) w.core->ask_break_checker();
    for (const waiting_for& w : all) nap = std::min(nap, w.core->before_sleep());
    {
        wait_set set;
        const registration registered(all, set);
        if (!is_any_ready(all)) set.sleep(until.or_in(nap));
    }
    cancellation_point();
    for (const waiting_for& w : all)
        if (w.is_ready()) w.core->pass_on(w.its_direction);
}

std::vector<std::size_t> ready_by(const waits& all, deadline until) {
    const wait_policy policy{break_options{}};
    const auto ready_count = [&] { return is_any_ready(all) ? 1U : 0U; };
    for (;;) {
        std::vector<std::size_t> ready = ready_ones(all);
        if (!ready.empty() || until.has_passed()) return ready;
        if (!policy.look(ready_count, until)) sleep(all, until);
    }
}

}  // namespace

std::vector<std::size_t> wait_any(const std::vector<WaitItem>& items, double timeout_s) {
    const deadline until = deadline::of_time_out(timeout_s);
    if (items.empty()) throw std::logic_error("wait_any: there is no queue to wait for");
    waits all;
    for (const WaitItem& item : items) {
        if (!item.queue) throw std::logic_error("wait_any: one of the queues is a null pointer");
        all.push_back({&queue_access::core(*item.queue),
                       item.is_for_room ? direction::writing : direction::reading});
    }
    return unless_broken(until, [&] { return ready_by(all, until); });
}

}  // namespace valpool
