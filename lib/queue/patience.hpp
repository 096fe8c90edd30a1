#pragma once

/// Adaptive back-off: what a thread does before it sleeps. Sleeping and waking cost both sides
/// several microseconds, and separate threads that could have worked right after each other.

#include "base/clock.hpp"
#include "base/relax.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

namespace valpool::detail {

/// How long a thread spins before it does anything else. A wake-up costs tens of microseconds. So
/// spinning for a few microseconds pays when the peer is running, and is wasted when it is not.
/// Each thread learns which is the case, and spins for long again now and then: two threads that
/// both sleep at once would otherwise never find out.
class spin_budget {
public:
    /// `is_crowded`: other threads want this processor, perhaps also the peer. Then hardly any
    /// spinning is worth it, even if the peer runs elsewhere and each spin succeeds: a thread that
    /// keeps up with a running peer, one packet at a time, keeps threads from running that have
    /// whole batches to do.
    template <class Ready>
    bool spin(Ready ready, bool is_crowded) noexcept {
        const unsigned limit = is_crowded ? fewest : ++waits_ % explore_each == 0 ? most : turns_;
        for (unsigned i = 0; i < limit; ++i) {
            if (ready()) {
                turns_ = i > turns_ ? most : std::min(turns_ * 2, most);
                return true;
            }
            relax();
        }
        if (!is_crowded) turns_ = std::max(turns_ / 2, fewest);
        return false;
    }

private:
    static constexpr unsigned fewest = 4;
    static constexpr unsigned most = 1024;
    static constexpr unsigned explore_each = 16;
    unsigned turns_ = 256;
    unsigned waits_ = 0;
};

/// How often a thread gives way (yields) to others on its processor before it sleeps. If the peer
/// is among them, giving way is right: when the thread is back there is a batch of work, and no
/// system call was spent on sleep and wake-up. If nobody else wants the processor, giving way costs
/// a fraction of a microsecond. If another thread wants it just to compute, giving way costs
/// milliseconds, and a sleeper would have been woken in between. After that the thread does not
/// give way for many times as long, and for longer each time.
class yield_budget {
public:
    using duration = std::chrono::steady_clock::duration;

    /// How many times the thread may give way in a wait that begins at `now`.
    unsigned turns_at(steady_time now) const noexcept { return now < rest_until_ ? 0 : turns_; }

    enum class verdict { done, nobody_else, go_on, too_long };
    /// Called after the thread gave way, which took `took`. `found`: how much there is to do now.
    verdict gave_way(steady_time now, duration took, std::uint64_t found) noexcept {
        credit_ = std::min(credit_ + spared(found), most_credit);
        if (took > bearable && took > credit_) {
            credit_ = {};
            rest(now, took, found != 0);
            return verdict::too_long;
        }
        if (took > bearable) credit_ -= took;
        is_crowded_ = took >= shortest_switch;
        if (found != 0) {
            turns_ = std::min(turns_ * 2, most);
            return verdict::done;
        }
        return is_crowded_ ? verdict::go_on : verdict::nobody_else;
    }
    /// Called when a wait has given way for the last time, in vain.
    void was_in_vain() noexcept { turns_ = std::max(turns_ / 2, 1U); }

    /// Called after a sleep. `found`: how much there was to do at its end. Where each packet wakes
    /// a sleeper, that is little. Where several threads share a pipe it is more, and then giving
    /// way saves few wake-ups.
    void slept(std::uint64_t found) noexcept {
        constexpr double many = 16;
        const double now_found = std::min(static_cast<double>(found), many);
        found_asleep_ = std::max(found_asleep_ + (now_found - found_asleep_) / 8, 1.0);
    }

    /// Whether other threads wanted the processor when the thread last gave way.
    bool is_crowded() const noexcept { return is_crowded_; }

private:
    static constexpr unsigned most = 16;
    static constexpr double most_in_batch = 1000;
    static constexpr duration bearable = std::chrono::microseconds(250);
    static constexpr duration most_credit = std::chrono::milliseconds(8);
    /// Two context switches take longer than this; giving way to nobody takes less.
    static constexpr duration shortest_switch = std::chrono::nanoseconds(600);
    // After a long time of giving way, the thread rests from it this many times as long.
    static constexpr int shortest_rest = 8;
    static constexpr int longest_rest = 128;

    /// The cost of the wake-ups that a sleeper would have needed for the work that is there now. It
    /// is saved up as credit, which later pays for giving way that takes longer than bearable.
    duration spared(std::uint64_t found) const noexcept {
        constexpr double wake_up_ns = 8000;
        const double batch = std::min(static_cast<double>(found), most_in_batch);
        return std::chrono::nanoseconds(
            static_cast<std::int64_t>(wake_up_ns * batch / found_asleep_));
    }
    /// `was_late`: there was work meanwhile. Without work, no harm was done yet.
    void rest(steady_time now, duration took, bool was_late) noexcept {
        const bool is_soon = now < rest_until_ + shortest_rest * took;
        if (!is_soon)
            times_ = shortest_rest;
        else if (was_late)
            times_ = std::min(2 * times_, longest_rest);
        // A thread that was stopped, perhaps for hours, must not rest for days.
        const duration longest = std::chrono::seconds(1);
        rest_until_ =
            now + std::min((was_late ? times_ : shortest_rest) * std::min(took, longest), longest);
        is_crowded_ = false;
    }

    unsigned turns_ = 4;
    double found_asleep_ = 2;
    duration credit_{0};
    int times_ = shortest_rest;
    bool is_crowded_ = false;
    steady_time rest_until_ = steady_time::min();
};

/// Spins, then gives way.
class patience {
public:
    /// Waits a little until `look()`, which says how much there is to do, finds something. It waits
    /// no longer than `period` and not beyond `until`, unless others keep the processor. False: it
    /// is time to sleep.
    template <class Look>
    bool wait_for(Look look, deadline until, std::chrono::nanoseconds period) noexcept {
        return spins_.spin(look, yields_.is_crowded()) || give_way(look, until, period);
    }
    /// Called after the thread has slept. `found`: how much there is to do now.
    void slept(std::uint64_t found) noexcept { yields_.slept(found); }

private:
    template <class Look>
    bool give_way(Look look, deadline until, std::chrono::nanoseconds period) noexcept {
        using verdict = yield_budget::verdict;
        steady_time before = std::chrono::steady_clock::now();
        const steady_time end = std::min(until.when(), before + period);
        for (unsigned left = yields_.turns_at(before); left != 0 && before < end; --left) {
            std::this_thread::yield();
            const std::uint64_t found = look();
            const steady_time now = std::chrono::steady_clock::now();
            const verdict v = yields_.gave_way(now, now - before, found);
            if (v == verdict::done || v == verdict::too_long) return found != 0;
            if (v == verdict::nobody_else) break;
            before = now;
        }
        yields_.was_in_vain();
        return false;
    }

    spin_budget spins_;
    yield_budget yields_;
};

}  // namespace valpool::detail
