#pragma once

/// What a process's ledger names are boxes, which this layer knows nothing of.

#include "process/lane.hpp"

#include <atomic>
#include <cstdint>

namespace valpool::detail {

/// What the layer of the boxes does for a process's references when this one decides that it is
/// time.
class reference_keeper {
public:
    /// A further reference to the box, which is certainly alive, in an entry of somebody's ledger.
    /// Throws PoolStalled.
    virtual void count(thread_lane& l, std::atomic<std::uint64_t>& entry,
                       std::uint64_t box_offset) = 0;
    /// Gives up the reference that the entry names. Inside.
    virtual void release(thread_lane& l, std::atomic<std::uint64_t>& entry) noexcept = 0;
    /// Gives back the holds that have ended while the gate was closed (attachment::late_holds).
    virtual void give_back_late(thread_lane& l) noexcept = 0;

protected:
    ~reference_keeper() = default;
};

/// Before the first entry of a ledger is used.
void set_reference_keeper(reference_keeper& keeper) noexcept;

/// These do nothing as long as there is none: then no ledger names anything.
void count_reference(thread_lane& l, std::atomic<std::uint64_t>& entry, std::uint64_t box_offset);
void give_back_late_holds(thread_lane& l) noexcept;
/// Gives up all references that the ledger of the thread's process names: those that were kept for
/// children, or counted before the rest failed. False when the gate is closed for too long.
bool release_held(thread_lane& l) noexcept;

}  // namespace valpool::detail
