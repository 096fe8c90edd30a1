#include "process/fork.hpp"

#include "alloc/slab.hpp"
#include "base/cancellation.hpp"
#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "process/gate.hpp"
#include "process/process_table.hpp"
#include "process/reclaim.hpp"
#include "process/references.hpp"
#include "process/slot.hpp"
#include "segment/segment.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>

#include <pthread.h>
#include <unistd.h>

/// A child of fork has handles on what its parent held at that moment, and reads through them
/// without asking anybody; so they must count from before it exists. But most children never touch
/// the pool, and must not take its places (slots and lanes). So the references of all the children
/// that have not used a pool yet are kept in one slot, the family's, until the last of them has
/// died or has used it: by then it has a slot of its own, and has counted there what it holds.
///
/// The family's slot is alive as long as somebody has a part of its lock: each of these children
/// has, by a description of the file that it was born with. Its parent keeps none. Where there is
/// no way to another description, each has a part by process: such a lock is not inherited, so the
/// parent keeps its own until the child says that it has taken one.
///
/// Pools over bare memory know no deaths: there a child has its own slot from the start.

namespace valpool::detail {

std::uint32_t forks_behind = 0;

namespace {

/// What the child will have: made by the parent before the fork. If the fork fails, or the child
/// dies at once, it is simply a dead process's.
struct child_share {
    attachment* at = nullptr;
    std::unique_ptr<inheritance> inherited;
    handover part;     // the child takes it itself
    std::string loss;  // why it gets nothing

    // In a pool over bare memory.
    thread_lane* forker = nullptr;
    std::uint32_t slot = 0;
    std::uint32_t lane = 0;
    std::vector<ledger_block*> blocks;
};

std::vector<child_share>& shares() {
    static auto* const all = new std::vector<child_share>;
    return *all;
}

void wait_for_own_threads(attachment& at, const thread_lane& forker) noexcept {
    arena& a = *at.pool;
    at.forking.store(forker.index + 1, std::memory_order_seq_cst);
    if (!forker.full_fence) barrier_for_all_processes();
    for (std::uint32_t i = 0; i < a.lane_count; ++i)
        while (i != forker.index && a.lane_at(i).owner.load() == at.slot + 1 &&
               a.lane_at(i).activity.load(std::memory_order_acquire) != 0)
            std::this_thread::sleep_for(std::chrono::microseconds(10));
}

ledger_block& new_block(thread_lane& l, std::uint32_t slot) {
    const std::uint64_t offset = find_or_throw(
        l, sizeof(ledger_block), [&] { return add_ledger_block(l, slot); }, true);
    return *l.pool->at<ledger_block>(offset);
}

// --- the family's slot, by the parent ----------------------------------------------------------

/// By the numbers of their entries.
std::vector<std::uint64_t> boxes_held(const attachment& at) {
    std::vector<std::uint64_t> held;
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b) {
        held.resize(ledger_table::first_number(b));
        for (const auto& entry : at.ledger.block_at(b)->entries)
            held.push_back(entry.load(std::memory_order_relaxed));
    }
    return held;
}

/// Whether the slot of earlier children is still there, and can take these, too. What those hold is
/// kept until the last of all has gone: so it must not be much more than these hold.
bool join_family(thread_lane& forker, pool_file& keeper, std::size_t held_count) {
    attachment& at = *forker.at;
    if (!at.family) return false;
    const family_record& f = *at.family;
    constexpr std::size_t few = 64;
    if (f.boxes.size() > held_count + few) return false;
    // Inside, no repair is half done: one that has found the family dead must not find it alive
    // when another process starts it over.
    if (f.is_parents) return false;  // there may be a free one by now
    const inside pass(forker);
    const process_slot& slot = forker.pool->slot(f.slot);
    return slot.state.load() == process_slot::family && slot.claims.load() == f.claims &&
           keeper.try_share(slot_role(f.slot));
}

/// With no slot free, the parent keeps it for its children, for as long as it is attached.
void keep_in_own_slot(attachment& at, pool_file& keeper) {
    keeper = {};
    if (!at.family || !at.family->is_parents) at.family.emplace(at.slot, 0, true);
}

void found_family(attachment& at, pool_file& keeper) {
    const std::uint32_t s = claim_slot(at, keeper);
    if (s == at.pool->lane_count) return keep_in_own_slot(at, keeper);
    process_slot& slot = at.pool->slot(s);
    slot.state.store(process_slot::family, std::memory_order_release);
    VALPOOL_KILL_POINT("fork.founded_family");
    keeper.try_share(slot_role(s));  // from the whole to a part: cannot fail
    at.family.emplace(s, slot.claims.load(), false);
}

std::atomic<std::uint64_t>& family_entry(thread_lane& forker, family_record& f) {
    if (f.used == f.blocks.size() * ledger_block::entry_count) {
        f.blocks.reserve(f.blocks.size() + 1);
        f.blocks.push_back(&new_block(forker, f.slot));
    }
    return f.blocks.back()->entries[f.used++ % ledger_block::entry_count];
}

void keep_for_family(thread_lane& forker, std::uint64_t box_offset) {
    family_record& f = *forker.at->family;
    if (f.boxes.contains(box_offset)) return;
    auto& entry = family_entry(forker, f);
    count_reference(forker, entry, box_offset);
    f.boxes.insert(box_offset);
}

void prepare_inheritance(child_share& share) {
    attachment& at = *share.at;
    share.inherited = std::make_unique<inheritance>();
    if (at.ledger.block_count() == 0) return;
    thread_lane& forker = lane_of_thread(*at.pool);
    wait_for_own_threads(at, forker);
    share.inherited->held = boxes_held(at);
    const auto& held = share.inherited->held;
    const auto held_count =
        held.size() - static_cast<std::size_t>(std::count(held.begin(), held.end(), 0U));
    if (held_count == 0) return;
    pool_file& keeper = share.inherited->keeper;
    keeper = at.common.reopen(path_of_segment(at.name));
    if (!keeper.is_open()) {
        keeper = at.common.for_this_process();
        share.part = handover::make();
    }
    if (!join_family(forker, keeper, held_count)) found_family(at, keeper);
    if (!keeper.is_open()) share.part = {};
    share.inherited->slot = at.family->slot;
    at.family->born.reserve(at.family->born.size() + 1);  // in the parent nothing may fail then
    for (const std::uint64_t box_offset : held)
        if (box_offset != 0) keep_for_family(forker, box_offset);
}

void give_up_part_if_all_have_one(attachment& at) noexcept {
    auto& born = at.family->born;
    std::erase_if(born, [](const handover& child) { return child.is_ready(); });
    if (born.empty()) at.common.for_this_process().unlock(slot_role(at.family->slot));
}

/// Gives the parent's own part up when each child has said that it has one. One that has died
/// before that says nothing: then the parent keeps what the family has.
void wait_for_parts(attachment& at, child_share& share) {
    constexpr std::chrono::milliseconds longest{100};
    share.part.wait(deadline::in(longest));
    if (at.inherited) return;  // and needs its part itself
    at.family->born.push_back(std::move(share.part));
    give_up_part_if_all_have_one(at);
}

// --- pools over bare memory --------------------------------------------------------------------

void fill_share(child_share& share) {
    attachment& at = *share.at;
    share.forker = &lane_of_thread(*at.pool);
    wait_for_own_threads(at, *share.forker);
    share.slot = claim_slot(at, at.file);
    if (share.slot == at.pool->lane_count) throw_no_slot(*at.pool);
    share.lane = claim_lane(at, share.slot);
    // Oldest first: the blocks' numbers must come out as the parent's.
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b) {
        ledger_block& block = new_block(*share.forker, share.slot);
        block.index = b;
        for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i)
            if (const std::uint64_t held = at.ledger.block_at(b)->entries[i].load())
                count_reference(*share.forker, block.entries[i], held);
        share.blocks.push_back(&block);
    }
}

