#include "dashboard/views.hpp"

#include "cut_files.hpp"
#include "dashboard/metrics.hpp"
#include "diagnosis.hpp"
#include "json_output.hpp"
#include "look.hpp"
#include "values_text.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

namespace tool::dashboard {

using namespace valpool;

namespace {

constexpr std::chrono::milliseconds as_good_as_new{500};
/// Of JSON, for one packet: more would keep a browser busy.
constexpr std::size_t longest_packet = 512 * 1024;

/// JSON that is there already cannot be put into a Val: such texts are joined by hand.
std::string with_packets(const peeked_packets& seen) {
    OTab t;
    t["waiting"] = static_cast<std::uint64_t>(seen.waiting);
    t["unreadable"] = static_cast<std::uint64_t>(seen.unreadable);
    t["too_large"] = static_cast<std::uint64_t>(seen.too_large);
    std::string text = to_json(Val(t));
    text.pop_back();
    text += ",\"packets\":[";
    bool is_first = true;
    for (const Val& packet : seen.packets) {
        if (!std::exchange(is_first, false)) text += ',';
        text += shown_json(packet);
    }
    return text + "]}";
}

}  // namespace

std::string shown_json(const Val& packet) {
    std::string why = "it is too large to be shown here: `valpool peek` prints it";
    try {
        std::string text = json_line(packet);
        if (text.size() <= longest_packet) return text;
    } catch (const std::exception& failure) {
        why = failure.what();
    }
    OTab t;
    t["$unshown"] = json_text(why);
    return to_json(Val(t));
}

template <class Make>
std::string views::recent(const std::string& question, Make make) {
    std::shared_ptr<answer> its;
    {
        const std::lock_guard lock(mutex_);
        // Answers that nobody asks for any more: pools come and go.
        std::erase_if(answers_, [](const auto& known) {
            return known.second.use_count() == 1 &&
                   clock::now() - known.second->when > std::chrono::seconds(10);
        });
        std::shared_ptr<answer>& known = answers_[question];
        if (!known) known = std::make_shared<answer>();
        its = known;
    }
    const std::lock_guard lock(*its->looking);
    if (its->text.empty() || clock::now() - its->when > as_good_as_new) {
        its->text = make();
        its->when = clock::now();
    }
    return its->text;
}

std::string views::pools() {
    return recent("", [] {
        const pool_names names = Monitor::names();
        return to_json(Val(json_of_pools(look_at_all(names), names)));
    });
}

std::string views::pool(const std::string& name) {
    return recent("/" + name, [&] {
        const look its;
        const Monitor pool = open_pool(name);
        pool_picture seen = picture_of(pool);
        seen.held_for = history_.held_for(name);
        pipe_rates found;
        OTab t = json_of_all(pool, seen, [&](const std::string& pipe) {
            return history_.find_rates(name, pipe, found) ? &found : nullptr;
        });
        t["findings"] = json_list(diagnose(seen, {}));
        its.expect_whole(name);
        return to_json(Val(t));
    });
}

std::string views::history_of(const std::string& pool, const std::string& pipe) const {
    return to_json(Val(history_.as_json(pool, pipe)));
}

std::string views::packets(const std::string& pool, const std::string& pipe,
                           std::size_t most) const {
    const look its;
    const Monitor monitor = open_pool(pool);
    try {
        const peeked_packets seen = monitor.peek(pipe, most);
        its.expect_whole(pool);
        return with_packets(seen);
    } catch (const std::out_of_range&) {
        throw_no_pipe(monitor, pool, pipe);
    }
}

std::string views::metrics() {
    return recent("metrics", [] { return metrics_of_all_pools(); });
}

}  // namespace tool::dashboard
