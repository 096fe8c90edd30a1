#include "process/ledger.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "process/gate.hpp"
#include "process/reclaim.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>

namespace valpool::detail {

ledger_table::~ledger_table() {
    for (auto& l : leaves_) delete l.load(std::memory_order_relaxed);
}

void ledger_table::make_room() {
    const std::uint32_t l = count_ / leaf_size;
    if (l == leaf_count) throw std::runtime_error("one process holds too many shared values");
    if (!leaves_[l].load(std::memory_order_relaxed))
        leaves_[l].store(new leaf{}, std::memory_order_release);  // pairs with block_at's acquire
    free_entries.reserve(free_entries.size() + ledger_block::entry_count);
}

void ledger_table::add(ledger_block& block) noexcept {
    block.index = count_;
    replace(count_, block);
    for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i)
        free_entries.push_back(first_number(count_) + i);
    ++count_;
}

void ledger_table::replace(std::uint32_t i, ledger_block& block) noexcept {
    leaf* const l = leaves_[i / leaf_size].load(std::memory_order_relaxed);
    (*l)[i % leaf_size].store(&block, std::memory_order_release);  // pairs with block_at's acquire
}

std::uint64_t add_ledger_block(thread_lane& l, std::uint32_t slot_index) {
    arena& a = *l.pool;
    const inside pass(l);
    const std::uint64_t found = allocate_space(a, *l.heap, sizeof(ledger_block), page_use::system);
    if (found == 0) return 0;
    VALPOOL_KILL_POINT("ledger.allocated");
    auto& block = *new (a.at<void>(found)) ledger_block{};
    process_slot& slot = a.slot(slot_index);
    block.magic.store(magic_ledger, std::memory_order_relaxed);
    block.next = slot.ledger.load(std::memory_order_relaxed);
    a.system_bytes.fetch_add(space_bytes(a, found), std::memory_order_relaxed);
    VALPOOL_KILL_POINT("ledger.filled");
    slot.ledger.store(found, std::memory_order_release);
    VALPOOL_KILL_POINT("ledger.linked");
    return found;
}

bool free_ledger(thread_lane& l) noexcept {
    arena& a = *l.pool;
    process_slot& slot = a.slot(l.at->slot);
    while (const std::uint64_t newest = slot.ledger.load(std::memory_order_relaxed)) {
        const maybe_inside pass(l);
        if (!pass) return false;
        auto& block = *a.at<ledger_block>(newest);
        slot.ledger.store(block.next, std::memory_order_relaxed);
        VALPOOL_KILL_POINT("detach.unlinked_ledger");
        block.magic.store(0, std::memory_order_relaxed);
        a.system_bytes.fetch_sub(space_bytes(a, newest), std::memory_order_relaxed);
        free_space(a, *l.heap, newest);
    }
    return true;
}

namespace {
void grow_ledger(thread_lane& l) {
    arena& a = *l.pool;
    l.at->ledger.make_room();
    const std::uint64_t offset = find_or_throw(
        l, sizeof(ledger_block), [&] { return add_ledger_block(l, l.at->slot); }, true);
    l.at->ledger.add(*a.at<ledger_block>(offset));
}

/// Locks the attachment's mutex until the gate's deadline: another thread may hold the mutex while
/// it waits at a closed gate.
std::unique_lock<std::mutex> lock_within_limit(thread_lane& l) {
    std::unique_lock guard(l.at->mutex, std::defer_lock);
    if (l.gate_until.is_never()) {
        guard.lock();
        return guard;
    }
    const deadline until = or_repair(l.gate_until);
    while (!guard.try_lock()) {
        if (until.has_passed()) throw_stalled(*l.pool);
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return guard;
}
}  // namespace

std::uint32_t take_entry(thread_lane& l) {
    if (l.free_entries.empty()) {
        constexpr std::size_t batch = 64;
        const auto guard = lock_within_limit(l);
        auto& common = l.at->ledger.free_entries;
        if (common.empty()) grow_ledger(l);
        const std::size_t count = std::min(batch, common.size());
        l.free_entries.assign(common.end() - static_cast<std::ptrdiff_t>(count), common.end());
        common.resize(common.size() - count);
    }
    const std::uint32_t number = l.free_entries.back();
    l.free_entries.pop_back();
    return number;
}

void return_entry(thread_lane& l, std::uint32_t number) noexcept {
    // A thread that only releases must not collect entries while others have to grow the ledger.
    constexpr std::size_t most = 256;
    try {
        l.free_entries.push_back(number);
        if (l.free_entries.size() <= most) return;
        const std::unique_lock guard(l.at->mutex, std::try_to_lock);
        if (!guard) return;  // try again another time
        auto& common = l.at->ledger.free_entries;
        const auto half = l.free_entries.begin() + most / 2;
        common.insert(common.end(), half, l.free_entries.end());
        l.free_entries.erase(half, l.free_entries.end());
    } catch (const std::bad_alloc&) {
        // The entry stays unused until the process ends; nothing else is lost.
    }
}

}  // namespace valpool::detail