/// The blocks, in place of the parent's, are this process's ledger.
void use_ledger(attachment& at, const std::vector<ledger_block*>& blocks) {
    auto& free_entries = at.ledger.free_entries;
    free_entries.clear();
    for (std::uint32_t b = 0; b < blocks.size(); ++b) {
        at.ledger.replace(b, *blocks[b]);
        // Entries that other threads of the parent had set aside are free here as well.
        for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i)
            if (blocks[b]->entries[i].load(std::memory_order_relaxed) == 0)
                free_entries.push_back(ledger_table::first_number(b) + i);
    }
}

void take_share(child_share& share) {
    attachment& at = *share.at;
    at.slot = share.slot;
    at.raw_count.store(0);  // raw memory stays its parent's
    at.pool->slot(share.slot).pid.store(getpid(), std::memory_order_relaxed);
    use_ledger(at, share.blocks);
    thread_lane& l = *share.forker;
    l.use_lane(share.lane);
    l.free_entries.clear();
    l.spare_holds.clear();  // their entries are among the free ones of the child's blocks
}

// --- the three moments of a fork ---------------------------------------------------------------

void pass_on_inheritance(child_share& share) {
    if (share.at->inherited->keeper.is_for_process()) share.part = handover::make();
}

void prepare_share(attachment& at) {
    at.mutex.lock();
    child_share share;
    share.at = &at;
    if (!at.private_memory && !at.lost.load()) {
        try {
            // Who has not used the pool since it was forked itself passes on what it has.
            if (at.inherited)
                pass_on_inheritance(share);
            else if (at.notices_deaths())
                prepare_inheritance(share);
            else
                fill_share(share);
        } catch (const std::exception& e) {
            share.loss = e.what();
        }
    }
    shares().push_back(std::move(share));
}

void before_fork() {
    const no_cancellation guard;
    process_table::instance().mutex.lock();
    shares().clear();
    for (const auto& at : process_table::instance().attachments) prepare_share(*at);
}

