#include "process/attachment.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "process/fork.hpp"
#include "process/gate.hpp"
#include "process/process_table.hpp"
#include "process/raw_memory.hpp"
#include "process/reclaim.hpp"
#include "process/references.hpp"
#include "process/retirement.hpp"
#include "process/slot.hpp"
#include "segment/limits.hpp"
#include "segment/segment.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace valpool::detail {

namespace {

/// Whether the pool has a file. The memory of a pool over bare memory may be gone by now, so
/// nothing may look at it.
bool is_shared_with_others(const attachment& at) noexcept { return at.mapping != nullptr; }

attachment_user add_attachment(std::shared_ptr<attachment> at) {
    handle_forks();
    at->users = 1;
    process_table::instance().attachments.push_back(at);
    return attachment_user(std::move(at));
}

bool holds_anything(const attachment& at) noexcept {
    // The ledger's blocks still belong to the parent.
    if (at.inherited)
        return std::any_of(at.inherited->held.begin(), at.inherited->held.end(),
                           [](std::uint64_t box) { return box != 0; });
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b)
        for (const auto& entry : at.ledger.block_at(b)->entries)
            if (entry.load(std::memory_order_relaxed) != 0) return true;
    return false;
}

/// Whether everything that the process still holds has ended (late_holds), and only could not be
/// given back yet.
bool holds_only_late(attachment& at) noexcept {
    const std::lock_guard guard(at.late_mutex);
    std::size_t held = 0;
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b)
        for (const auto& entry : at.ledger.block_at(b)->entries)
            if (entry.load(std::memory_order_relaxed) != 0) ++held;
    return !at.late_holds.empty() && held == at.late_holds.size();
}

/// False when the gate is closed for too long.
bool give_lanes_back(attachment& at, thread_lane& mine) noexcept {
    arena& a = *at.pool;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        if (i == mine.index || a.lane_at(i).owner.load() != at.slot + 1) continue;
        {
            const maybe_inside pass(mine);
            if (!pass) return false;
            flush_heap(a, a.heap(i));
        }
        a.lane_at(i).owner.store(0, std::memory_order_release);
    }
    give_lane_back(mine);
    VALPOOL_KILL_POINT("detach.gave_lanes_back");
    return true;
}

/// Gives the slot and all its lanes back. The caller holds the table's mutex. If the gate stays
/// closed, the rest is left as a dead process leaves it: recovery finds it once the slot's lock is
/// gone.
void detach(const std::shared_ptr<attachment>& at) {
    arena& a = *at->pool;
    for (hold* const h : at->late_holds) delete h;
    if (!at->lost.load() && !at->inherited && at->late_holds.empty()) {
        thread_lane& mine = lane_of_thread(a);
        if (free_raw_memory(mine) && release_held(mine) && free_ledger(mine) &&
            give_lanes_back(*at, mine)) {
            a.slot(at->slot).state.store(process_slot::free, std::memory_order_release);
            VALPOOL_KILL_POINT("detach.freed_slot");
        }
    }
    std::erase(process_table::instance().attachments, at);
    end_lanes_of(*at);
}

void detach_if_unused(attachment& at) noexcept {
    if (at.users != 0) return;
    if (!at.late_holds.empty()) {
        try {
            give_back_late_holds(lane_of_thread(*at.pool));
        } catch (const std::exception&) {
            return;  // no lane for this thread: recovery does it after the process's end
        }
    }
    // There may be no later call to try again, so late holds are left to recovery.
    if (holds_anything(at) && !holds_only_late(at)) return;
    const auto shared = process_table::instance().of(*at.pool);
    if (shared.get() != &at) return;
    try {
        detach(shared);
    } catch (const std::exception&) {
        // No lane was free for the clean-up: recovery does it after the process's end, when the
        // kernel has dropped the slot's lock.
    }
}

}  // namespace

attachment_user& attachment_user::operator=(attachment_user&& other) noexcept {
    if (this != &other) {
        reset();
        at_ = std::move(other.at_);
    }
    return *this;
}

void attachment_user::reset() noexcept {
    if (!at_) return;
    const std::lock_guard guard(process_table::instance().mutex);
    if (--at_->users == 0) {
        at_->orphaned.store(true);
        detach_if_unused(*at_);
    }
    at_.reset();
}

