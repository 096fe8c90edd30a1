#include "object/box_lock.hpp"

#include <valpool/object/detail/box_lock.hpp>
#include <valpool/object/detail/mutation.hpp>

#include "base/cancellation.hpp"
#include "base/kill_point.hpp"
#include "base/relax.hpp"
#include "object/box_owner.hpp"
#include "process/fork.hpp"
#include "process/slot.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <utility>

/// A free lock is taken by one compare-and-swap and released by one atomic operation. A thread that
/// finds the lock taken spins for some microseconds, then sleeps on the word. The unlocking thread
/// wakes one sleeper, which has to try like any other thread. So a lock that one thread takes again
/// and again costs no context switches, but could starve the sleepers. A sleeper that has waited in
/// vain for `patience` therefore reserves the lock: then newcomers leave it to the sleepers.
///
/// No thread depends on a waiter: a newcomer that finds the lock free but reserved also sleeps, for
/// `most_reserved` at most, and then may take it, too. No thread depends on a wake-up either: the
/// unlocking thread may die before it, so sleepers check the lock now and then by themselves. They
/// also check whether the owner has died.

namespace valpool::detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr unsigned short_spins = 200;
constexpr auto patience = std::chrono::microseconds(200);
constexpr auto most_reserved = milliseconds(5);
constexpr auto first_slice = milliseconds(10);
constexpr auto longest_slice = milliseconds(100);
constexpr auto between_looks = milliseconds(20);

/// Throws PoisonedError when the lock's owner has died and recovery was put off: there is nothing
/// to wait for.
void look_for_death(const thread_lane& l, const box& b) {
    const no_cancellation guard;
    if (has_dead_owner(*l.at, b)) throw_poisoned();
}

/// False when somebody has the lock, or when it is reserved for a thread that has slept.
bool try_take(std::atomic<std::uint32_t>& word, std::uint32_t me, bool has_slept) noexcept {
    std::uint32_t seen = word.load(std::memory_order_relaxed);
    if (lock_owner_in(seen) != 0 || ((seen & lock_reserved) != 0 && !has_slept)) return false;
    // An unlock wakes only one sleeper, so a thread that has slept keeps the bit for the others.
    // Acquire: pairs with the release in unlock.
    const std::uint32_t taken = has_slept ? me | lock_sleepers : me | seen;
    return word.compare_exchange_strong(seen, taken, std::memory_order_acquire,
                                        std::memory_order_relaxed);
}

bool spin(std::atomic<std::uint32_t>& word, std::uint32_t me, bool has_slept) noexcept {
    for (unsigned spins = 0; spins < short_spins; ++spins) {
        if (try_take(word, me, has_slept)) return true;
        relax();
    }
    return false;
}

/// One thread's wait for one lock. If the wait ends without the lock (time-out, exception, or
/// cancellation of the thread), the reservation or wake-up of this thread goes to the next one.
class lock_wait {
public:
    lock_wait(thread_lane& l, box& b) noexcept : lane_(l), box_(b), word_(b.lock_word) {}
    ~lock_wait() {
        if (!has_lock_) pass_on();
    }
    lock_wait(const lock_wait&) = delete;
    lock_wait& operator=(const lock_wait&) = delete;

    bool wait(deadline until) {
        for (;;) {
            if (try_once()) return true;
            if (until.has_passed()) break;
            if (is_patient_no_more() && reserve()) return true;
            sleep(until);
            cancellation_point();
            if (try_once()) return true;
            if (steady_clock::now() >= next_look_) look();
        }
        look_for_death(lane_, box_);
        return try_once();
    }

private:
    bool try_once() noexcept {
        has_lock_ = try_take(word_, name_in_box(lane_), has_slept_);
        return has_lock_;
    }
    bool is_patient_no_more() const noexcept { return steady_clock::now() >= impatient_; }

