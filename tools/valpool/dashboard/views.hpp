#pragma once

/// What the dashboard answers: JSON of pools and packets, and Prometheus' text.

#include "dashboard/history.hpp"

#include <valpool/valpool.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace tool::dashboard {

/// Looks at pools for the dashboard's clients. Many clients that look at a pool at about the same
/// time cost one look.
class views {
public:
    /// The pools of this machine, as `valpool ls --json`.
    std::string pools();
    /// A pool with everything that is known of it, and why it does not move. Throws
    /// std::runtime_error when there is none.
    std::string pool(const std::string& name);
    std::string history_of(const std::string& pool, const std::string& pipe) const;
    /// The packets that wait. Throws std::runtime_error when there is no such pool or pipe.
    std::string packets(const std::string& pool, const std::string& pipe, std::size_t most) const;
    /// Of all pools, in the text format of Prometheus.
    std::string metrics();

private:
    using clock = std::chrono::steady_clock;
    struct answer {
        std::shared_ptr<std::mutex> looking = std::make_shared<std::mutex>();
        clock::time_point when;
        std::string text;
    };

    /// The answer to that question of a moment ago, or a new one.
    template <class Make>
    std::string recent(const std::string& question, Make make);

    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<answer>> answers_;
    history history_;
};

/// A packet as one line of JSON. What is too large to be shown, or cannot be said in JSON, becomes
/// {"$unshown": "why"}.
std::string shown_json(const valpool::Val& packet);

}  // namespace tool::dashboard
