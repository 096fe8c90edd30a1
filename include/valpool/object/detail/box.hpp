#pragma once

/// Boxes (shared objects): the value layer and the queues are built from them.
///
/// A box is a reference-counted root in the pool. It owns a region: chunks from which everything
/// inside the box is allocated. Freeing a box gives its chunks back without walking their content,
/// so the destructors of that content need not run.

#include <valpool/base/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace valpool {

class StreamingPool;

namespace detail {

struct hold;

/// Shape: 72 bytes at the start of a 64-byte aligned chunk; the root object follows. Every user of
/// the root object reads the last eight bytes, so they are in the root object's cache line.
/// Invariants:
///   1. `refs` is at least the number of ledger entries, queue cells and out-references that name
///      the box. A crash can leave it too high until recovery recounts, but never too low.
///   2. `chunks` and `out_refs` can be walked at any instant: their links change by one store.
///   3. If `poisoned` is set, or `mutator` names a dead thread, the content behind the header must
///      not be read.
///   4. `published` is set before anything but the maker's ledger refers to the box (a queue's
///      cell, another box, another process), and stays set for ever.
///   5. If there are further chunks, `bytes` is what they and the first one have together. Recovery,
///      and the release of boxes that nothing refers to, link their work lists through it; recovery
///      then sets it anew. (It is not kept for the box of a queue, which is never a packet.)
///   6. The lower half of `lock_word` names the lock's owner (box_lock.hpp has the rest).
///      `lock_depth` is how often the owner has taken the lock again; 0 when nobody has it.
/// Writers: refs and lock_word by anybody, atomically; lock_depth by the lock's owner; the rest by
/// the one process that is changing the content. Recovery writes in place of dead processes.
/// Crash safety: a writer that dies leaves `mutator` or `lock_word` naming its lane. The next
/// thread that reads the content or wants the lock notices that and starts recovery. Recovery first
/// sets `poisoned` and then clears the name, so that a second recoverer does the same. The links
/// stay walkable, so freeing is always safe. A waiter that dies leaves its bits in lock_word: they
/// cost the next thread a useless wake-up, or a pause of some milliseconds.
/// Any change of the fields bumps layout_version.
struct box {
    std::atomic<std::uint32_t> magic;
    std::atomic<std::uint32_t> refs;
    std::uint64_t self;                    // offset of this box from its arena
    std::atomic<std::uint64_t> chunks;     // further chunks, newest first; 0: none
    std::atomic<std::uint64_t> out_refs;   // references to other boxes; 0: none
    std::uint64_t free_table;              // offset of its free_lists; 0: none
    std::atomic<std::uint64_t> bytes;      // of all its memory, or a work list's link (see below)
    std::atomic<std::uint64_t> bump;       // next free byte of the newest small chunk
    std::atomic<std::uint32_t> bump_room;  // how many bytes are free from there
    std::atomic<std::uint32_t> lock_word;  // of the TransactionLock; 0: free
    std::atomic<std::uint16_t> mutator;    // lane + 1 of the content's writer; 0: nobody
    std::atomic<bool> poisoned;
    std::atomic<bool> published;
    char root_tag;  // the type of the root object (the value layer's tags)
    char root_subtype;
    std::uint16_t lock_depth;  // how often the lock's owner has taken it again

    void* root() noexcept { return this + 1; }
    const void* root() const noexcept { return this + 1; }
};
static_assert(sizeof(box) == 72, "a table behind it and four values fit 256 bytes");
static_assert(offsetof(box, mutator) == 64 && offsetof(box, root_tag) == 68,
              "what every reader looks at is in the root object's cache line");
static_assert(offsetof(box, lock_word) % 4 == 0, "the kernel sleeps on aligned words");

constexpr std::size_t box_header_bytes = sizeof(box);
/// The pool in which the box lies.
VALPOOL_API StreamingPool* pool_of(const box& b) noexcept;

/// Header, a table and its first four entries: a record of up to four keys is one block.
constexpr std::size_t usual_box_bytes = 384;

/// How much room a new box is made with.
struct root_size {
    std::size_t root_bytes;  // the root object, right behind the header
    /// Header, root object and content that will soon be allocated: a hint for the size of the
    /// first chunk. Larger content goes to further chunks by itself.
    std::size_t first_chunk_bytes = usual_box_bytes;
};
/// Makes a box that only the returned hold refers to; the hold has one handle.
/// Throws PoolExhausted, with nothing changed.
VALPOOL_API hold* create_box(StreamingPool& pool, root_size size);
/// Must be called before a reference to the box leaves the process.
inline void publish(box& b) noexcept {
    if (!b.published.load(std::memory_order_relaxed))
        b.published.store(true, std::memory_order_relaxed);
}
/// Makes a box that must be reset (must_be_reset) usable again: with an empty region, no
/// out-references, and a root object of `root_bytes` that `construct` makes. The caller must hold
/// the box's lock or be its only user.
VALPOOL_API void reset_box(box& b, std::size_t root_bytes, void (*construct)(box&));

}  // namespace detail
}  // namespace valpool