    /// Reserves the lock and spins once more, because most locks are released soon: true when it
    /// got the lock.
    bool reserve() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        if ((seen & lock_reserved) != 0 || lock_owner_in(seen) == 0) return false;
        // If this fails, the word has changed: the next turn tries again.
        if (!word_.compare_exchange_strong(seen, seen | lock_reserved, std::memory_order_relaxed))
            return false;
        VALPOOL_KILL_POINT("box.reserved_lock");
        has_reserved_ = true;
        has_lock_ = spin(word_, name_in_box(lane_), has_slept_);
        return has_lock_;
    }

    void sleep(deadline until) noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        if (seen == 0) return;
        const std::uint32_t asleep = seen | lock_sleepers;
        if (seen != asleep &&
            !word_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed))
            return;
        VALPOOL_KILL_POINT("box.sleeping_for_lock");
        futex_wait(word_, asleep, until.or_in(next_slice(lock_owner_in(asleep) == 0)));
        has_slept_ = true;
    }

    std::chrono::nanoseconds next_slice(bool is_free) noexcept {
        if (is_free) return most_reserved;
        const auto now = steady_clock::now();
        if (now < impatient_) return impatient_ - now;
        return std::exchange(slice_, std::min(slice_ * 2, longest_slice));
    }

    void look() {
        look_for_death(lane_, box_);
        next_look_ = steady_clock::now() + between_looks;
    }

    void pass_on() noexcept {
        if (!has_slept_ && !has_reserved_) return;
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        const auto without_mine = [&] {
            const std::uint32_t rest = has_reserved_ ? seen & ~lock_reserved : seen;
            return has_slept_ && lock_owner_in(seen) != 0 ? rest | lock_sleepers : rest;
        };
        while (!word_.compare_exchange_weak(seen, without_mine(), std::memory_order_relaxed)) {
        }
        if (has_slept_ && lock_owner_in(seen) == 0) futex_wake(word_);
    }

    thread_lane& lane_;
    box& box_;
    std::atomic<std::uint32_t>& word_;
    const steady_clock::time_point impatient_ = steady_clock::now() + patience;
    steady_clock::time_point next_look_ = steady_clock::now() + between_looks;
    milliseconds slice_ = first_slice;
    bool has_slept_ = false;
    bool has_reserved_ = false;
    bool has_lock_ = false;
};

[[gnu::noinline]] bool wait_for_lock(thread_lane& l, box& b, deadline until) {
    if (!until.is_immediate() && spin(b.lock_word, name_in_box(l), false)) return true;
    return lock_wait(l, b).wait(until);
}

void lock_again(box& b) {
    if (b.lock_depth == std::numeric_limits<std::uint16_t>::max() - 1)
        throw std::logic_error(
            "TransactionLock: a thread can hold the same lock 65535 times at most");
    check_usable(b);
    ++b.lock_depth;
}

void unlock(box& b) noexcept {
    if (b.lock_depth != 0) {
        --b.lock_depth;
        return;
    }
    VALPOOL_KILL_POINT("box.unlocking");
    // Release: pairs with the acquire in try_take.
    const std::uint32_t before = b.lock_word.fetch_and(lock_reserved, std::memory_order_release);
    VALPOOL_KILL_POINT("box.unlocked");
    if ((before & lock_sleepers) != 0) futex_wake(b.lock_word);
}

[[gnu::noinline]] void refuse_if_poisoned(box& b) {
    if (is_usable(b)) return;
    unlock(b);
    throw_poisoned();
}

[[gnu::always_inline]] inline bool lock(box& b, deadline until) {
    thread_lane& l = lane_of_thread(arena_of(b), until);
    const std::uint32_t me = name_in_box(l);
    if (lock_owner_in(b.lock_word.load(std::memory_order_relaxed)) == me) {
        lock_again(b);
        return true;
    }
    if (!try_take(b.lock_word, me, false) && !wait_for_lock(l, b, until)) return false;
    VALPOOL_KILL_POINT("box.locked");
    if (!is_untouched(b)) refuse_if_poisoned(b);
    return true;
}

}  // namespace

void lock_box(box& b) { lock(b, deadline::never()); }

bool lock_box_for(box& b, double timeout_s) { return lock(b, deadline::in_seconds(timeout_s)); }

void unlock_box(box& b, std::uint32_t generation) noexcept {
    if (generation != fork_generation() && !is_copied_by_fork(b)) return;
    unlock(b);
}

std::int32_t pid_of_lock_owner(const box& b) noexcept {
    arena& a = arena_of(const_cast<box&>(b));
    const std::uint32_t owner = lock_owner_in(b.lock_word.load(std::memory_order_relaxed));
    if (owner == 0 || owner > a.lane_count) return 0;
    return pid_of_slot(a, a.lane_at(owner - 1).owner.load(std::memory_order_relaxed));
}

}  // namespace valpool::detail
