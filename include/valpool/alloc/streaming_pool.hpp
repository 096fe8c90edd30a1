#pragma once

/// The pool: memory that several processes have mapped and that values live in.

#include <valpool/base/detail/config.hpp>
#include <valpool/base/error.hpp>

#include <cstddef>

namespace valpool {

/// Returned by pool() of SHMMain, ServerSide and ClientSide; never constructed by the user. The
/// object lies in the shared memory itself. So its address differs between processes where the pool
/// could not be mapped at its pinned address.
///
/// Thread and process safety: any thread of any attached process may call every function.
/// Blocking: never, except for the pause of a recovery.
/// Source: "C++ Cross-Process Shared Memory Tools", introduction and Tips and Tricks.
class VALPOOL_API StreamingPool {
public:
    StreamingPool(const StreamingPool&) = delete;
    StreamingPool& operator=(const StreamingPool&) = delete;

    /// Creates a pool in memory of the caller: private memory, or memory shared with processes that
    /// cast their own address of it. The pool begins at the first multiple of 64 bytes. When
    /// `memory` is not such a multiple, the others need the returned address. Such a pool has no
    /// file, so the death of one of its users goes unnoticed.
    /// `align` (a power of two, at most 64) is the least alignment of what allocate() returns.
    /// Throws std::runtime_error when `size_bytes` is too small, std::logic_error for a bad `align`
    /// or a null `memory`.
    static StreamingPool* CreateStreamingPool(char* memory, std::size_t size_bytes, int align = 8);

    /// Ends the use of a pool made by CreateStreamingPool; the memory is the caller's again.
    /// std::logic_error when something in the pool is still in use.
    static void Clean(StreamingPool* pool);

    /// Raw memory, aligned to at least 16 bytes. It belongs to the calling process and is freed
    /// when that process dies. Throws PoolExhausted. Zero bytes give a valid, unique address.
    char* allocate(std::size_t size_bytes);

    /// Frees raw memory, from any thread of any process; null is ignored. std::logic_error for a
    /// double free, and for anything that is not an allocation of this pool. (A double free goes
    /// unnoticed when the thread that allocated the memory and another thread free it at the same
    /// instant.)
    void deallocate(char* memory);
    /// The original deferred this. Here deallocate never waits for anybody, so the memory is freed
    /// at once.
    void scheduleForDeletion(char* memory) { deallocate(memory); }
    /// The original destroyed the whole pool with its last deallocation. Here this cleans a pool
    /// that is pristine; for any other pool it throws std::logic_error. Clean the pool when it is
    /// empty.
    void scheduleForDeletion() { Clean(this); }

    /// True when neither a value nor raw memory is in use. Queues and bookkeeping do not count.
    bool isPristine() const;
    /// True when not even the smallest allocation can succeed.
    bool isFull() const;
    /// The largest size for which allocate() would succeed now, if nobody else allocates meanwhile.
    std::size_t biggestFree() const;
    /// Bytes that values and raw memory can use in all. The reserve for pipes and bookkeeping comes
    /// on top.
    std::size_t bytes() const;
    /// Bytes that values, pipes and bookkeeping use now. Because of the reserve for the latter two
    /// it can be more than bytes().
    std::size_t usedBytes() const;
    /// Whether the address lies in the pool.
    bool contains(const void* memory) const noexcept;

protected:
    StreamingPool() = default;
    ~StreamingPool() = default;
};

/// The original's name of the interface; here every pool is a StreamingPool.
using Allocator = StreamingPool;

}  // namespace valpool
