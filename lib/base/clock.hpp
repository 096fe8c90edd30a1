#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>

namespace valpool::detail {

using steady_time = std::chrono::steady_clock::time_point;

/// As it lies in a pool, for all processes.
inline std::int64_t steady_now_ns() noexcept {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

/// A point on the monotonic clock until which a wait may last, or never.
class deadline {
public:
    static deadline never() noexcept { return deadline{steady_time::max()}; }
    static deadline at(steady_time when) noexcept { return deadline{when}; }
    static deadline in(std::chrono::nanoseconds wait) noexcept {
        return deadline{std::chrono::steady_clock::now() + wait};
    }
    /// Zero and negative seconds have passed already; what the clock cannot express is never.
    /// Not for NaN.
    static deadline in_seconds(double seconds) noexcept {
        constexpr double longest_s = 1e9;  // thirty years
        if (seconds >= longest_s) return never();
        if (seconds <= 0) return deadline{steady_time::min()};
        const auto wait = std::chrono::duration<double>(seconds);
        return in(std::chrono::ceil<std::chrono::nanoseconds>(wait));
    }

    /// Has passed from the start on.
    bool is_immediate() const noexcept { return when_ == steady_time::min(); }
    bool is_never() const noexcept { return when_ == steady_time::max(); }
    bool has_passed() const noexcept {
        if (is_never()) return false;
        return is_immediate() || std::chrono::steady_clock::now() >= when_;
    }
    /// The earlier of this and `wait` from now.
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
