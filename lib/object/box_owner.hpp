#pragma once

/// The lanes that a box names: the one that changes the content, and the one that has the lock.

#include "base/cancellation.hpp"
#include "object/box_layout.hpp"
#include "process/lane.hpp"

#include <limits>

namespace valpool::detail {

/// The number by which box::mutator and box::lock_word name a lane.
inline std::uint16_t name_in_box(const thread_lane& l) noexcept {
    static_assert(raw_header::most_slots < std::numeric_limits<std::uint16_t>::max());
    return static_cast<std::uint16_t>(l.index + 1);
}

/// Calls `look` with this process's attachment to the box's pool, if there is one; works also in a
/// thread that has no lane. Cancellation is off meanwhile, because the called code must not unwind.
template <class Look>
bool with_attachment_of(const box& b, const Look& look) noexcept {
    const no_cancellation guard;
    arena& a = arena_of(const_cast<box&>(b));
    const usable_lane& last = *current_lane;
    if (last.is_for(a)) return look(*static_cast<const thread_lane&>(last).at);
    const attachment_user user = find_attachment(a);
    return user && look(*user.get());
}

/// Whether the thread that changes the box (or has its lock) has died, and recovery, which this
/// call starts, has not repaired the box yet. Must not be called inside.
bool has_dead_mutator(attachment& at, const box& b) noexcept;
bool has_dead_owner(attachment& at, const box& b) noexcept;

/// Whether a fork copies the pool's memory, and with it the locks in it.
inline bool is_copied_by_fork(const box& b) noexcept {
    return with_attachment_of(b, [](const attachment& at) { return at.private_memory; });
}

/// Removes the names of dead threads from a box that is being reset and is already poisoned. Needed
/// where recovery was put off. Must not be called inside.
void forget_the_dead(thread_lane& l, box& b) noexcept;

}  // namespace valpool::detail
