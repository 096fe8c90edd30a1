#pragma once

/// How much may be on its way over a link at once.

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace valpool::bridge {

/// Bytes that may be under way: as many as came through within the last second in which this was
/// the limit. So a quick link gets more each second, and on a slow one little waits: what waits
/// keeps the answers to pings behind it, until the connection is taken for dead and all begins
/// anew. Not for several threads at once.
class pace {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::uint64_t least = std::uint64_t{512} << 10U;
    static constexpr std::uint64_t first = std::uint64_t{1} << 20U;

    explicit pace(std::uint64_t most) : most_(std::max(most, least)) {}

    std::uint64_t bytes() const noexcept { return bytes_; }
    /// More could be sent, or asked for, but for this.
    void holds_up() noexcept { has_held_up_ = true; }
    void came_through(std::uint64_t bytes, clock::time_point now = clock::now()) {
        came_through_ += bytes;
        const std::chrono::duration<double> took = now - since_;
        if (took < std::chrono::seconds(1)) return;
        // After a long time of quiet, this is less than the link carries, and grows again.
        const double a_second = static_cast<double>(came_through_) / took.count();
        if (has_held_up_) bytes_ = std::clamp(static_cast<std::uint64_t>(a_second), least, most_);
        since_ = now;
        came_through_ = 0;
        has_held_up_ = false;
    }
    /// The connection was lost, perhaps because of what waited there.
    void was_interrupted() { bytes_ = std::max(bytes_ / 2, least); }

private:
    std::uint64_t most_;
    std::uint64_t bytes_ = std::min(first, most_);
    clock::time_point since_ = clock::now();
    std::uint64_t came_through_ = 0;
    bool has_held_up_ = false;
};

}  // namespace valpool::bridge
