#pragma once

/// Waiting for more than one queue.

#include <valpool/base/detail/config.hpp>

#include <cstddef>
#include <vector>

namespace valpool {

class CQ;

/// A queue, and what somebody waits for there.
struct WaitItem {
    CQ* queue;
    bool is_for_room;
};
/// Waits for a packet in the queue.
inline WaitItem readable(CQ& queue) noexcept { return {&queue, false}; }
/// Waits for room in the queue.
inline WaitItem writable(CQ& queue) noexcept { return {&queue, true}; }

/// Waits until one of these is ready: the queues may lie in different pools, or on the heap, and
/// the same queue may be there in both directions. Returns the indexes of all that are ready, in
/// ascending order; empty at the time-out (in seconds; infinity: for ever; zero or less: a look),
/// and when the break checker of one of the queues ended the wait.
///
/// Ready means that a call would not have to wait at that moment: somebody else may be faster, so
/// the caller tries (try_dequeue, try_enqueue). A queue whose pool is retired is always ready: the
/// call throws PoolRetired. The thread sleeps, and the first queue that becomes ready wakes it.
/// Any number of threads and processes may wait for the same queue. A cancellation point of
/// pthread_cancel.
///
/// Throws std::logic_error for a null pointer, no items and a time-out of NaN; PoolStalled as
/// CQ::dequeue, and std::runtime_error when this thread cannot use a pool.
/// Linux before 5.16 cannot wake a thread that sleeps in two pools, or in a pool and on the heap;
/// there it looks every 2 ms.
VALPOOL_API std::vector<std::size_t> wait_any(const std::vector<WaitItem>& items, double timeout_s);

}  // namespace valpool
