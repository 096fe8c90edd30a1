#include "holdings.hpp"

#include "words.hpp"

#include <algorithm>
#include <utility>

namespace tool {

using namespace valpool;

std::string text_of(const held_time& t) {
    return duration_text(t.seconds) + (t.may_be_longer ? " or longer" : "");
}

void holdings::take(const boost::container::vector<process_status>& processes,
                    clock::time_point now) {
    std::map<int, record> kept;
    for (const process_status& p : processes) {
        if (p.is_parent_of_holders) continue;
        const auto known = records_.find(p.pid);
        // A process that has run for less time than before is another one with the same number.
        const bool is_new = known == records_.end() || p.running_s < known->second.running_s;
        record& its = kept[p.pid];
        if (is_new)
            its.first_look = now;
        else
            its = std::move(known->second);
        its.running_s = p.running_s;
        add(its, static_cast<double>(p.held_bytes + p.raw_bytes), now);
    }
    records_ = std::move(kept);
    last_look_ = now;
}

void holdings::add(record& its, double bytes, clock::time_point now) {
    clock::time_point since = now;
    while (!its.steps.empty() && its.steps.back().bytes >= bytes) {
        since = its.steps.back().since;
        its.steps.pop_back();
    }
    // Steps of two percent: there are never more than some hundreds.
    constexpr double smallest = 1.02;
    if (its.steps.empty() || bytes > its.steps.back().bytes * smallest)
        its.steps.push_back({since, bytes});
    its.now_bytes = bytes;
}

std::map<int, held_time> holdings::held_for() const {
    constexpr double most_of_it = 0.9;
    std::map<int, held_time> found;
    for (const auto& [pid, its] : records_) {
        if (its.now_bytes <= 0 || its.first_look == last_look_) continue;
        const double enough = most_of_it * its.now_bytes;
        const auto first = std::find_if(its.steps.begin(), its.steps.end(),
                                        [&](const step& s) { return s.bytes >= enough; });
        if (first == its.steps.end()) continue;
        found[pid] = {std::chrono::duration<double>(last_look_ - first->since).count(),
                      first->since == its.first_look};
    }
    return found;
}

const held_time* find_held(const std::map<int, held_time>& all, const process_status& p) {
    const auto found = all.find(p.pid);
    return found == all.end() || p.is_parent_of_holders ? nullptr : &found->second;
}

}  // namespace tool
