#pragma once

/// Changing what lies in a box that others may see, and finding out that who did so has died.

#include <valpool/detail/box.hpp>

namespace valpool::detail {

/// Marks the content of a box as being changed while it lives; nests; a null box means the heap and
/// does nothing. Nor does a box that nobody else can have seen yet: it goes with its maker.
/// Throws PoisonedError when the last one who changed it died (see PoisonedError).
class VALPOOL_API mutation {
public:
    explicit mutation(box* b) : box_(nullptr) {
        if (b && b->published.load(std::memory_order_relaxed)) begin(*b);
    }
    ~mutation() {
        if (box_) end();
    }
    mutation(const mutation&) = delete;
    mutation& operator=(const mutation&) = delete;

private:
    void begin(box& b);
    void end() noexcept;

    box* box_;                  // null when nothing has to be undone
    std::uint32_t generation_;  // of the process that began; see fork_generation
};

[[noreturn]] VALPOOL_API void throw_poisoned();
/// Nobody is changing the content, and nobody has died doing so.
inline bool is_untouched(const box& b) noexcept {
    // Two loads, though one could fetch both: a load that is wider than the store before it waits
    // until that has reached the cache, and a writer reads here right after it has written.
    return b.mutator.load(std::memory_order_relaxed) == 0 &&
           !b.poisoned.load(std::memory_order_relaxed);
}
/// Whether the content may be read. If it names a writer that has died, sends for recovery first.
/// Not inside.
VALPOOL_API bool is_usable(const box& b) noexcept;
VALPOOL_API void check_touched(const box& b);
/// Throws PoisonedError when the content of the box must not be read. Not inside.
inline void check_usable(const box& b) {
    if (__builtin_expect(!is_untouched(b), false)) check_touched(b);
}
/// The last one who changed it, or had its lock, has died: only reset_box helps. Not inside.
VALPOOL_API bool must_be_reset(const box& b) noexcept;

}  // namespace valpool::detail
