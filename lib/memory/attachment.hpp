#pragma once

/// How this process takes part in a pool: one attachment a pool, one lane a thread and pool.

#include "base/clock.hpp"
#include "base/handover.hpp"
#include "memory/ledger.hpp"
#include "segment/pool_file.hpp"

#include <cassert>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace valpool::detail {

struct thread_lane;

/// What a child of fork has of its parent's until it uses the pool for the first time; see
/// fork.cpp.
struct inheritance {
    pool_file keeper;                 // has a part of the family's slot
    std::uint32_t slot = 0;           // the family's
    std::vector<std::uint64_t> held;  // the box that each entry named at the fork; 0: none
};

/// The slot in which a process keeps what its children hold that have not used the pool yet.
struct family_record {
    family_record(std::uint32_t its_slot, std::uint32_t its_claims, bool is_in_parents) noexcept
        : slot(its_slot), claims(its_claims), is_parents(is_in_parents) {}

    std::uint32_t slot;
    std::uint32_t claims;  // the slot's, while it is the family's
    bool is_parents;       // there was no free slot: the parent keeps it in its own
    std::unordered_set<std::uint64_t> boxes;
    std::vector<ledger_block*> blocks;
    std::uint32_t used = 0;      // entries of the blocks
    std::vector<handover> born;  // children that have not said yet that they have their part
};

/// This process's share of one pool. Lives until its last user (a boot object) has gone and the
/// process holds nothing in the pool any more.
struct attachment {
    arena* pool = nullptr;
    std::uint32_t slot = 0;
    std::atomic<std::uint32_t> forking{0};  // lane + 1 of a thread in fork: only that one may enter
    std::atomic<bool> lost{false};          // a child for which its parent could keep nothing
    std::atomic<bool> orphaned{false};      // no users left; goes with the last hold
    std::atomic<std::int64_t> raw_count{0};  // of lanes that were given back: see lane::raw_count
    std::atomic<bool> stalled{false};        // somebody here has waited at the gate in vain
    bool private_memory = false;             // fork copies the pool itself
    std::uint32_t users = 0;                 // under the process table's mutex
    std::vector<thread_lane*> lanes;         // of all threads; under that mutex, too
    pool_file file;    // with the locks of this process; not open for a pool over bare memory
    pool_file common;  // the same for this process and those that it forks: a way to the file
                       // that neither a change of user nor a lost name closes
    pool_file unused;  // where `file` has its locks by process: closing this one would drop them
    std::shared_ptr<void> mapping;  // keeps the segment mapped
    std::string name;

    /// Of the ledger's blocks and free entries, and of `family`. Never taken inside.
    std::mutex mutex;
    ledger_table ledger;
    std::mutex recovery;  // threads share the file's locks, so they need one of their own
    std::optional<family_record> family;
    std::unique_ptr<inheritance> inherited;  // set: has not used the pool since it was forked
    std::string loss;                        // set: why it has no share in the pool

    /// Whose last handle has gone while the gate was closed for too long.
    std::vector<hold*> late_holds;
    std::mutex late_mutex;  // of these; below `mutex`

    /// Lanes that threads which have ended leave to the next ones: over bare memory, which may be
    /// gone by then, an ending thread touches nothing. Under the process table's mutex.
    std::vector<std::uint32_t> spare_lanes;

    bool notices_deaths() const noexcept { return file.is_open(); }
};

/// Holds that have ended, each with its unused entry: most end as fast as new ones are made.
class hold_stash {
public:
    hold_stash() = default;
    ~hold_stash() { clear(); }
    hold_stash(const hold_stash&) = delete;
    hold_stash& operator=(const hold_stash&) = delete;

    /// False when there are enough.
    bool put(hold* h) noexcept {
        if (count_ == most) return false;
        holds_[count_++] = h;
        return true;
    }
    /// Null when there is none.
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

/// Which pool a thread's lane can be used for; null once that pool is detached, or is the parent's
/// alone.
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
    bool full_fence = false;
    deadline gate_until = deadline::never();  // see gate_limit
    bool has_seat = false;                    // has slept on this lane's seat
    /// What allocating raw memory needs to know of the pool, close together.
    struct {
        std::uint64_t mark = 0;  // of what this thread allocates, without a class
        std::uint64_t header_bytes = 0;
        std::uint64_t most_bytes = 0;    // that fit into a block
        char* first = nullptr;           // what the first page's first block would hold
        std::uint64_t all_granules = 0;  // of all pages
        std::uint64_t page_granules = 0;
    } raw;
    std::vector<std::uint32_t> free_entries;
    hold_stash spare_holds;

