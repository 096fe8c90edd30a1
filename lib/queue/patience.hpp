#pragma once

/// Adaptive back-off: what a thread does before it sleeps. Sleeping and waking cost both sides
/// several microseconds, and separate threads that could have worked right after each other.

#include "base/clock.hpp"
#include "base/relax.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include <sys/resource.h>

namespace valpool::detail {

/// What a sleep costs on this machine: the time from the waker's call until the sleeper runs. It is
/// between 5 and 100 us, and differs from machine to machine and from hour to hour, so each thread
/// measures it. A rare wake-up that takes much longer (another thread had the processor) counts as
/// `longest`.
class wake_up_cost {
public:
    using duration = std::chrono::nanoseconds;

    /// Called after each sleep that a waker has ended. What makes no sense is left out: another
    /// process may have another clock (a time namespace).
    void measured(duration took) noexcept {
        if (took.count() <= 0 || took > unbelievable) return;
        const duration more = std::min(took, longest) - usual_;
        usual_ += more / (more.count() < 0 ? 4 : 32);
    }
    duration usual() const noexcept { return usual_; }

private:
    static constexpr duration longest = std::chrono::microseconds(150);
    static constexpr duration unbelievable = std::chrono::milliseconds(100);
    duration usual_ = std::chrono::microseconds(40);
};

/// What bounds a wait that does not sleep.
struct spin_limits {
    deadline until = deadline::never();
    std::chrono::nanoseconds period = std::chrono::hours(1);
    /// Between two looks, after the first few. Each look takes the cache line away that the peer
    /// writes, and a thread that takes each packet at once finds one at a time.
    std::chrono::nanoseconds pause{0};

    steady_time end(steady_time start) const noexcept {
        return std::min(until.when(), start + period);
    }
};

/// How long a thread spins before it does anything else. Spinning pays when the peer is running,
/// and is wasted when it is not. Each thread learns which is the case. Now and then it spins for as
/// long as a sleep would have cost, and a half more: two threads that both sleep at once would
/// otherwise never find out, because the peer's answer comes only after its wake-up. So spinning at
/// most doubles what a wait costs.
class spin_budget {
public:
    using duration = wake_up_cost::duration;

    /// `is_crowded`: other threads want this processor, perhaps also the peer. Then hardly any
    /// spinning is worth it, even if the peer runs elsewhere and each spin succeeds: a thread that
    /// keeps up with a running peer, one packet at a time, keeps threads from running that have
    /// whole batches to do.
    /// `is_alone`: asked now and then in a long spin; lets others on this processor run, and says
    /// whether there were none. A thread that has just been woken would otherwise wait for the end.
    template <class Ready, class IsAlone>
    bool spin(Ready ready, bool is_crowded, const spin_limits& limits, IsAlone is_alone) noexcept {
        const bool hurries = limits.pause == duration{0};
        // Most waits end here. They need no clock.
        if (look(ready, is_crowded || !hurries ? fewest : looks_a_time))
            return is_crowded || paid(duration{0});
        if (is_crowded) return false;
        const steady_time start = std::chrono::steady_clock::now();
        const duration budget = ++waits_ % explore_each == 0 ? most() : budget_;
        const steady_time end = std::min(limits.end(start), start + budget);
        steady_time next_stop = start + stretch;
        for (steady_time now = start; now < end;) {
            if (now >= next_stop) {
                if (!is_alone()) return false;
                next_stop = now + stretch;
            }
            if (!hurries) idle(now + limits.pause);
            const bool is_ready = look(ready, hurries ? looks_a_time : 1);
            now = std::chrono::steady_clock::now();
            if (is_ready) return paid(now - start);
        }
        budget_ = std::max(budget_ / 2, shortest);
        return false;
    }
    template <class Ready>
    bool spin(Ready ready, bool is_crowded, const spin_limits& limits = {}) noexcept {
        return spin(ready, is_crowded, limits, [] { return true; });
    }
    void woken_after(duration took) noexcept { cost_.measured(took); }

private:
    static constexpr unsigned fewest = 4;
    static constexpr unsigned looks_a_time = 16;  // the clock costs as much as several looks
    static constexpr unsigned explore_each = 16;
    static constexpr duration shortest = std::chrono::nanoseconds(100);
    static constexpr duration stretch = std::chrono::microseconds(16);

