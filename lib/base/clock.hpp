#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <limits>
#include <stdexcept>

namespace valpool::detail {

using steady_time = std::chrono::steady_clock::time_point;

/// The monotonic clock as a pool stores it: the same for all processes.
inline std::int64_t steady_now_ns() noexcept {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

/// The point on the monotonic clock at which a wait ends, or never.
class deadline {
public:
    static deadline never() noexcept { return deadline{steady_time::max()}; }
    static deadline at(steady_time when) noexcept { return deadline{when}; }
    static deadline in(std::chrono::nanoseconds wait) noexcept {
        return deadline{std::chrono::steady_clock::now() + wait};
    }
    /// Zero or negative seconds give a deadline that has already passed; more seconds than the
    /// clock can express give never(). `seconds` must not be NaN.
    static deadline in_seconds(double seconds) noexcept {
        constexpr double longest_s = 1e9;  // thirty years
        if (seconds >= longest_s) return never();
        if (seconds <= 0) return deadline{steady_time::min()};
        const auto wait = std::chrono::duration<double>(seconds);
        return in(std::chrono::ceil<std::chrono::nanoseconds>(wait));
    }

    /// The same for a time-out that a caller gave. Throws std::logic_error for NaN.
    static deadline of_time_out(double seconds) {
        if (std::isnan(seconds)) throw std::logic_error("a time-out cannot be NaN");
        return in_seconds(seconds);
    }

    /// The deadline had passed when it was made: the caller does not want to wait.
    bool is_immediate() const noexcept { return when_ == steady_time::min(); }
    bool is_never() const noexcept { return when_ == steady_time::max(); }
    bool has_passed() const noexcept {
        if (is_never()) return false;
        return is_immediate() || std::chrono::steady_clock::now() >= when_;
    }
    /// The earlier of this deadline and `wait` from now.
    deadline or_in(std::chrono::nanoseconds wait) const noexcept {
        return deadline{std::min(when_, std::chrono::steady_clock::now() + wait)};
    }
    steady_time when() const noexcept { return when_; }

    timespec as_timespec() const noexcept {
        using namespace std::chrono;
        const auto since = when_.time_since_epoch();
        const auto s = duration_cast<seconds>(since);
        timespec spec{};
        spec.tv_sec = s.count();
        spec.tv_nsec = duration_cast<nanoseconds>(since - s).count();
        return spec;
    }

private:
    explicit deadline(steady_time when) noexcept : when_(when) {}
    steady_time when_;
};

}  // namespace valpool::detail