    bool is_inside() const noexcept {
        return control->activity.load(std::memory_order_relaxed) != 0;
    }
    /// The lane `i` is this thread's from now on.
    void use_lane(std::uint32_t i) noexcept {
        index = i;
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

    /// Sequentially consistent, so that it stays behind the store that says "inside"; also
    /// acquires: what a recoverer did is seen by whoever enters after it.
    bool may_enter() const noexcept {
        const std::uint32_t forker = at->forking.load(std::memory_order_seq_cst);
        const std::uint32_t closed = pool->entrance.closed.load(std::memory_order_seq_cst);
        return (forker | closed) == 0 || (closed == 0 && forker == index + 1);
    }
    /// False when the gate is closed. Not inside.
    bool try_enter() noexcept {
        say_inside();
        if (may_enter()) return true;
        leave();
        return false;
    }
    /// What is tried only then is seen by whoever closes the gate, or sees it closed.
    void say_inside() noexcept {
        if (full_fence) [[unlikely]] {
            control->activity.exchange(1, std::memory_order_seq_cst);
        } else {
            control->activity.store(1, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst);
        }
    }
    /// Release: what was done inside is seen by a recoverer that reads 0.
    void leave() noexcept { control->activity.store(0, std::memory_order_release); }
};

/// The lane that the thread has used last, or what is usable for no pool. Found without a call,
/// also in a shared library: it is one word, for which there is always room.
extern thread_local constinit usable_lane* current_lane [[gnu::tls_model("initial-exec")]];

/// The calling thread's lane; attaches the thread on first use. Throws std::runtime_error when all
/// lanes are in use, or the pool was never attached here.
/// A forked child's first use of the pool waits at a closed gate for so long, as gate_limit has it.
thread_lane& find_lane(arena& a, deadline until);
/// The same, without a call if it is the one that the thread has used last.
inline thread_lane& lane_of_thread(arena& a, deadline until = deadline::never()) {
    usable_lane& last = *current_lane;
    return last.is_for(a) ? static_cast<thread_lane&>(last) : find_lane(a, until);
}

/// Operations that ask for no time-out of their own wait so long at a gate that is closed: a repair
/// takes milliseconds, so whoever is at it has been stopped.
constexpr std::chrono::seconds longest_stall{10};

/// Who tries once must not notice a repair.
deadline or_repair(deadline until) noexcept;
/// Enters once the gate is open again; runs the recovery itself when its recoverer has died. False
/// when the gate is closed at the deadline still, or after some milliseconds, so that the caller
/// can look for what else would end its wait. (An immediate deadline allows for a repair, too:
/// whoever tries once must not notice it.)
bool enter_by(thread_lane& l, deadline until) noexcept;
/// The same for what must go on: not at all if others have waited in vain.
bool enter_soon(thread_lane& l) noexcept;
/// The same until what gate_limit says. Throws PoolStalled.
void wait_and_enter(thread_lane& l);
[[noreturn]] void throw_stalled(const arena& a);

/// An operation of this thread that has a deadline, for what it does in the pool meanwhile.
class gate_limit {
public:
    gate_limit(thread_lane& l, deadline until) noexcept
        : lane_(l), before_(std::exchange(l.gate_until, until)) {}
    ~gate_limit() { lane_.gate_until = before_; }
    gate_limit(const gate_limit&) = delete;
    gate_limit& operator=(const gate_limit&) = delete;

private:
    thread_lane& lane_;
    deadline before_;
};

/// The time that a thread spends on shared structure. It is nanoseconds, never blocks, and does not
/// nest: who is inside calls nothing that enters. The closing of the gate waits for everybody to
/// leave, and nobody enters a closed one: the store to `activity` and the load of `closed` must not
/// pass each other. The recoverer orders them with membarrier(2) in place of a fence here, except
/// where that is missing.
/// Throws PoolStalled, not inside, when the gate stays closed.
class inside {
public:
    explicit inside(thread_lane& l) : lane_(l) {
        assert(!l.is_inside());
        if (!l.try_enter()) [[unlikely]]
            wait_and_enter(l);
    }
    ~inside() { lane_.leave(); }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;

private:
    thread_lane& lane_;
};

/// Leaves what the thread has entered by try_enter or enter_by.
class leave_later {
public:
    explicit leave_later(thread_lane& l) noexcept : lane_(l) {}
    ~leave_later() { lane_.leave(); }
    leave_later(const leave_later&) = delete;
    leave_later& operator=(const leave_later&) = delete;

private:
    thread_lane& lane_;
};

/// As `inside`, for those who can do without: false when the gate was closed for too long.
class maybe_inside {
public:
    explicit maybe_inside(thread_lane& l) noexcept
        : lane_(l), is_inside_(l.try_enter() || enter_soon(l)) {}
    ~maybe_inside() {
        if (is_inside_) lane_.leave();
    }
    maybe_inside(const maybe_inside&) = delete;
    maybe_inside& operator=(const maybe_inside&) = delete;
    explicit operator bool() const noexcept { return is_inside_; }

private:
    thread_lane& lane_;
    const bool is_inside_;
};

/// What a boot object holds on to a pool by.
class attachment_user {
public:
    attachment_user() = default;
    explicit attachment_user(std::shared_ptr<attachment> at) noexcept : at_(std::move(at)) {}
    ~attachment_user() { reset(); }
    attachment_user(attachment_user&&) noexcept = default;
    attachment_user& operator=(attachment_user&& other) noexcept;

