#pragma once

/// How this process takes part in a pool: one attachment a pool.

#include "base/handover.hpp"
#include "process/ledger.hpp"
#include "segment/pool_file.hpp"

#include <valpool/detail/hold_state.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace valpool::detail {

class reclaimer;
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
    reclaimer* recovery_layer = nullptr;  // null for a pool over bare memory, which knows no deaths

    /// Whose last handle has gone while the gate was closed for too long.
    std::vector<hold*> late_holds;
    std::mutex late_mutex;  // of these; below `mutex`

    /// Lanes that threads which have ended leave to the next ones: over bare memory, which may be
    /// gone by then, an ending thread touches nothing. Under the process table's mutex.
    std::vector<std::uint32_t> spare_lanes;

    bool notices_deaths() const noexcept { return file.is_open(); }
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
/// `recovery_layer` repairs it after deaths.
attachment_user attach(arena& a, pool_file file, std::shared_ptr<void> mapping, std::string name,
                       reclaimer& recovery_layer);
/// For pools over bare memory: by the address alone.
attachment_user attach_bare(arena& a, bool private_memory);

/// Forgets a bare pool that lay in this memory and was never cleaned; its memory is not touched.
void forget_bare(const void* memory, std::size_t size_bytes) noexcept;
/// A further user of the attachment that attach_bare made, or none.
attachment_user find_attachment(const arena& a);

/// Detaches once the last hold of an orphaned attachment has gone.
void hold_has_gone(attachment& at) noexcept;

/// The pool as messages have it: with its name, if the calling thread has used it last.
std::string subject_of(const arena& a);

}  // namespace valpool::detail
