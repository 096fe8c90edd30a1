#pragma once

/// Sleeping until one of several queues is ready.

#include "base/clock.hpp"
#include "process/lane.hpp"
#include "segment/seat.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace valpool::detail {

/// Where one thread sleeps for several queues at once: its seat in each pool, and a word of its own
/// for queues on the heap. A queue is told of the set, then checked, and only then the thread
/// sleeps; so no wake-up is lost. The set belongs to its thread.
class wait_set {
public:
    wait_set() = default;
    /// The queues must not know the set any more.
    ~wait_set();
    wait_set(const wait_set&) = delete;
    wait_set& operator=(const wait_set&) = delete;

    /// The thread's lane in that pool, whose seat belongs to the set from now on. Throws
    /// std::runtime_error when there is no lane, std::bad_alloc.
    std::uint32_t lane_in(arena& a);
    /// A word that is 1 until somebody wakes the thread. The caller wakes by storing 0, then
    /// futex_wake, while it keeps the set from ending. Throws std::bad_alloc.
    std::atomic<std::uint32_t>& word();
    /// Sleeps also on a word of the caller's, as long as it is 1. Throws std::bad_alloc.
    void add_word(std::atomic<std::uint32_t>& word) { words_.push_back(&word); }

    /// Until one of the words is not 1, or until the deadline. Wake-ups may be spurious.
    void sleep(deadline until) noexcept;

private:
    struct place {
        const arena* pool;
        seat* its_seat;
        std::uint32_t lane;
    };
    std::vector<place> places_;
    std::vector<std::atomic<std::uint32_t>*> words_;
    std::atomic<std::uint32_t> own_word_{1};
    bool has_own_word_ = false;
};

}  // namespace valpool::detail
