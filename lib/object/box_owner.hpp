#pragma once

/// Whom a box names as being at it: the lane of who changes the content, and of who has the lock.

#include "base/cancellation.hpp"
#include "object/box_layout.hpp"
#include "process/lane.hpp"

#include <limits>

namespace valpool::detail {

/// What box::mutator and box::lock_word call a lane.
inline std::uint16_t name_in_box(const thread_lane& l) noexcept {
    static_assert(raw_header::most_slots < std::numeric_limits<std::uint16_t>::max());
    return static_cast<std::uint16_t>(l.index + 1);
}

/// Runs with the attachment of the pool that the box lies in, if there is one, also in a thread
/// that has no lane. A cancelled thread goes on for so long: what is called may not unwind.
template <class Look>
bool with_attachment_of(const box& b, const Look& look) noexcept {
    const no_cancellation guard;
    arena& a = arena_of(const_cast<box&>(b));
    const usable_lane& last = *current_lane;
    if (last.is_for(a)) return look(*static_cast<const thread_lane&>(last).at);
    const attachment_user user = find_attachment(a);
    return user && look(*user.get());
}

/// It has died, and recovery (which is asked for) has not repaired the box yet. Not inside.
bool has_dead_mutator(attachment& at, const box& b) noexcept;
bool has_dead_owner(attachment& at, const box& b) noexcept;

/// A pool over memory that fork copies, with what is locked in it.
inline bool is_copied_by_fork(const box& b) noexcept {
    return with_attachment_of(b, [](const attachment& at) { return at.private_memory; });
}

/// Takes the names of the dead out of a box that is being reset, and is poisoned already. For
/// recovery that was put off. Not inside.
void forget_the_dead(thread_lane& l, box& b) noexcept;

}  // namespace valpool::detail
