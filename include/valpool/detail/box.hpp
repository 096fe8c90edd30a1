#pragma once

/// Boxes and how a process holds them: all that the value layer needs of the memory layer.
///
/// A box is a reference-counted root in the pool. It owns a region: chunks from which everything
/// inside the box is allocated. Freeing a box gives its chunks back without walking what lies in
/// them, so destructors of what lies in a box need not run when the box goes.

#include <valpool/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace valpool {

class StreamingPool;

namespace detail {

struct arena;
struct attachment;
struct out_ref;

/// Shape: 72 bytes at the start of a 64-byte aligned chunk; the root object follows. The last
/// eight, which everybody looks at who uses the root object, are in its cache line.
/// Invariants:
///   1. `refs` is the number of ledger entries, queue slots and out-references that name the box,
///      or more (a crash leaves it too high until recovery recounts; never too low).
///   2. `chunks` and `out_refs` can be walked at any instant: their links change by one store.
///   3. `poisoned` set, or a `mutator` that has died, means that the content behind the header must
///      not be read.
///   4. `published` is set, for ever, before anything but the ledger of the process that made the
///      box refers to it: a queue's slot, another box, another process.
///   5. `lock_word` names the lock's owner in its lower half (box_lock.hpp has the rest), and
///      `lock_depth` is how often that one has taken it again; 0 when nobody has it.
/// Writers: refs and lock_word by anybody, atomically; lock_depth by the lock's owner; the rest by
/// the one process that is changing the content. What lies there for the dead, by recovery.
/// Crash safety: a writer that dies leaves `mutator` or `lock_word` naming its lane. Whoever looks
/// at the content or wants the lock sees it and goes to recovery, which sets `poisoned` first and
/// clears the name then, so that a second recoverer does the same. The links stay walkable, so
/// freeing is always safe. A waiter that dies leaves its bits in lock_word: they cost the next one
/// a useless wake-up, or a pause of some milliseconds.
/// Any change of the fields bumps layout_version.
struct box {
    std::atomic<std::uint32_t> magic;
    std::atomic<std::uint32_t> refs;
    std::uint64_t self;                    // offset of this box from its arena
    std::atomic<std::uint64_t> chunks;     // further chunks, newest first; 0: none
    std::atomic<std::uint64_t> out_refs;   // references to other boxes; 0: none
    std::uint64_t free_table;              // where its free_lists are; 0: nothing is free
    std::uint64_t next_work;               // work list of recovery and release; else meaningless
    std::uint64_t bump;                    // next free byte of the newest small chunk
    std::uint32_t bump_room;               // so many bytes are free from there
    std::atomic<std::uint32_t> lock_word;  // of the TransactionLock; 0: free
    std::atomic<std::uint16_t> mutator;    // lane + 1 of who is changing the content; 0: nobody
    std::atomic<bool> poisoned;
    std::atomic<bool> published;
    char root_tag;  // what the root object is (the value layer's tags)
    char root_subtype;
    std::uint16_t lock_depth;  // how often the lock's owner has taken it again

