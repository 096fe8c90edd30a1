#pragma once

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <cstdint>
#include <type_traits>

#include <linux/futex.h>
#include <pthread.h>

namespace valpool::detail {

/// A liveness flag: its thread lives for as long as it holds the mark. Anybody can check it by one
/// load.
///
/// The mark is Boost's interprocess_mutex, which is robust: when the holder dies, in whatever way,
/// the kernel marks the mutex before it drops the locks of the pool's file. Only its own thread
/// ever locks it, so a stopped or dead holder keeps nobody waiting. While it is held, its memory
/// must stay mapped: the C library keeps a list of the robust mutexes that a thread holds.
class life_mark : private boost::interprocess::interprocess_mutex {
public:
    void hold() noexcept { pthread_mutex_lock(native()); }
    void release() noexcept { pthread_mutex_unlock(native()); }

    /// True: some living thread holds it. False: that is unknown.
    bool is_held_by_the_living() const noexcept {
#ifdef __GLIBC__
        const int& word = native()->__data.__lock;
        const auto state = static_cast<std::uint32_t>(__atomic_load_n(&word, __ATOMIC_ACQUIRE));
        return (state & FUTEX_TID_MASK) != 0 && (state & FUTEX_OWNER_DIED) == 0;
#else
        return false;
#endif
    }

private:
    pthread_mutex_t* native() noexcept { return reinterpret_cast<pthread_mutex_t*>(this); }
    const pthread_mutex_t* native() const noexcept {
        return reinterpret_cast<const pthread_mutex_t*>(this);
    }
};
static_assert(sizeof(life_mark) == sizeof(pthread_mutex_t) && std::is_standard_layout_v<life_mark>,
              "Boost's mutex is the native one and nothing else");

}  // namespace valpool::detail
