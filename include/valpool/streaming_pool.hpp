#pragma once

/// The pool: memory that several processes have mapped, and in which values live.

#include <valpool/detail/config.hpp>
#include <valpool/error.hpp>

#include <cstddef>

namespace valpool {

/// Handed out by pool() of SHMMain, ServerSide and ClientSide; lies in the shared memory itself, so
/// its address differs from process to process where the pool could not be mapped at its pinned
/// address. Never constructed by the user.
///
/// Thread and process safety: every function may be called from any thread of any attached process.
/// Blocking: never, except for the pause of a recovery.
/// Source: "C++ Cross-Process Shared Memory Tools", introduction and Tips and Tricks.
class VALPOOL_API StreamingPool {
public:
    StreamingPool(const StreamingPool&) = delete;
    StreamingPool& operator=(const StreamingPool&) = delete;

    /// Lays a pool out over any memory of the caller's: private, or shared with processes that cast
    /// the address of theirs. It begins at the first multiple of 64 bytes: where that is another
    /// address, it is the returned one that the others need. Such a pool has no file, so the death
    /// of a user of it is not noticed.
    /// `align` (a power of two, at most 64) is the least alignment of what allocate() returns.
    /// Throws std::runtime_error when `size_bytes` is too small, std::logic_error for a bad `align`
    /// or a null `memory`.
    static StreamingPool* CreateStreamingPool(char* memory, std::size_t size_bytes, int align = 8);

    /// Ends the use of a pool made by CreateStreamingPool; std::logic_error when something in it is
    /// still in use. The memory is the caller's again.
    static void Clean(StreamingPool* pool);

    /// Raw memory, aligned to at least 16 bytes. It belongs to the calling process and comes back
    /// when that process dies. Throws PoolExhausted; zero bytes give a valid, unique address.
    char* allocate(std::size_t size_bytes);

    /// Gives raw memory back, from any thread of any process; null is ignored. std::logic_error for
    /// a second time, and for what is not an allocation of this pool. (Not noticed: the thread that
    /// allocated it and another one give it back at the same instant.)
    void deallocate(char* memory);
    /// The original put this off; here giving back never waits for anybody, so it is done at once.
    void scheduleForDeletion(char* memory) { deallocate(memory); }
    /// The original's for a whole pool, which it ended with the last deallocation. Here a pool that
    /// is pristine is cleaned; of another one, std::logic_error: clean it when it is empty.
    void scheduleForDeletion() { Clean(this); }

    /// True when no value and no raw memory is in use. Queues and bookkeeping do not count.
    bool isPristine() const;
    /// True when not even the smallest allocation can succeed.
    bool isFull() const;
    /// The largest size for which allocate() would succeed now, were nobody else to allocate.
    std::size_t biggestFree() const;
    /// Bytes that values and raw memory can use in all. What is kept for pipes and bookkeeping comes
    /// on top.
    std::size_t bytes() const;
    /// Bytes that are in use now, by values, pipes and bookkeeping: with what is kept for the latter
    /// two, it can be more than bytes().
    std::size_t usedBytes() const;
    /// Whether the address is one of the pool's.
    bool contains(const void* memory) const noexcept;

protected:
    StreamingPool() = default;
    ~StreamingPool() = default;
};

/// The name of the original's interface; here every pool is a StreamingPool.
using Allocator = StreamingPool;

}  // namespace valpool