    void* root() noexcept { return this + 1; }
    const void* root() const noexcept { return this + 1; }
};
static_assert(sizeof(box) == 72, "a table behind it and three values fit two cache lines");
static_assert(offsetof(box, mutator) == 64 && offsetof(box, root_tag) == 68,
              "what every reader looks at is in the root object's cache line");
static_assert(offsetof(box, lock_word) % 4 == 0, "the kernel sleeps on aligned words");

constexpr std::size_t box_header_bytes = sizeof(box);
/// What lies in a box is aligned to, and takes up multiples of, the grain. What is larger than
/// `region_largest_small` has a chunk of its own, unless there is room for it in a box of which
/// nothing was freed.
constexpr std::size_t region_grain = 16;
constexpr std::size_t region_largest_small = 544;

/// The pool in which the box lies.
VALPOOL_API StreamingPool* pool_of(const box& b) noexcept;

/// Off the box's newest chunk; null when that has too little left. The size is a multiple of the
/// grain.
inline void* region_bump(box& b, std::size_t size_bytes) noexcept {
    const std::uint64_t start = (b.bump + region_grain - 1) & ~std::uint64_t{region_grain - 1};
    const std::uint64_t taken = start + size_bytes - b.bump;
    if (taken > b.bump_room) return nullptr;
    b.bump += taken;
    b.bump_room -= static_cast<std::uint32_t>(taken);
    return reinterpret_cast<char*>(&b) + (start - b.self);
}
/// The part of region_allocate that takes longer.
VALPOOL_API void* region_allocate_elsewhere(box& b, std::size_t size_bytes);
/// Memory inside the box, aligned to the grain, living at most as long as the box.
/// Throws PoolExhausted, with nothing changed. Never blocks, except while recovery runs.
/// Not for two threads at once on the same box.
inline void* region_allocate(box& b, std::size_t size_bytes) {
    // What a box is made with room for, as long as nothing was freed.
    if (size_bytes - 1 < region_largest_small && b.free_table == 0) {
        const std::size_t size = (size_bytes + region_grain - 1) & ~(region_grain - 1);
        if (void* const fresh = region_bump(b, size)) return fresh;
    }
    return region_allocate_elsewhere(b, size_bytes);
}
/// Gives memory of region_allocate back to the box, and with it all chunks in which nothing lies
/// any more to the pool. Amortised constant time.
VALPOOL_API void region_deallocate(box& b, void* memory, std::size_t size_bytes) noexcept;

/// One process's share in a box: an entry in the process's ledger and a count of the handles that
/// use it. Lives on the process's heap; survives fork, where the child's copy names an entry of the
/// child's own. Thread safe.
struct hold {
    std::atomic<std::uint32_t> handles;
    std::uint32_t entry;
    box* target;
    attachment* at;
    hold* next = nullptr;  // in a list of those that a queue keeps
};

/// Header, a table and its first four entries: a record of up to four keys is one block.
constexpr std::size_t usual_box_bytes = 384;

/// What a box is made with room for.
struct root_size {
    std::size_t root_bytes;  // the root object, right behind the header
    /// Header, root object and what will soon be allocated: a hint for the size of the first chunk;
    /// larger content goes to further ones by itself.
    std::size_t first_chunk_bytes = usual_box_bytes;
};
/// A new box that only the returned hold refers to, held by one handle.
/// Throws PoolExhausted, with nothing changed.
VALPOOL_API hold* create_box(StreamingPool& pool, root_size size);
/// A hold of this process on a box that is certainly alive (reached through a reference that the
/// caller knows to exist). Counts in the box. Throws PoolExhausted.
VALPOOL_API hold* hold_box(box& b);
/// Before a reference to the box leaves the process.
inline void publish(box& b) noexcept {
    if (!b.published.load(std::memory_order_relaxed))
        b.published.store(true, std::memory_order_relaxed);
}
inline void add_handle(hold& h) noexcept { h.handles.fetch_add(1, std::memory_order_relaxed); }
/// Drops one handle; the last one ends the hold, and the box with it when nobody else has it.
VALPOOL_API void drop_handle(hold* h) noexcept;

/// A reference from inside one box to another box of the same pool. The node lies in `from`.
/// add: counts in `to`; throws PoolExhausted with nothing changed.
VALPOOL_API out_ref* add_out_ref(box& from, box& to);
/// remove: takes the node off the list and gives the reference up (may free the target).
VALPOOL_API void remove_out_ref(box& from, out_ref* node) noexcept;
VALPOOL_API box& target_of(const out_ref& node) noexcept;

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
/// Makes such a box usable again, with an empty region, no out-references, and the root object, of
/// that size, that `construct` makes. Must hold the box's lock or be its only user.
VALPOOL_API void reset_box(box& b, std::size_t root_bytes, void (*construct)(box&));

/// The box's advisory lock: recursive in a thread up to 65,535 levels (std::logic_error), fair
/// within some milliseconds, released by death. It may be given up by another thread than the one
/// that took it. Waits for ever, and throws PoisonedError (not holding the lock) when the value is
/// poisoned. A cancellation point while it waits.
VALPOOL_API void lock_box(box& b);
/// The same until the time-out; false when somebody else still has it then. Not for NaN.
VALPOOL_API bool lock_box_for(box& b, double timeout_s);
/// `generation` is fork_generation() at the time of locking: the child of a fork has none of its
/// parent's locks, so there it does nothing.
VALPOOL_API void unlock_box(box& b, std::uint32_t generation) noexcept;
/// The process that has the lock, for messages; 0 when nobody has it.
VALPOOL_API std::int32_t pid_of_lock_owner(const box& b) noexcept;

}  // namespace detail
}  // namespace valpool
