#pragma once

/// Changing the content of a box that others may see, and noticing that a process died while it did
/// so.

#include <valpool/object/detail/box.hpp>

namespace valpool::detail {

/// While this object exists, the content of the box is marked as being changed. Mutations nest. It
/// does nothing for a null box, which means the heap, nor for a box that is not published: nobody
/// else can have seen that one, and it is freed with its maker. Throws PoisonedError when a process
/// died while it was changing the box (see PoisonedError).
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

    box* box_;                  // null: nothing to undo
    std::uint32_t generation_;  // fork_generation() at the beginning
};

[[noreturn]] VALPOOL_API void throw_poisoned();
/// True when nobody is changing the content, and nobody has died doing so.
inline bool is_untouched(const box& b) noexcept {
    // Two loads, although one could read both fields. A load that is wider than the store before it
    // waits until the store has reached the cache, and a writer reads here right after its store.
    return b.mutator.load(std::memory_order_relaxed) == 0 &&
           !b.poisoned.load(std::memory_order_relaxed);
}
/// Whether the content may be read. If the box names a writer that has died, this starts recovery
/// first. Must not be called inside.
VALPOOL_API bool is_usable(const box& b) noexcept;
VALPOOL_API void check_touched(const box& b);
/// Throws PoisonedError when the content of the box must not be read. Must not be called inside.
inline void check_usable(const box& b) {
    if (__builtin_expect(!is_untouched(b), false)) check_touched(b);
}
/// True when a process died while it was changing the box or had its lock: only reset_box makes the
/// box usable again. Must not be called inside.
VALPOOL_API bool must_be_reset(const box& b) noexcept;

}  // namespace valpool::detail
