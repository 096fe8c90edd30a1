#pragma once

/// Boxes (shared objects): what the value layer and the queues are made of.
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

struct hold;

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
/// The pool in which the box lies.
VALPOOL_API StreamingPool* pool_of(const box& b) noexcept;

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
/// Before a reference to the box leaves the process.
inline void publish(box& b) noexcept {
    if (!b.published.load(std::memory_order_relaxed))
        b.published.store(true, std::memory_order_relaxed);
}
/// Makes a box that must be reset (must_be_reset) usable again, with an empty region, no
/// out-references, and the root object, of that size, that `construct` makes. Must hold the box's
/// lock or be its only user.
VALPOOL_API void reset_box(box& b, std::size_t root_bytes, void (*construct)(box&));

}  // namespace detail
}  // namespace valpool
