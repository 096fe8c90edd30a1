#pragma once

/// This process's connections to pools: one attachment for each pool.

#include "base/handover.hpp"
#include "process/ledger.hpp"
#include "segment/pool_file.hpp"

#include <valpool/process/detail/hold_state.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace valpool::detail {

class reclaimer;
struct thread_lane;

/// What a forked child has from its parent until it uses the pool for the first time; see fork.cpp.
struct inheritance {
    pool_file keeper;                 // shares the lock of the family's slot
    std::uint32_t slot = 0;           // the family's slot
    std::vector<std::uint64_t> held;  // the box in each ledger entry at the fork; 0: none
};

/// The slot in which a process keeps the references of children that have not used the pool yet.
struct family_record {
    family_record(std::uint32_t its_slot, std::uint32_t its_claims, bool is_in_parents) noexcept
        : slot(its_slot), claims(its_claims), is_parents(is_in_parents) {}

    std::uint32_t slot;
    std::uint32_t claims;  // the slot's count while the family has it
    bool is_parents;       // no slot was free: the parent's own slot serves
    std::unordered_set<std::uint64_t> boxes;
    std::vector<ledger_block*> blocks;
    std::uint32_t used = 0;      // entries in the blocks
    std::vector<handover> born;  // children that have not said yet that they share the slot's lock
};

/// This process's connection to one pool. It lives until its last user (a boot object) is gone and
/// the process holds nothing in the pool any more.
struct attachment {
    arena* pool = nullptr;
    std::uint32_t slot = 0;
    std::atomic<std::uint32_t> forking{0};   // lane + 1 of the thread in fork: only it may enter
    std::atomic<bool> lost{false};           // a child whose parent could keep nothing for it
    std::atomic<bool> orphaned{false};       // no users left; ends with the last hold
    std::atomic<std::int64_t> raw_count{0};  // sum of returned lanes, see lane::raw_count
    std::atomic<bool> stalled{false};        // a thread has waited at the gate in vain
    bool private_memory = false;             // a fork copies the pool itself
    std::uint32_t users = 0;                 // under the process table's mutex
    std::vector<thread_lane*> lanes;         // of all threads; under that mutex, too
    pool_file file;    // has this process's locks; not open for a pool over bare memory
    pool_file common;  // shared with forked processes: leads to the file even after a change of
                       // user or the loss of its name
    pool_file unused;  // kept open while the locks of `file` belong to the process: closing it
                       // would drop them
    std::shared_ptr<void> mapping;  // keeps the segment mapped
    std::string name;

    /// Protects the ledger's blocks and free entries, and `family`. Never taken inside.
    std::mutex mutex;
    ledger_table ledger;
    std::mutex recovery;  // threads share the file's locks, so they also need a mutex
    std::optional<family_record> family;
    std::unique_ptr<inheritance> inherited;  // set: forked, and has not used the pool since
    std::string loss;                        // set: why the process lost its share in the pool
    reclaimer* recovery_layer = nullptr;     // null for a pool over bare memory

    /// Holds whose last handle ended while the gate was closed for too long.
    std::vector<hold*> late_holds;
    std::mutex late_mutex;  // protects late_holds; taken after `mutex`

    /// Lanes of ended threads, for the next threads. They are used over bare memory: it may be gone
    /// when a thread ends, so an ending thread does not touch it. Under the process table's mutex.
    std::vector<std::uint32_t> spare_lanes;

    bool notices_deaths() const noexcept { return file.is_open(); }
};

/// A boot object's counted use of an attachment.
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
/// The same for the pool whose file has that path.
attachment_user find_attachment_at(const std::string& path);
/// The same for a pool that this process attached by that name, whose file has lost the name since,
/// but which goes on: it is not retired, and its SHMMain lives.
attachment_user find_nameless_attachment(const std::string& name);
/// Whether the process that is the pool's SHMMain lives.
bool has_living_main(const attachment& at) noexcept;
/// Takes a slot in the pool. `recovery_layer` repairs the pool after deaths. Throws
/// std::runtime_error when living processes use all slots.
attachment_user attach(arena& a, pool_file file, std::shared_ptr<void> mapping, std::string name,
                       reclaimer& recovery_layer);
/// The same for a pool over bare memory, which its address alone identifies.
attachment_user attach_bare(arena& a, bool private_memory);

/// Forgets every bare pool that lay in this memory and was never cleaned; does not touch the
/// memory.
void forget_bare(const void* memory, std::size_t size_bytes) noexcept;
/// A further user of this process's attachment to the pool, or none.
attachment_user find_attachment(const arena& a);

/// Detaches once the last hold of an orphaned attachment has gone.
void hold_has_gone(attachment& at) noexcept;

/// How messages call the pool: by its name, if it is the pool that the calling thread used last.
std::string subject_of(const arena& a);

}  // namespace valpool::detail
