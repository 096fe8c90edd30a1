#include "process/references.hpp"

#include "process/gate.hpp"

namespace valpool::detail {

namespace {
constinit std::atomic<reference_keeper*> the_keeper{nullptr};
}

void set_reference_keeper(reference_keeper& keeper) noexcept {
    the_keeper.store(&keeper, std::memory_order_release);
}

void count_reference(thread_lane& l, std::atomic<std::uint64_t>& entry, std::uint64_t box_offset) {
    if (reference_keeper* const keeper = the_keeper.load(std::memory_order_acquire))
        keeper->count(l, entry, box_offset);
}

void give_back_late_holds(thread_lane& l) noexcept {
    if (reference_keeper* const keeper = the_keeper.load(std::memory_order_acquire))
        keeper->give_back_late(l);
}

bool release_held(thread_lane& l) noexcept {
    reference_keeper* const keeper = the_keeper.load(std::memory_order_acquire);
    if (!keeper) return true;
    arena& a = *l.pool;
    for (std::uint64_t o = a.slot(l.at->slot).ledger.load(); o != 0;
         o = a.at<ledger_block>(o)->next)
        for (auto& entry : a.at<ledger_block>(o)->entries) {
            if (entry.load(std::memory_order_relaxed) == 0) continue;
            const maybe_inside pass(l);
            if (!pass) return false;
            keeper->release(l, entry);
        }
    return true;
}

}  // namespace valpool::detail
