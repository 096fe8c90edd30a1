#pragma once

#include "base/clock.hpp"
#include "queue/taps.hpp"

#include <valpool/value/val.hpp>

#include <cstdint>
#include <string_view>

namespace valpool::detail {

struct tap_order {
    std::string_view pipe;  // valid, see check_pipe_name
    std::uint64_t depth = 0;
    std::uint64_t most_bytes = 0;  // 0: no limit
};

/// A tap, as the process that made it reads it. One thread at a time.
class tap_reader {
public:
    /// The attachment to the pool must outlive the object. Throws PoolExhausted, PoolStalled;
    /// std::runtime_error when the pool has most_taps already.
    tap_reader(arena& a, const tap_order& order);
    ~tap_reader();
    tap_reader(const tap_reader&) = delete;
    tap_reader& operator=(const tap_reader&) = delete;

    /// False when `until` has passed. Throws PoolRetired; std::logic_error in a forked child.
    bool next(deadline until, Val& out);
    std::uint64_t missed() const noexcept { return missed_; }
    std::uint64_t depth() const noexcept { return tap_.depth; }

private:
    void link(const tap_order& order);
    void begin_at_tail();
    void end() noexcept;
    bool take(deadline until);
    bool take_from(cell& c, deadline until);
    bool skip_gap();
    void skip_to(std::uint64_t mark) noexcept;
    bool deliver(Val& out);

    arena& arena_;
    hold* const kept_;
    tap& tap_;
    const std::uint32_t generation_;  // of forks
    std::uint64_t next_ = 0;          // mark of the next packet
    std::uint64_t missed_ = 0;
    std::uint64_t gap_ = UINT64_MAX;  // mark of a packet that later ones have overtaken
    steady_time gap_began_{};
    hold* taken_ = nullptr;  // a packet that has not been delivered yet
};

}  // namespace valpool::detail
