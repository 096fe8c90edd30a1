#pragma once

/// References from ledgers to boxes. This layer knows nothing of boxes, so it calls a layer above.

#include "process/lane.hpp"

#include <atomic>
#include <cstdint>

namespace valpool::detail {

/// What the object layer does for a process's references, when this layer decides that it is time.
class reference_keeper {
public:
    /// Counts a further reference to the box, and writes it to an entry of some process's ledger.
    /// The box must be certainly alive. Throws PoolStalled.
    virtual void count(thread_lane& l, std::atomic<std::uint64_t>& entry,
                       std::uint64_t box_offset) = 0;
    /// Gives up the reference in the entry. Inside.
    virtual void release(thread_lane& l, std::atomic<std::uint64_t>& entry) noexcept = 0;
    /// Gives back the holds that have ended while the gate was closed (attachment::late_holds).
    virtual void give_back_late(thread_lane& l) noexcept = 0;

protected:
    ~reference_keeper() = default;
};

/// Must be called before the first entry of a ledger is used.
void set_reference_keeper(reference_keeper& keeper) noexcept;

/// These do nothing as long as no keeper is set: then no ledger has references.
void count_reference(thread_lane& l, std::atomic<std::uint64_t>& entry, std::uint64_t box_offset);
void give_back_late_holds(thread_lane& l) noexcept;
/// Gives up all references in the ledger of the thread's process: those that were kept for
/// children, or that were counted before a later step failed. False when the gate is closed for too
/// long.
bool release_held(thread_lane& l) noexcept;

}  // namespace valpool::detail