void after_fork_in_parent() {
    const no_cancellation guard;
    for (child_share& share : shares()) {
        if (share.part && share.loss.empty()) wait_for_parts(*share.at, share);
        share.at->forking.store(0);
        share.at->mutex.unlock();
    }
    shares().clear();  // and with it the parent's part of what it keeps for the child
    process_table::instance().mutex.unlock();
}

/// What belongs to the parent only; the same in a child that gets nothing.
void leave_to_parent(attachment& at) noexcept {
    at.file.leave_to_parent();
    at.unused.close();
    at.slot = at.pool->lane_count;
    at.raw_count.store(0);
    at.late_holds.clear();
    at.family.reset();
    end_lanes_of(at);
}

void inherit(child_share& share) {
    attachment& at = *share.at;
    new (&at.mutex) std::mutex;
    new (&at.recovery) std::mutex;
    new (&at.late_mutex) std::mutex;
    at.forking.store(0);
    if (at.private_memory || at.lost.load()) return;
    if (share.forker && share.loss.empty()) return take_share(share);
    leave_to_parent(at);
    if (!share.loss.empty()) {
        at.inherited.reset();
        at.loss = std::move(share.loss);
        at.lost.store(true);
        return;
    }
    if (share.inherited) at.inherited = std::move(share.inherited);
    if (!share.part) return;
    // After the last descriptor was closed, which would have dropped it.
    at.inherited->keeper.try_share(slot_role(at.inherited->slot));
    share.part.say_ready();
}

void after_fork_in_child() {
    const no_cancellation guard;
    ++forks_behind;
    // The child's thread has another id than the owner whom a recursive mutex remembers.
    new (&process_table::instance().mutex) std::recursive_mutex;
    for (child_share& share : shares()) inherit(share);
    shares().clear();
}

}  // namespace

void give_up_own_part(attachment& at) noexcept {
    const std::unique_lock guard(at.mutex, std::try_to_lock);
    if (guard && at.family && !at.family->born.empty() && !at.inherited)
        give_up_part_if_all_have_one(at);
}

// --- a child's first use -----------------------------------------------------------------------

void claim_own_slot(attachment& at) {
    register_for_barriers();
    // Not closed when what follows fails: that could drop a part of the family's slot.
    if (!at.file.is_open()) {
        pool_file own = at.common.reopen(path_of_segment(at.name));
        at.file = own.is_open() ? std::move(own) : at.common.for_this_process();
    }
    if (!at.file.is_open())
        throw std::runtime_error(
            "this process was forked, and has no way to the pool's file any more: its descriptors "
            "were closed, or none is free, and its name " +
            path_of_segment(at.name) + " cannot be opened");
    // It has one already if there was no lane for it at the last try.
    if (at.slot == at.pool->lane_count) at.slot = claim_slot(at, at.file);
    if (at.slot == at.pool->lane_count) throw_no_slot(*at.pool);
}

namespace {
void give_slot_back(thread_lane& l) noexcept {
    attachment& at = *l.at;
    arena& a = *l.pool;
    if (release_held(l) && free_ledger(l)) {
        if (const maybe_inside pass(l); pass) flush_heap(a, *l.heap);
        l.control->owner.store(0, std::memory_order_release);
        a.slot(at.slot).state.store(process_slot::free, std::memory_order_release);
    }
    at.file.unlock(slot_role(at.slot));
    at.slot = a.lane_count;
}

std::vector<ledger_block*> count_what_is_held(thread_lane& l,
                                              const std::vector<std::uint64_t>& held) {
    std::vector<ledger_block*> blocks;
    const std::uint32_t count = l.at->ledger.block_count();
    blocks.reserve(count);
    for (std::uint32_t b = 0; b < count; ++b) {
        ledger_block& block = new_block(l, l.at->slot);
        block.index = b;
        blocks.push_back(&block);
        for (std::uint32_t i = 0; i < ledger_block::entry_count && !held.empty(); ++i)
            if (const std::uint64_t box_offset = held[ledger_table::first_number(b) + i])
                count_reference(l, block.entries[i], box_offset);
        VALPOOL_KILL_POINT("fork.copied_block");
    }
    return blocks;
}
}  // namespace

void take_inheritance(thread_lane& l) {
    attachment& at = *l.at;
    try {
        if (!at.file.is_for_process() && !at.file.is_anchored())
            at.file.anchor(subject_of(at.name));
        use_ledger(at, count_what_is_held(l, at.inherited->held));
    } catch (...) {
        give_slot_back(l);
        throw;
    }
    pool_file& keeper = at.inherited->keeper;
    // Its description may be a child's of this one as well.
    if (keeper.is_for_process())
        keeper.unlock(slot_role(at.inherited->slot));
    else if (at.file.is_for_process())
        at.unused = std::move(keeper);
    at.inherited.reset();
}

void handle_forks() {
    static const bool once = [] {
        pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
        return true;
    }();
    static_cast<void>(once);
}

}  // namespace valpool::detail
