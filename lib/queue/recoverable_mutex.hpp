#pragma once

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <type_traits>

#include <pthread.h>

namespace valpool::detail {

/// Boost's interprocess_mutex, but not lost for ever when its owner dies.
///
/// Boost makes it robust, yet on a dead owner gives it up for good (every later lock throws). Here
/// the next one to lock makes it whole again and is told, so that it can look at what the mutex
/// protects. Lies in the pool; never destroyed.
class recoverable_mutex : public boost::interprocess::interprocess_mutex {
public:
    enum class outcome { locked, owner_died, not_locked };

    outcome lock_natively() noexcept { return healed(pthread_mutex_lock(native())); }
    outcome try_lock_natively() noexcept { return healed(pthread_mutex_trylock(native())); }
    void unlock_natively() noexcept { pthread_mutex_unlock(native()); }

    /// Turns what a native lock or wait returned into an outcome, and makes the mutex whole.
    outcome healed(int result) noexcept {
        if (result == 0) return outcome::locked;
        if (result != EOWNERDEAD) return outcome::not_locked;
        pthread_mutex_consistent(native());
        return outcome::owner_died;
    }

    pthread_mutex_t* native() noexcept {
        return reinterpret_cast<pthread_mutex_t*>(&internal_mutex());
    }
};
static_assert(sizeof(boost::interprocess::interprocess_mutex) == sizeof(pthread_mutex_t) &&
                  std::is_standard_layout_v<boost::interprocess::interprocess_mutex>,
              "Boost's mutex is the native one and nothing else");

}  // namespace valpool::detail
