#pragma once

/// Repair of a pool after the death of a process, and the stopping of the world that it needs.

#include "memory/attachment.hpp"

#include <functional>

namespace valpool::detail {

/// What the queue layer adds to recovery. Called with the world stopped (visit_box also when a box
/// is freed). Everything must be repeatable: a recoverer may die and the next one starts over.
using reference_visitor = void (*)(void* context, std::uint64_t box_offset);
struct recovery_hooks {
    /// Clears what a dead thread's lane left.
    void (*repair_lane)(arena& a, std::uint32_t lane_index) noexcept;
    /// The references of the directory: boxes of queues that have a name.
    void (*visit_pipes)(arena& a, reference_visitor visit, void* context) noexcept;
    /// The references that a queue in a box holds (box::root_tag is queue_root_tag).
    void (*visit_box)(arena& a, box& b, reference_visitor visit, void* context) noexcept;
    /// Takes the temporary queues out of the directory that nothing else refers to, and frees them.
    /// Counts and bitmaps are right.
    void (*remove_unheld)(arena& a, lane_heap& heap) noexcept;
    /// Wakes sleepers who could go on (of many who wait for the same thing one: it wakes the next);
    /// how many sleep. Not with the world stopped: at any time, not inside.
    std::uint32_t (*rouse_sleepers)(thread_lane& l) noexcept;
};
/// Set once, when this process attaches to its first pool or makes its first queue in one.
extern recovery_hooks queue_hooks;

enum class recovery_result {
    nothing_dead,  // all well
    done,          // somebody had died, and what it held is back
    put_off,       // a living process is stopped inside an operation: later
    busy           // another thread or process is at it
};

/// Looks whether anybody has died, and if so repairs. Never throws; lasts milliseconds at most.
/// Not inside.
recovery_result recover_if_needed(attachment& at) noexcept;

/// The same for some milliseconds, when somebody else is at it or it is put off.
recovery_result recover_patiently(attachment& at) noexcept;

/// A change that needs everybody outside, and gets a heap for what it frees, so that this is back
/// at once. Repairs first when somebody has died: counts are exact then. False, and nothing has
/// changed, when the world cannot be stopped now: for a living process is stopped inside an
/// operation, or another one repairs. Lasts a fraction of a second at most. Not inside.
bool change_alone(attachment& at, const std::function<void(lane_heap& heap)>& change) noexcept;

/// Tries until it succeeds or nobody dead is left to make room: a recovery may be put off for a
/// while, and that must not be anybody's error. At most ten seconds, for a process that is stopped
/// in the middle can put it off for ever. Not inside.
bool try_while_dead_hold(attachment& at, const std::function<bool()>& attempt);

/// For an allocation that found nothing: gets back what the dead hold and what the living have only
/// set aside. Not inside. `has_mutex`: the thread has its attachment's, so what it has let go of
/// too late stays where it is.
void relieve(thread_lane& l, bool has_mutex = false);

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
