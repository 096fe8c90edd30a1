#include "memory/fork.hpp"

#include "base/kill_point.hpp"
#include "memory/recovery.hpp"
#include "memory/slab.hpp"

#include <chrono>
#include <new>
#include <thread>

#include <pthread.h>
#include <unistd.h>

namespace valpool::detail {

std::uint32_t forks_behind = 0;

namespace {

/// What the child will have: made by the parent before the fork, under a lock that both have until
/// the parent drops it. So the child's references exist before the child does, and if the fork
/// fails, or the child dies at once, its slot is simply a dead process's.
struct child_share {
    attachment* at = nullptr;
    thread_lane* forker = nullptr;
    pool_file file;
    std::uint32_t slot = 0;
    std::uint32_t lane = 0;
    std::vector<ledger_block*> blocks;
    bool is_whole = false;
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

/// Gives the child a reference wherever the parent has one.
void copy_entries(thread_lane& forker, const ledger_block& from, ledger_block& to) noexcept {
    const inside pass(forker);
    for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i) {
        const std::uint64_t held = from.entries[i].load(std::memory_order_relaxed);
        if (held == 0) continue;
        box& b = *forker.pool->at<box>(held);
        publish(b);
        b.refs.fetch_add(1, std::memory_order_relaxed);
        VALPOOL_KILL_POINT("fork.counted");
        to.entries[i].store(held, std::memory_order_relaxed);
    }
    VALPOOL_KILL_POINT("fork.copied_block");
}

void fill_share(child_share& share) {
    attachment& at = *share.at;
    arena& a = *at.pool;
    if (at.file.is_open()) {
        share.file = at.file.reopen();
        if (!share.file.is_open()) return;
    }
    share.slot = claim_slot(at, share.file);
    if (share.slot == a.lane_count) return;
    share.lane = claim_lane(at, share.slot);
    // Oldest first: the blocks' numbers must come out as the parent's.
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b) {
        std::uint64_t offset = add_ledger_block(*share.forker, share.slot);
        if (offset == 0) {
            relieve(*share.forker);
            offset = add_ledger_block(*share.forker, share.slot);
        }
        if (offset == 0) return;
        auto& block = *a.at<ledger_block>(offset);
        block.index = b;
        copy_entries(*share.forker, *at.ledger.block_at(b), block);
        share.blocks.push_back(&block);
    }
    share.is_whole = true;
}

void prepare_share(attachment& at) {
    at.mutex.lock();
    child_share share;
    share.at = &at;
    if (!at.private_memory && !at.lost.load()) {
        try {
            share.forker = &lane_of_thread(*at.pool);
            wait_for_own_threads(at, *share.forker);
            fill_share(share);
        } catch (const std::exception&) {
            // The child gets no share in this pool, and says so when it is used there.
        }
    }
    shares().push_back(std::move(share));
}

void before_fork() {
    lock_process_table();
    shares().clear();
    with_all_attachments(prepare_share);
}

void after_fork_in_parent() {
    for (child_share& share : shares()) {
        share.at->forking.store(0);
        share.at->mutex.unlock();
    }
    shares().clear();  // and with it the parent's hold on the child's locks
    unlock_process_table();
}

void take_share(child_share& share) {
    attachment& at = *share.at;
    arena& a = *at.pool;
    at.file = std::move(share.file);  // drops the child's hold on its parent's lock
    at.slot = share.slot;
    at.raw_count.store(0);  // raw memory stays its parent's
    a.slot(share.slot).pid.store(getpid(), std::memory_order_relaxed);
    auto& free_entries = at.ledger.free_entries;
    free_entries.clear();
    for (std::uint32_t b = 0; b < share.blocks.size(); ++b) {
        at.ledger.replace(b, *share.blocks[b]);
        // Entries that other threads of the parent had set aside are free here as well.
        for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i)
            if (share.blocks[b]->entries[i].load(std::memory_order_relaxed) == 0)
                free_entries.push_back(ledger_table::first_number(b) + i);
    }
    thread_lane& l = *share.forker;
    l.use_lane(share.lane);
    l.free_entries.clear();
    l.spare_holds.clear();  // their entries are among the free ones of the child's blocks
    register_for_barriers();
}

void after_fork_in_child() {
    ++forks_behind;
    renew_process_table();
    for (child_share& share : shares()) {
        attachment& at = *share.at;
        new (&at.mutex) std::mutex;
        new (&at.recovery) std::mutex;
        at.forking.store(0);
        if (at.private_memory) continue;
        if (share.is_whole) {
            take_share(share);
        } else {
            at.lost.store(true);
            at.file.close();
            end_lanes_of(at);  // they are the parent's
        }
    }
    shares().clear();
}

}  // namespace

void handle_forks() {
    static const bool once = [] {
        pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
        return true;
    }();
    static_cast<void>(once);
}

}  // namespace valpool::detail
