#pragma once

/// File descriptors that say whether a queue is ready, for programs that wait in poll, epoll, or a
/// library's event loop.

#include "queue/queue_core.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <mutex>
#include <thread>

namespace valpool::detail {

/// An eventfd that is readable while the queue is ready in one direction, and a thread that sleeps
/// in the queue and writes to it. The queue's users in this process clear it when they have found
/// the queue no longer ready; while it is set, the thread does not look.
/// Invariants: `is_set_` says, to whoever has the mutex, whether the eventfd is readable. It is set
/// only by the thread, and cleared only after the queue was seen not to be ready. The thread then
/// looks again before it sleeps; so whatever made the queue ready meanwhile is not missed. A forked
/// child has the descriptor, but not the thread: there the object does nothing.
class readiness {
public:
    /// Throws std::runtime_error when there is no descriptor or thread left, or no place for the
    /// thread in the pool.
    readiness(queue_core& core, direction d);
    /// Deletes it. In a forked child it closes the descriptor and leaves the rest: destroying what
    /// a thread waited for that does not exist there would wait for that thread.
    static void end(readiness* r) noexcept;
    readiness(const readiness&) = delete;
    readiness& operator=(const readiness&) = delete;

    int fd() const noexcept { return fd_; }
    /// Of this process, not of the one that it was forked from.
    bool is_own() const noexcept;
    /// Called after each operation that may have used up what made the queue ready.
    void settle() noexcept {
        if (is_set_.load(std::memory_order_seq_cst)) settle_slowly();
    }

private:
    ~readiness();
    void settle_slowly() noexcept;
    void watch() noexcept;
    bool is_admitted(std::promise<void>& answer) noexcept;
    void sleep_until_ready() noexcept;
    bool set() noexcept;

    queue_core& core_;
    const direction direction_;
    const std::uint32_t generation_;
    int fd_;
    std::atomic<bool> is_set_{false};
    std::atomic<std::uint32_t> goes_on_{1};  // a word to sleep on
    std::mutex mutex_;
    std::condition_variable cleared_;
    std::thread watcher_;
};

}  // namespace valpool::detail
