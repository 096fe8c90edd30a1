#pragma once

/// Sleeping on a word of memory that processes share.
///
/// A wake-up is one atomic step on the word, then one system call, with no lock held in between. A
/// process that dies or stops between the two makes one sleeper sleep to the end of its time slice,
/// and affects nobody else. No condition variable of the C library can promise that; see
/// docs/design/waiting.md.

#include "base/clock.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace valpool::detail {

static_assert(sizeof(std::atomic<std::uint32_t>) == 4, "the kernel compares 32 bits");

/// Sleeps while `word` is `expected`: until somebody wakes the thread, or until the deadline.
/// Wake-ups may be spurious, so the caller checks its condition again. False: the deadline has
/// passed. Not a cancellation point. Must not be called inside.
inline bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       deadline until) noexcept {
    if (until.is_immediate()) return false;
    const timespec end = until.as_timespec();
    return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, until.is_never() ? nullptr : &end,
                   nullptr, FUTEX_BITSET_MATCH_ANY) == 0 ||
           errno != ETIMEDOUT;
}

/// Wakes up to `count` of the threads that sleep on the word, those that have slept longest first.
inline void futex_wake(std::atomic<std::uint32_t>& word, int count = 1) noexcept {
    syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

}  // namespace valpool::detail