void hold_has_gone(attachment& at) noexcept {
    const std::lock_guard guard(process_table::instance().mutex);
    if (std::any_of(process_table::instance().attachments.begin(),
                    process_table::instance().attachments.end(),
                    [&](const auto& other) { return other.get() == &at; }))
        detach_if_unused(at);
}

namespace {
attachment_user user_of(const std::shared_ptr<attachment>& at) {
    ++at->users;
    at->orphaned.store(false);
    return attachment_user(at);
}
}  // namespace

bool has_living_main(const attachment& at) noexcept {
    const std::uint32_t main = at.pool->main_slot.load();
    return main != 0 && !is_dead(at, main - 1);
}

namespace {
/// A user of the first attachment to a pool with a file for which the predicate holds.
template <class Predicate>
attachment_user user_where(Predicate is_it) {
    const std::lock_guard guard(process_table::instance().mutex);
    for (const auto& at : process_table::instance().attachments)
        if (is_shared_with_others(*at) && is_it(*at)) return user_of(at);
    return {};
}
}  // namespace

attachment_user find_attachment(const file_identity& file) {
    return user_where([&](const attachment& at) { return at.file.identity() == file; });
}

attachment_user find_attachment_at(const std::string& path) {
    return user_where([&](const attachment& at) { return at.file.identity().is_at(path.c_str()); });
}

attachment_user find_nameless_attachment(const std::string& name) {
    return user_where([&](const attachment& at) {
        return at.name == name && !is_retired(*at.pool) && has_living_main(at);
    });
}

void forget_bare(const void* memory, std::size_t size_bytes) noexcept {
    const std::lock_guard guard(process_table::instance().mutex);
    const auto first = reinterpret_cast<std::uintptr_t>(memory);
    std::erase_if(process_table::instance().attachments, [=](const auto& at) {
        const auto start = reinterpret_cast<std::uintptr_t>(at->pool);
        const bool lay_there =
            !at->notices_deaths() && start >= first && start < first + size_bytes;
        if (lay_there) end_lanes_of(*at);
        return lay_there;
    });
}

attachment_user find_attachment(const arena& a) {
    const std::lock_guard guard(process_table::instance().mutex);
    auto at = process_table::instance().of(a);
    if (at) ++at->users;
    return attachment_user(std::move(at));
}

attachment_user attach(arena& a, pool_file file, std::shared_ptr<void> mapping, std::string name,
                       reclaimer& recovery_layer) {
    const std::lock_guard guard(process_table::instance().mutex);
    const bool has_barriers = register_for_barriers();
    if (!has_barriers && a.entrance.full_fences.load() == 0)
        throw std::runtime_error(
            subject_of(name) +
            ": the system refuses membarrier(2) to this process, but not to the one "
            "that made the pool: they cannot use the pool together");
    auto at = std::make_shared<attachment>();
    at->pool = &a;
    at->file = std::move(file);
    at->mapping = std::move(mapping);
    at->name = std::move(name);
    at->recovery_layer = &recovery_layer;
    at->slot = a.lane_count;  // none yet
    at->slot = claim_slot(*at, at->file);
    if (const int error = at->file.refusal(); error != 0 && at->slot == a.lane_count)
        throw_lock_error(subject_of(at->name), error);
    if (at->slot == a.lane_count) throw_no_slot(a);
    at->file.anchor(subject_of(at->name));
    at->common = at->file.reopen(path_of_segment(at->name));
    auto user = add_attachment(at);
    recover_if_needed(*at);
    return user;
}

attachment_user attach_bare(arena& a, bool private_memory) {
    const std::lock_guard guard(process_table::instance().mutex);
    auto at = std::make_shared<attachment>();
    at->pool = &a;
    at->private_memory = private_memory;
    at->slot = claim_free_slot(a, at->file);
    if (at->slot == a.lane_count) throw_no_slot(a);
    return add_attachment(std::move(at));
}

std::string subject_of(const arena& a) {
    const usable_lane& last = *current_lane;
    const bool has_file = last.is_for(a) && a.shared_by_file != 0;
    return has_file ? subject_of(static_cast<const thread_lane&>(last).at->name) : "the pool";
}

}  // namespace valpool::detail
