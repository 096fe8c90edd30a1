#pragma once

/// The content of box::lock_word: the lower half is the owner (lane + 1; 0: free), and above it are
/// two bits that waiters set.

#include "base/futex.hpp"
#include "object/box_layout.hpp"

#include <valpool/object/detail/box.hpp>

#include <climits>

namespace valpool::detail {

enum lock_bits : std::uint32_t {
    lock_owner_mask = 0xffff,
    lock_sleepers = 1u << 16,  // somebody may sleep: unlocking wakes one sleeper
    lock_reserved = 1u << 17,  // somebody has waited long: newcomers do not take the lock
};

constexpr std::uint32_t lock_owner_in(std::uint32_t word) noexcept {
    return word & lock_owner_mask;
}

/// Frees the lock of an owner that has died; until then nobody else can take it. Wakes all
/// sleepers, which then see that the box is poisoned.
inline void free_lock_of_the_dead(box& b) noexcept {
    b.lock_depth = 0;
    b.lock_word.store(0, std::memory_order_release);  // the next owner sees the depth
    futex_wake(b.lock_word, INT_MAX);
}

}  // namespace valpool::detail
