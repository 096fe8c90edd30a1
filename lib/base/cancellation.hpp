#pragma once

/// pthread_cancel ends a thread at its next cancellation point, by unwinding its stack. The C
/// library has such points in many calls (open, close, nanosleep). A cancellation inside a noexcept
/// function would end the process. So the library turns cancellation off around its own work, and
/// its waits have cancellation points of their own.

#include <pthread.h>

namespace valpool::detail {

class no_cancellation {
public:
    no_cancellation() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~no_cancellation() { pthread_setcancelstate(before_, nullptr); }
    no_cancellation(const no_cancellation&) = delete;
    no_cancellation& operator=(const no_cancellation&) = delete;

private:
    int before_ = 0;
};

/// Ends the thread if somebody has cancelled it. Call it only where the whole stack may unwind.
inline void cancellation_point() { pthread_testcancel(); }

}  // namespace valpool::detail
