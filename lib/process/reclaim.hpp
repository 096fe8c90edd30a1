#pragma once

/// Reclaiming memory for an allocation that finds no room: what the dead hold, and what the living
/// have only set aside.

#include "process/lane.hpp"

#include <functional>

namespace valpool::detail {

enum class recovery_result {
    nothing_dead,  // nothing to repair
    done,          // somebody had died, and everything it held is free
    put_off,       // a living process is stopped inside an operation: try later
    busy           // another thread or process is repairing
};

/// The interface to the recovery layer, which is above this one. Each attachment gets it from the
/// code that attaches.
class reclaimer {
public:
    /// Checks whether anybody has died, and if so repairs. Takes milliseconds at most. Must not be
    /// called inside.
    virtual recovery_result recover(attachment& at) noexcept = 0;
    /// Gives what other lanes have set aside back to the pool, if the world can be stopped. Must
    /// not be called inside.
    virtual void collect_set_aside(thread_lane& l) noexcept = 0;

protected:
    ~reclaimer() = default;
};

/// Checks whether anybody has died, and if so repairs. Never throws; takes milliseconds at most.
/// Must not be called inside.
recovery_result recover_if_needed(attachment& at) noexcept;

/// The same, but tries again for some milliseconds when the recovery is put off or somebody else is
/// repairing.
recovery_result recover_patiently(attachment& at) noexcept;

/// Calls `attempt` until it succeeds, or until no dead process is left that holds anything: a
/// recovery may be put off for a while, and that must not become an error. Gives up after ten
/// seconds, because a process that is stopped inside can put off a recovery for ever. Must not be
/// called inside.
bool try_while_dead_hold(attachment& at, const std::function<bool()>& attempt);

/// Gives back what the thread's lane has set aside, and pages without any block in use. Does less
/// when the gate is closed for too long. Must not be called inside.
void give_back_set_aside(thread_lane& l) noexcept;

/// Reclaims memory for an allocation that found nothing: what the dead hold, and what the living
/// have only set aside. `has_mutex`: the thread holds its attachment's mutex; then late holds are
/// not given back. Must not be called inside.
void relieve(thread_lane& l, bool has_mutex = false);

/// Throws PoolExhausted, which says how much was requested and how much there is.
[[noreturn]] void throw_exhausted(const arena& a, std::size_t size_bytes);

/// Runs `find`, and once more after relieve() when it returns 0. Throws PoolExhausted when it still
/// returns 0.
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
