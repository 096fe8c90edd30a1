#pragma once

#include "base/clock.hpp"

#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <mutex>
#include <type_traits>

#include <pthread.h>

namespace valpool::detail {

/// Boost's interprocess_condition with time-outs on the monotonic clock. Boost's own time-outs use
/// the wall clock, which may be set while somebody waits. It is only for the threads of one
/// process: between processes, a death in the middle of a wait or a notification would leave it
/// locked for ever, see docs/design/waiting.md.
/// Waits are cancellation points.
class monotonic_condition : public boost::interprocess::interprocess_condition {
public:
    monotonic_condition() noexcept {
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_destroy(native());
        pthread_cond_init(native(), &attributes);
        pthread_condattr_destroy(&attributes);
    }

    /// Wake-ups may be spurious.
    void wait_until(std::unique_lock<boost::interprocess::interprocess_mutex>& guard,
                    deadline until) {
        const timespec end = until.as_timespec();
        // Boost makes the mutex robust, but the result needs no check: the death of an owner is the
        // death of this process.
        pthread_cond_timedwait(
            native(), reinterpret_cast<pthread_mutex_t*>(&guard.mutex()->internal_mutex()), &end);
    }

private:
    pthread_cond_t* native() noexcept { return reinterpret_cast<pthread_cond_t*>(this); }
};
static_assert(sizeof(monotonic_condition) == sizeof(pthread_cond_t) &&
                  std::is_standard_layout_v<monotonic_condition>,
              "Boost's condition is the native one and nothing else");

}  // namespace valpool::detail
