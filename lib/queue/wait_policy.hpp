#pragma once

/// The policy of waiting at a pipe: when a thread looks, gives way and sleeps, for how long, and
/// which thread is woken when. The mechanism of sleeping and waking is in waiting.hpp.
///
/// A wait repeats these steps until there is something to do or the time is over:
///   1. look (spin) for as long as spin() says, or for as long as has paid lately (patience);
///   2. let a waiter go first that is overdue (reservation, courtesy);
///   3. try;
///   4. ask the break checker and look for the dead; sleep for a nap, or until woken.

#include "queue/patience.hpp"
#include "queue/queue_core.hpp"
#include "queue/ring.hpp"
#include "queue/waiting.hpp"
#include "recovery/watch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace valpool::detail {

// --- whom to wake ------------------------------------------------------------------------------

/// In a pipe of fewer packets, each free cell counts.
constexpr std::uint64_t small_pipe = 16;

/// Whether to wake a writer after a reader has taken a packet. A writer that was woken for each
/// single free cell would sleep most of the time. With a quarter of the pipe free there is work for
/// it. (A writer also looks by itself now and then.)
inline bool is_writer_due(const pipe& p, const side_memory& read) noexcept {
    if (p.capacity < small_pipe) return true;
    const std::uint64_t next = read.next.load(std::memory_order_relaxed);
    const std::uint64_t tail = read.other.load(std::memory_order_relaxed);
    return tail <= next || tail - next <= p.capacity / 4 * 3;
}

/// In a pipe with room for batches, a thread waits for one: a fraction of what a wake-up costs.
inline std::chrono::nanoseconds pause_between_looks(const pipe& p) noexcept {
    constexpr std::uint64_t roomy = 64;
    return p.capacity >= roomy ? std::chrono::microseconds(2) : std::chrono::nanoseconds(0);
}
/// How much room a writer has that can wait for a batch of work: as is_writer_due. 0 until then.
inline std::uint64_t room_for_batch(const pipe& p, side_memory& seen) noexcept {
    if (p.capacity < small_pipe) return room_seen(p, seen);
    const std::uint64_t room = room_now(p, seen);
    return room >= p.capacity / 4 ? room : 0;
}

// --- who goes first ----------------------------------------------------------------------------

/// An anti-starvation ticket. A waiter puts it up when it has waited in vain for some time. Another
/// thread that finds the ticket, and can wait, lets that waiter go first. The ticket is withdrawn
/// by its owner, by recovery when the owner has died, and by a thread that has given way for a
/// while without seeing it go (the owner may be stopped).
class reservation {
public:
    explicit reservation(wait_list& list) noexcept : list_(list) {}
    ~reservation() {
        if (mine_ != 0) withdraw(list_, mine_);
    }
    reservation(const reservation&) = delete;
    reservation& operator=(const reservation&) = delete;

    /// Called after each sleep or try in vain.
    void was_in_vain(std::uint32_t lane) noexcept;

    /// The ticket of another lane than the given one; 0: none.
    static std::uint32_t of_another(const wait_list& list, std::uint32_t lane) noexcept {
        const std::uint32_t up = list.overdue.load(std::memory_order_relaxed);
        return up != 0 && lane_of(up) != lane ? up : 0;
    }
    static std::uint32_t lane_of(std::uint32_t up) noexcept { return up % lanes - 1; }
    static void withdraw(wait_list& list, std::uint32_t up) noexcept {
        list.overdue.compare_exchange_strong(up, 0, std::memory_order_relaxed);
    }

private:
    // Shape of a ticket: lane + 1, and above it a number that distinguishes a lane's tickets.
    static constexpr std::uint32_t lanes = 8192;

    wait_list& list_;
    std::uint32_t mine_ = 0;
    steady_time first_ = steady_time::min();  // first time in vain
};

/// Decides whether one side of a process's queue gives way to an overdue waiter.
class courtesy {
public:
    /// True: let the owner of the ticket go first, for now. After longest_courtesy it withdraws the
    /// ticket.
    bool gives_way(wait_list& list, std::uint32_t up) noexcept;

private:
    std::atomic<std::uint32_t> to_{0};
    std::atomic<steady_time::rep> since_{0};
};
/// How long a side gives way to one ticket at most.
constexpr std::chrono::milliseconds longest_courtesy{2};

// --- how long ----------------------------------------------------------------------------------

/// How long a process's queue looks and sleeps at a time.
class wait_policy {
public:
    explicit wait_policy(const break_options& breaks) noexcept : breaks_(breaks) {}

    /// Sets how long a wait looks before it sleeps; negative: adaptive.
    void spin(std::chrono::nanoseconds time) noexcept {
        spin_ns_.store(time.count(), std::memory_order_relaxed);
    }
    /// Looks for some time; true when `ready_count()` says that there is something to do. `pause`:
    /// as in spin_limits; without effect where spin() has set the time.
    template <class ReadyCount>
    bool look(const ReadyCount& ready_count, deadline until,
              std::chrono::nanoseconds pause = std::chrono::nanoseconds(0)) const noexcept {
        if (ready_count() != 0) return true;
        const auto time = std::chrono::nanoseconds(spin_ns_.load(std::memory_order_relaxed));
        return time.count() < 0
                   ? patience_of_thread.wait_for(ready_count, {until, longest_look(), pause})
                   : look_for(std::min(time, longest_look()), until, ready_count);
    }
    /// Whether spin() asks for so long a time that waits never sleep.
    bool never_sleeps() const noexcept {
        return spin_ns_.load(std::memory_order_relaxed) >=
               std::chrono::nanoseconds(look_slice).count();
    }
    /// How long to sleep at most. Lookouts do not see when an unnamed queue is ready, so a sleeper
    /// there looks by itself, after a short nap.
    std::chrono::nanoseconds nap(const thread_lane& l, bool is_named) const noexcept {
        return is_named ? or_break_period(nap_of(*l.pool, l.index)) : short_nap();
    }
    /// The same for a thread whose readiness lookouts do not see.
    std::chrono::nanoseconds short_nap() const noexcept { return longest_look(); }
    /// As patience::slept.
    static void slept(std::uint64_t found, std::chrono::nanoseconds woken_after) noexcept {
        patience_of_thread.slept(found, woken_after);
    }

    /// Throws BreakRequested when the break checker ends the wait.
    void ask_break_checker() const {
        if (breaks_.checker && (*breaks_.checker)())
            throw BreakRequested("the break checker ended the wait");
    }

private:
    static thread_local constinit patience patience_of_thread;

    /// Limits a time where a break checker must be asked meanwhile.
    std::chrono::nanoseconds or_break_period(std::chrono::nanoseconds time) const noexcept {
        return breaks_.checker ? std::min<std::chrono::nanoseconds>(time, breaks_.period) : time;
    }
    std::chrono::nanoseconds longest_look() const noexcept { return or_break_period(look_slice); }

    template <class Ready>
    static bool look_for(std::chrono::nanoseconds time, deadline until, Ready ready) noexcept {
        if (time.count() == 0) return false;
        constexpr unsigned looks_a_time = 16;  // the clock costs as much as several looks
        for (const deadline end = until.or_in(time);;) {
            for (unsigned i = 0; i < looks_a_time; ++i) {
                if (ready() != 0) return true;
                relax();
            }
            if (end.has_passed()) return false;
        }
    }

    const break_options breaks_;
    std::atomic<std::int64_t> spin_ns_{-1};
};

}  // namespace valpool::detail
