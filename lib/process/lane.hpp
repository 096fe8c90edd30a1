#pragma once

/// A thread's place in a pool: its lane (thread slot).

#include "base/clock.hpp"
#include "process/attachment.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace valpool::detail {

/// Holds that have ended, each with its unused ledger entry, for reuse: mostly holds end as fast as
/// new ones are made.
class hold_stash {
public:
    hold_stash() = default;
    ~hold_stash() { clear(); }
    hold_stash(const hold_stash&) = delete;
    hold_stash& operator=(const hold_stash&) = delete;

    /// False when the stash is full.
    bool put(hold* h) noexcept {
        if (count_ == most) return false;
        holds_[count_++] = h;
        return true;
    }
    /// Null when the stash is empty.
    hold* take() noexcept { return count_ == 0 ? nullptr : holds_[--count_]; }
    void clear() noexcept {
        while (hold* const h = take()) delete h;
    }
    hold* const* begin() const noexcept { return holds_; }
    hold* const* end() const noexcept { return holds_ + count_; }

private:
    static constexpr std::uint32_t most = 1024;
    std::uint32_t count_ = 0;
    hold* holds_[most];
};

/// Says which pool a thread's lane can be used for. The pointer is null once that pool is detached,
/// or (in a forked child) belongs to the parent only.
struct usable_lane {
    std::atomic<const arena*> usable_for{nullptr};

    bool is_for(const arena& a) const noexcept {
        return usable_for.load(std::memory_order_acquire) == &a;
    }
    bool has_ended() const noexcept {
        return usable_for.load(std::memory_order_acquire) == nullptr;
    }
};

/// A thread's own state for one pool.
struct thread_lane : usable_lane {
    arena* pool = nullptr;
    attachment* at = nullptr;
    lane* control = nullptr;
    lane_heap* heap = nullptr;
    std::uint32_t index = 0;
    std::uint32_t pid = 0;  // of this process, for what others are to read
    bool full_fence = false;
    deadline gate_until = deadline::never();  // see gate_limit
    bool has_seat = false;                    // has slept in this lane's seat
    /// Everything that an allocation of raw memory needs to know about the pool, close together.
    struct {
        std::uint64_t mark = 0;  // raw_header's mark of this thread's memory, without a class
        std::uint64_t header_bytes = 0;
        std::uint64_t most_bytes = 0;    // largest size that fits into a block
        char* first = nullptr;           // the user's memory in the first page's first block
        std::uint64_t all_granules = 0;  // of all pages
        std::uint64_t page_granules = 0;
    } raw;
    std::vector<std::uint32_t> free_entries;
    hold_stash spare_holds;

    bool is_inside() const noexcept {
        return control->activity.load(std::memory_order_relaxed) != 0;
    }
    /// Makes lane `i` this thread's lane.
    void use_lane(std::uint32_t i) noexcept {
        index = i;
        pid = static_cast<std::uint32_t>(pool->slot(at->slot).pid.load(std::memory_order_relaxed));
        has_seat = false;
        control = &pool->lane_at(i);
        heap = &pool->heap(i);
        raw.mark = raw_header::mark_of(at->slot, i);
        raw.header_bytes = pool->raw_header_bytes();
        raw.most_bytes = pool->largest_block() - raw.header_bytes;
        raw.first = pool->at<char>(pool->pages_offset + raw.header_bytes);
        raw.all_granules = (pool->size_bytes - pool->pages_offset) / block_granule;
        raw.page_granules = pool->page_bytes() / block_granule;
    }

    /// The loads are sequentially consistent, so that they stay behind the store of say_inside.
    /// They also acquire: a thread that enters after a recovery sees what the recoverer did.
    bool may_enter() const noexcept {
        const std::uint32_t forker = at->forking.load(std::memory_order_seq_cst);
        const std::uint32_t closed = pool->entrance.closed.load(std::memory_order_seq_cst);
        return (forker | closed) == 0 || (closed == 0 && forker == index + 1);
    }
    /// False when the gate is closed. Must not be called inside.
    bool try_enter() noexcept {
        say_inside();
        if (may_enter()) return true;
        leave();
        return false;
    }
    /// Marks the thread as inside. Afterwards, either the closer of the gate sees that mark, or
    /// this thread sees the gate closed.
    void say_inside() noexcept {
        if (full_fence) [[unlikely]] {
            control->activity.exchange(1, std::memory_order_seq_cst);
        } else {
            control->activity.store(1, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst);
        }
    }
    /// Release: a recoverer that reads 0 sees everything that this thread did inside.
    void leave() noexcept { control->activity.store(0, std::memory_order_release); }
};

/// The lane that the thread used last, or an object that is usable for no pool. The initial-exec
/// model finds it without a call, even in a shared library. It is only one word, so the static TLS
/// area always has room for it.
extern thread_local constinit usable_lane* current_lane [[gnu::tls_model("initial-exec")]];

/// The calling thread's lane; attaches the thread on first use. Throws std::runtime_error when all
/// lanes are in use, or the pool was never attached here.
/// `until` limits how long a forked child's first use of the pool waits at a closed gate, as
/// gate_limit does.
thread_lane& find_lane(arena& a, deadline until);
/// The same, without a call if the thread used this lane last.
inline thread_lane& lane_of_thread(arena& a, deadline until = deadline::never()) {
    usable_lane& last = *current_lane;
    return last.is_for(a) ? static_cast<thread_lane&>(last) : find_lane(a, until);
}

/// Claims a free lane for the slot. Throws std::runtime_error when there is none.
std::uint32_t claim_lane(attachment& at, std::uint32_t slot);
/// Gives back a thread's lane and everything that the lane has set aside.
void give_lane_back(thread_lane& l) noexcept;
/// Makes all lanes of this attachment unusable, even the one that a thread used last: another pool
/// may soon lie at the same address. The caller holds the process table's mutex.
void end_lanes_of(attachment& at) noexcept;

}  // namespace valpool::detail