    template <class Ready>
    static bool look(Ready& ready, unsigned times) noexcept {
        for (unsigned i = 0; i < times; ++i) {
            if (ready()) return true;
            relax();
        }
        return false;
    }
    static void idle(steady_time end) noexcept {
        do {
            for (unsigned i = 0; i < looks_a_time; ++i) relax();
        } while (std::chrono::steady_clock::now() < end);
    }
    /// A sleeper's peer must wake it, and do its part, before there is an answer.
    duration most() const noexcept { return cost_.usual() * 3 / 2; }
    bool paid(duration spent) noexcept {
        budget_ = spent > budget_ ? most() : std::min(2 * budget_, most());
        return true;
    }

    wake_up_cost cost_;
    duration budget_ = std::chrono::microseconds(10);
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
    /// `others_ran`: whether others have had the processor meanwhile.
    verdict gave_way(steady_time now, duration took, std::uint64_t found,
                     bool others_ran) noexcept {
        credit_ = std::min(credit_ + spared(found), most_credit);
        if (took > bearable && took > credit_) {
            credit_ = {};
            rest(now, took, found != 0);
            return verdict::too_long;
        }
        if (took > bearable) credit_ -= took;
        is_crowded_ = others_ran;
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

/// Whether other threads have had this thread's processor. Time does not tell: on one machine
/// giving way to nobody takes 0.3 us, on another two switches take no longer than that does on a
/// third.
class switch_watch {
public:
    /// Called after the thread gave way, which took `took`. True: others have run meanwhile, or
    /// since the last question.
    bool others_ran(std::chrono::nanoseconds took) noexcept {
        if (took < shortest_switch) return was_switched_ = false;
        // In a crowd the answer hardly ever changes.
        if (was_switched_ && ++unasked_ % ask_each != 0) return true;
        rusage usage{};
        getrusage(RUSAGE_THREAD, &usage);
        // Giving way counts as involuntary when it leads to a switch; a sleep does not.
        return was_switched_ = std::exchange(switches_, usage.ru_nivcsw) != usage.ru_nivcsw;
    }

private:
    /// Two switches take longer than this everywhere.
    static constexpr std::chrono::nanoseconds shortest_switch{600};
    static constexpr unsigned ask_each = 8;
    long switches_ = 0;
    unsigned unasked_ = 0;
    bool was_switched_ = false;
};

/// Spins, then gives way.
class patience {
public:
    /// Waits a little until `look()`, which says how much there is to do, finds something. It waits
    /// no longer than the limits say, unless others keep the processor. False: it is time to sleep.
    template <class Look>
    bool wait_for(Look look, const spin_limits& limits) noexcept {
        const auto is_alone = [&] { return give_way_once(look); };
        return spins_.spin(look, yields_.is_crowded(), limits, is_alone) || give_way(look, limits);
    }
    /// Called after the thread has slept. `found`: how much there is to do now. `woken_after`: how
    /// long its wake-up took; 0: nobody has woken it.
    void slept(std::uint64_t found, std::chrono::nanoseconds woken_after) noexcept {
        yields_.slept(found);
        spins_.woken_after(woken_after);
    }

private:
    /// True: nobody else has wanted the processor, or there is something to do now.
    template <class Look>
    bool give_way_once(Look& look) noexcept {
        using verdict = yield_budget::verdict;
        const steady_time before = std::chrono::steady_clock::now();
        if (yields_.turns_at(before) == 0) return true;
        const verdict v = yield_from(before, look).said;
        return v == verdict::nobody_else || v == verdict::done;
    }
    struct yielded {
        yield_budget::verdict said;
        std::uint64_t found;
        steady_time now;
    };
    template <class Look>
    yielded yield_from(steady_time before, Look& look) noexcept {
        std::this_thread::yield();
        const std::uint64_t found = look();
        const steady_time now = std::chrono::steady_clock::now();
        const bool others_ran = switches_.others_ran(now - before);
        return {yields_.gave_way(now, now - before, found, others_ran), found, now};
    }

    template <class Look>
    bool give_way(Look look, const spin_limits& limits) noexcept {
        using verdict = yield_budget::verdict;
        steady_time before = std::chrono::steady_clock::now();
        const steady_time end = limits.end(before);
        for (unsigned left = yields_.turns_at(before); left != 0 && before < end; --left) {
            const yielded y = yield_from(before, look);
            if (y.said == verdict::done || y.said == verdict::too_long) return y.found != 0;
            if (y.said == verdict::nobody_else) break;
            before = y.now;
        }
        yields_.was_in_vain();
        return false;
    }

    spin_budget spins_;
    yield_budget yields_;
    switch_watch switches_;
};

}  // namespace valpool::detail
