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

/// A forked child has handles on everything that its parent held at the fork, and reads through
/// them without any synchronisation. So its references must be counted before the child exists. But
/// most children never touch the pool, and must not take its slots and lanes. So one slot, the
/// family's, keeps the references of all children that have not used the pool yet. It keeps them
/// until the last of these children has died or used the pool. A child that uses the pool gets a
/// slot of its own, and counts there what it holds.
///
/// The family's slot is alive as long as somebody shares its lock (has a part of it). Each of these
/// children does, through a description of the file that it was born with. The parent keeps no
/// part. Where no further description can be opened, each child has its part as a lock of the
/// process. Such a lock is not inherited, so the parent keeps a part of its own until the child
/// says that it has taken one.
///
/// Pools over bare memory do not notice deaths: there a child has its own slot from the start.

namespace valpool::detail {

std::uint32_t forks_behind = 0;

namespace {

/// The child's share in a pool, made by the parent before the fork. If the fork fails, or the child
/// dies at once, the share is treated as that of a dead process.
struct child_share {
    attachment* at = nullptr;
    std::unique_ptr<inheritance> inherited;
    handover part;     // set: the child itself takes its part of the lock
    std::string loss;  // why the child gets nothing

    // Only for a pool over bare memory.
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

/// The boxes that the process holds, indexed by the numbers of their ledger entries.
std::vector<std::uint64_t> boxes_held(const attachment& at) {
    std::vector<std::uint64_t> held;
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b) {
        held.resize(ledger_table::first_number(b));
        for (const auto& entry : at.ledger.block_at(b)->entries)
            held.push_back(entry.load(std::memory_order_relaxed));
    }
    return held;
}

/// Joins the family of earlier children, if its slot still exists and can take these children, too.
/// Everything in the slot is kept until the last of all these children is gone, so the slot must
/// not have much more than these children hold.
bool join_family(thread_lane& forker, pool_file& keeper, std::size_t held_count) {
    attachment& at = *forker.at;
    if (!at.family) return false;
    const family_record& f = *at.family;
    constexpr std::size_t few = 64;
    if (f.boxes.size() > held_count + few) return false;
    // While this thread is inside (below), no repair is half done. A repair that has found the
    // family dead must not find it alive when another process starts the repair over.
    if (f.is_parents) return false;  // there may be a free slot by now
    const inside pass(forker);
    const process_slot& slot = forker.pool->slot(f.slot);
    return slot.state.load() == process_slot::family && slot.claims.load() == f.claims &&
           keeper.try_share(slot_role(f.slot));
}

/// No slot is free: the parent keeps the references in its own slot, for as long as it is attached.
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
    keeper.try_share(slot_role(s));  // from exclusive to shared: cannot fail
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
    at.family->born.reserve(at.family->born.size() + 1);  // nothing may fail after the fork
    for (const std::uint64_t box_offset : held)
        if (box_offset != 0) keep_for_family(forker, box_offset);
}

void give_up_part_if_all_have_one(attachment& at) noexcept {
    auto& born = at.family->born;
    std::erase_if(born, [](const handover& child) { return child.is_ready(); });
    if (born.empty()) at.common.for_this_process().unlock(slot_role(at.family->slot));
}

/// Gives up the parent's own part once each child has said that it has one. A child that has died
/// before that says nothing: then the parent keeps its part, and the family its references.
void wait_for_parts(attachment& at, child_share& share) {
    constexpr std::chrono::milliseconds longest{100};
    share.part.wait(deadline::in(longest));
    if (at.inherited) return;  // this process needs its part itself
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
    // In the parent's order, so that the blocks get the same numbers.
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b) {
        ledger_block& block = new_block(*share.forker, share.slot);
        block.index = b;
        for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i)
            if (const std::uint64_t held = at.ledger.block_at(b)->entries[i].load())
                count_reference(*share.forker, block.entries[i], held);
        share.blocks.push_back(&block);
    }
}

/// Makes the blocks this process's ledger, in place of the parent's.
void use_ledger(attachment& at, const std::vector<ledger_block*>& blocks) {
    auto& free_entries = at.ledger.free_entries;
    free_entries.clear();
    for (std::uint32_t b = 0; b < blocks.size(); ++b) {
        at.ledger.replace(b, *blocks[b]);
        // Entries that other threads of the parent had set aside are also free here.
        for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i)
            if (blocks[b]->entries[i].load(std::memory_order_relaxed) == 0)
                free_entries.push_back(ledger_table::first_number(b) + i);
    }
}

void take_share(child_share& share) {
    attachment& at = *share.at;
    at.slot = share.slot;
    at.raw_count.store(0);  // raw memory still belongs to the parent
    at.pool->slot(share.slot).pid.store(getpid(), std::memory_order_relaxed);
    use_ledger(at, share.blocks);
    thread_lane& l = *share.forker;
    l.use_lane(share.lane);
    l.free_entries.clear();
    l.spare_holds.clear();  // use_ledger has made their entries free
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
            // A process that was forked itself, and has not used the pool since, passes on what it
            // has.
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
    shares().clear();  // this also closes the parent's copies of the children's keepers
    process_table::instance().mutex.unlock();
}

/// Drops in the child what belongs to the parent only; the same in a child that gets nothing.
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
    // Only now: closing a descriptor, as above, would have dropped the lock.
    at.inherited->keeper.try_share(slot_role(at.inherited->slot));
    share.part.say_ready();
}

void after_fork_in_child() {
    const no_cancellation guard;
    ++forks_behind;
    // The recursive mutex remembers its owner's thread id, and the child's thread has another one.
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
    // The file is not closed when a later step fails: that could drop this process's part of the
    // family's lock.
    if (!at.file.is_open()) {
        pool_file own = at.common.reopen(path_of_segment(at.name));
        at.file = own.is_open() ? std::move(own) : at.common.for_this_process();
    }
    if (!at.file.is_open())
        throw std::runtime_error(
            "this process was forked and can no longer reach the pool's file: its descriptors "
            "were closed, or no descriptor is free, and its name " +
            path_of_segment(at.name) + " cannot be opened");
    // The process already has a slot if the last attempt failed for lack of a lane.
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
    // A keeper with its own description is not unlocked, only closed: a child of this process may
    // share the description.
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