    attachment* get() const noexcept { return at_.get(); }
    attachment* operator->() const noexcept { return at_.get(); }
    explicit operator bool() const noexcept { return at_ != nullptr; }
    void reset() noexcept;

private:
    std::shared_ptr<attachment> at_;
};

/// A user of the attachment of the pool in this file, if this process has one already.
attachment_user find_attachment(const file_identity& file);
/// The same, of the pool whose file has that path.
attachment_user find_attachment_at(const std::string& path);
/// The same, of one that this process has attached by that name, which its file has lost since, and
/// that goes on all the same: it has not been retired, and its SHMMain lives.
attachment_user find_nameless_attachment(const std::string& name);
/// Whether some process has the SHMMain's role.
bool has_living_main(const attachment& at) noexcept;
/// Takes a slot in the pool. Throws std::runtime_error when all slots are in use by the living.
attachment_user attach(arena& a, pool_file file, std::shared_ptr<void> mapping, std::string name);
/// For pools over bare memory: by the address alone.
attachment_user attach_bare(arena& a, bool private_memory);

/// Forgets a bare pool that lay in this memory and was never cleaned; its memory is not touched.
void forget_bare(const void* memory, std::size_t size_bytes) noexcept;
/// A further user of the attachment that attach_bare made, or none.
attachment_user find_attachment(const arena& a);

/// A free slot, claimed with the role lock of `file`; lane_count when there is none. `at` is who
/// clears up after the dead for it.
std::uint32_t claim_slot(attachment& at, pool_file& file);
/// A free lane, claimed for the slot. Throws std::runtime_error when there is none.
std::uint32_t claim_lane(attachment& at, std::uint32_t slot);
/// A new, empty ledger block, linked into the slot's chain; 0 when the pool is full.
std::uint64_t add_ledger_block(thread_lane& l, std::uint32_t slot);

/// No thread uses its lane for this attachment any more, whatever it has used last: another pool
/// may lie at the same address soon. The caller has the process table's mutex.
void end_lanes_of(attachment& at) noexcept;

[[noreturn]] void throw_no_slot(const arena& a);
/// Gives up all references that the ledger of the thread's process names: those that were kept for
/// children, or counted before the rest failed. False when the gate is closed for too long.
bool release_held(thread_lane& l) noexcept;
/// Gives all ledger blocks of the thread's process back; false when the gate is closed for too
/// long.
bool free_ledger(thread_lane& l) noexcept;

/// Every attachment of this process, under the process table's mutex. For fork.
void with_all_attachments(const std::function<void(attachment&)>& visit);

/// Detaches once the last hold of an orphaned attachment has gone.
void hold_has_gone(attachment& at) noexcept;

/// A hold without handles that could not be given back, for the gate was closed: later.
void keep_for_later(hold* h) noexcept;
/// Gives back what was kept for later.
void give_back_late_holds(thread_lane& l) noexcept;

/// A ledger entry's number for this thread, not yet in use. Throws PoolExhausted. Not inside.
std::uint32_t take_entry(thread_lane& l);
/// For an entry that is 0 again, or was never used.
void return_entry(thread_lane& l, std::uint32_t number) noexcept;

/// Frees the raw memory that belongs to the lane's process and was never given back. False when the
/// gate is closed for too long.
bool free_raw_memory(thread_lane& l) noexcept;

/// The pool as messages have it: with its name, if the calling thread has used it last.
std::string subject_of(const arena& a);
/// Throws PoolExhausted, saying what was asked and what there is.
[[noreturn]] void throw_exhausted(const arena& a, std::size_t size_bytes);

/// Of a slot + 1, for messages; 0 for nobody's.
std::int32_t pid_of_slot(const arena& a, std::uint32_t slot_plus_one) noexcept;

/// True when a slot's process has died and nobody has cleaned up yet.
bool is_dead(const attachment& at, std::uint32_t slot) noexcept;

}  // namespace valpool::detail
