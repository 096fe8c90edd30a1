#pragma once

/// Getting back what the dead hold and what the living have only set aside, for those who find no
/// room.

#include "process/lane.hpp"

#include <functional>

namespace valpool::detail {

enum class recovery_result {
    nothing_dead,  // all well
    done,          // somebody had died, and what it held is back
    put_off,       // a living process is stopped inside an operation: later
    busy           // another thread or process is at it
};

/// What the layer that repairs pools does for this one; each attachment has it from who attaches.
class reclaimer {
public:
    /// Looks whether anybody has died, and if so repairs. Lasts milliseconds at most. Not inside.
    virtual recovery_result recover(attachment& at) noexcept = 0;
    /// Gets what other lanes have set aside back into the pool, if the world can be stopped. Not
    /// inside.
    virtual void collect_set_aside(thread_lane& l) noexcept = 0;

protected:
    ~reclaimer() = default;
};

/// Looks whether anybody has died, and if so repairs. Never throws; lasts milliseconds at most.
/// Not inside.
recovery_result recover_if_needed(attachment& at) noexcept;

/// The same for some milliseconds, when somebody else is at it or it is put off.
recovery_result recover_patiently(attachment& at) noexcept;

/// Tries until it succeeds or nobody dead is left to make room: a recovery may be put off for a
/// while, and that must not be anybody's error. At most ten seconds, for a process that is stopped
/// in the middle can put it off for ever. Not inside.
bool try_while_dead_hold(attachment& at, const std::function<bool()>& attempt);

/// Gives back what the thread's lane has set aside, and pages of which nothing is in use; less of
/// it when the gate is closed for too long. Not inside.
void give_back_set_aside(thread_lane& l) noexcept;

/// For an allocation that found nothing: gets back what the dead hold and what the living have only
/// set aside. Not inside. `has_mutex`: the thread has its attachment's, so what it has let go of
/// too late stays where it is.
void relieve(thread_lane& l, bool has_mutex = false);

/// Throws PoolExhausted, saying what was asked and what there is.
[[noreturn]] void throw_exhausted(const arena& a, std::size_t size_bytes);

/// Runs `find` inside, and once more after relief; throws PoolExhausted when it still gives 0.
template <class Find>
std::uint64_t find_or_throw(thread_lane& l, std::size_t size_bytes, Find find,
                            bool has_mutex = false) {
    std::uint64_t found = find();
    if (found == 0) {
        relieve(l, has_mutex);
        found = find();
    }
    if (found == 0) throw_exhausted(*l.pool, size_bytes);
    return found;
}

}  // namespace valpool::detail
