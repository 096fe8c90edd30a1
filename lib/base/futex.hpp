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
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>

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

/// So many words can be slept on at once.
constexpr std::size_t most_futexes = 128;

/// The same for several words, at most most_futexes: returns as soon as one of them is not
/// `expected` any more, and was woken. Kernels before 5.16 cannot do that, nor can a process whose
/// filter of system calls does not know it: then this sleeps on the first word only, for a short
/// time, so that the caller looks at all of them again soon.
inline void futex_wait_any(std::atomic<std::uint32_t>* const* words, std::size_t count,
                           std::uint32_t expected, deadline until) noexcept {
    if (until.is_immediate() || count == 0) return;
    if (count == 1) {
        futex_wait(**words, expected, until);
        return;
    }
#ifdef __NR_futex_waitv
    futex_waitv waits[most_futexes]{};
    for (std::size_t i = 0; i < count; ++i) {
        waits[i].val = expected;
        waits[i].uaddr = reinterpret_cast<std::uint64_t>(words[i]);
        waits[i].flags = FUTEX_32;
    }
    const timespec end = until.as_timespec();
    if (syscall(__NR_futex_waitv, waits, count, 0, until.is_never() ? nullptr : &end,
                CLOCK_MONOTONIC) >= 0 ||
        (errno != ENOSYS && errno != EPERM))
        return;
#endif
    futex_wait(**words, expected, until.or_in(std::chrono::milliseconds(2)));
}

/// Wakes up to `count` of the threads that sleep on the word, those that have slept longest first.
inline void futex_wake(std::atomic<std::uint32_t>& word, int count = 1) noexcept {
    syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

}  // namespace valpool::detail
