#include "memory/attachment.hpp"

#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "memory/fork.hpp"
#include "memory/hold.hpp"
#include "memory/recovery.hpp"
#include "memory/retirement.hpp"
#include "memory/slab.hpp"
#include "segment/limits.hpp"
#include "segment/segment.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include <pthread.h>
#include <unistd.h>

namespace valpool::detail {

namespace {
constinit usable_lane no_lane;
}
thread_local constinit usable_lane* current_lane = &no_lane;

namespace {

/// Never destroyed: values in static storage may outlive every other static object.
struct process_table {
    std::recursive_mutex mutex;
    std::vector<std::shared_ptr<attachment>> attachments;
};
process_table& table() {
    static auto* const t = new process_table;
    return *t;
}

/// Of a pool over bare memory there may be nothing left to look at.
bool is_shared_with_others(const attachment& at) noexcept { return at.mapping != nullptr; }

void give_lane_back(thread_lane& l) noexcept {
    // Without it, what the lane has set aside comes back with the next recovery.
    if (const maybe_inside pass(l); pass) flush_heap(*l.pool, *l.heap);
    VALPOOL_KILL_POINT("lane.flushed");
    l.at->raw_count.fetch_add(l.control->raw_count, std::memory_order_relaxed);
    l.control->owner.store(0, std::memory_order_release);
}

/// The attachment's mutex; not when somebody has it who waits at a closed gate, which the pools
/// that notice deaths have.
std::unique_lock<std::mutex> lock_unless_stalled(attachment& at) noexcept {
    std::unique_lock guard(at.mutex, std::defer_lock);
    if (!at.notices_deaths()) {
        guard.lock();
        return guard;
    }
    constexpr int most_tries = 100;
    for (int i = 0; i < most_tries && !guard.try_lock(); ++i)
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    return guard;
}

/// What an ending thread has set aside in the process's own memory.
void leave_entries(attachment& at, const thread_lane& l) noexcept {
    const auto guard = lock_unless_stalled(at);
    if (!guard) return;  // the entries are unused until the process ends
    try {
        auto& free = at.ledger.free_entries;
        free.insert(free.end(), l.free_entries.begin(), l.free_entries.end());
        for (const hold* const h : l.spare_holds) free.push_back(h->entry);
        if (!at.notices_deaths()) at.spare_lanes.push_back(l.index);
    } catch (const std::bad_alloc&) {
        // These entries are unused until the process ends; nothing else is lost.
    }
}

/// A thread's lanes; given back when the thread ends.
///
/// Not a thread_local object: those are destroyed in the reverse order of their construction, and a
/// value that was there before the thread's first use of a pool would need a lane once more, which
/// nobody gave back. What hangs on a key of pthread goes after all of them.
struct lane_list {
    std::vector<std::unique_ptr<thread_lane>> lanes;

    void give_back() noexcept {
        const std::lock_guard guard(table().mutex);
        for (auto& l : lanes) {
            if (l->has_ended()) continue;  // and what it belonged to may be gone
            leave_entries(*l->at, *l);
            if (l->at->notices_deaths()) give_lane_back(*l);
            std::erase(l->at->lanes, l.get());
        }
    }
};
thread_local constinit lane_list* lanes_of_thread = nullptr;

void end_lane_list(void* value) noexcept;

/// Goes with the library (a plugin may be unloaded): nobody must call into it then.
class lane_key {
public:
    lane_key() noexcept { is_made_ = pthread_key_create(&key_, end_lane_list) == 0; }
    ~lane_key() {
        if (std::exchange(is_made_, false)) pthread_key_delete(key_);
    }
    lane_key(const lane_key&) = delete;
    lane_key& operator=(const lane_key&) = delete;

    /// If it cannot be, the lanes are given back when the process ends.
    void hang_up(lane_list* list) noexcept {
        if (is_made_) pthread_setspecific(key_, list);
    }
    static lane_key& instance() {
        static lane_key key;
        return key;
    }

private:
    pthread_key_t key_{};
    bool is_made_ = false;
};

void end_lane_list(void* value) noexcept {
    auto* const list = static_cast<lane_list*>(value);
    // Others have keys as well, and may let go of values there, even as a thread's first use of a
    // pool: that makes a new list, which goes in the next round. A list that waited for the last
    // round would miss it if it was made after the first.
    list->give_back();
    current_lane = &no_lane;
    lanes_of_thread = nullptr;
    delete list;
}

lane_list& my_lanes() {
    if (!lanes_of_thread) {
        lanes_of_thread = new lane_list;
        lane_key::instance().hang_up(lanes_of_thread);
    }
    return *lanes_of_thread;
}

std::shared_ptr<attachment> attachment_of(const arena& a) {
    for (const auto& at : table().attachments)
        if (at->pool == &a) return at;
    return nullptr;
}

std::unique_ptr<thread_lane> make_lane(attachment& at) {
    auto l = std::make_unique<thread_lane>();
    arena& a = *at.pool;
    l->pool = &a;
    l->at = &at;
    if (at.spare_lanes.empty()) {
        l->use_lane(claim_lane(at, at.slot));
        // Its last owner has left it empty; what a damaged pool has there must not be followed.
        l->heap->forget();
    } else {
        l->use_lane(at.spare_lanes.back());
        at.spare_lanes.pop_back();
    }
    VALPOOL_KILL_POINT("lane.claimed");
    l->full_fence = a.entrance.full_fences.load(std::memory_order_relaxed) != 0;
    return l;
}

bool try_claim_slot(arena& a, std::uint32_t i, pool_file& file) noexcept {
    process_slot& slot = a.slot(i);
    if (slot.state.load(std::memory_order_acquire) != process_slot::free) return false;
    if (file.is_open()) {
        if (!file.try_lock(slot_role(i))) return false;
        if (slot.state.load(std::memory_order_acquire) != process_slot::free) {
            file.unlock(slot_role(i));
            return false;
        }
    }
    VALPOOL_KILL_POINT("slot.locked");
    std::uint32_t expected = process_slot::free;
    if (!slot.state.compare_exchange_strong(expected, process_slot::attached)) return false;
    VALPOOL_KILL_POINT("slot.attached");
    slot.claims.fetch_add(1, std::memory_order_release);
    slot.pid.store(getpid(), std::memory_order_relaxed);
    slot.ledger.store(0, std::memory_order_relaxed);
    return true;
}

/// lane_count when there is none.
std::uint32_t claim_free_slot(arena& a, pool_file& file) noexcept {
    std::uint32_t i = 0;
    while (i < a.lane_count && !try_claim_slot(a, i, file)) ++i;
    return i;
}

attachment_user add_attachment(std::shared_ptr<attachment> at) {
    handle_forks();
    at->users = 1;
    table().attachments.push_back(at);
    return attachment_user(std::move(at));
}

bool holds_anything(const attachment& at) noexcept {
    // The blocks are the parent's still.
    if (at.inherited)
        return std::any_of(at.inherited->held.begin(), at.inherited->held.end(),
                           [](std::uint64_t box) { return box != 0; });
    for (std::uint32_t b = 0; b < at.ledger.block_count(); ++b)
        for (const auto& entry : at.ledger.block_at(b)->entries)
            if (entry.load(std::memory_order_relaxed) != 0) return true;
    return false;
}

/// Whether all that it holds has been let go of, and only could not be given back yet.
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

/// Gives the slot and all its lanes back. The caller has the table's mutex. What cannot be given
/// back, for the gate stays closed, is left as the dead leave it: recovery finds it when the lock
/// of the slot has gone.
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
    std::erase(table().attachments, at);
    end_lanes_of(*at);
}

void detach_if_unused(attachment& at) noexcept {
    if (at.users != 0) return;
    if (!at.late_holds.empty()) {
        try {
            give_back_late_holds(lane_of_thread(*at.pool));
        } catch (const std::exception&) {
            return;  // no lane for this thread: the process's end does it
        }
    }
    // Nobody may ever come back here to try again: what is late is left to recovery.
    if (holds_anything(at) && !holds_only_late(at)) return;
    const auto shared = attachment_of(*at.pool);
    if (shared.get() != &at) return;
    try {
        detach(shared);
    } catch (const std::exception&) {
        // No lane was free for the clean-up: the kernel's word at the process's end does it.
    }
}

void grow_ledger(thread_lane& l) {
    arena& a = *l.pool;
    l.at->ledger.make_room();
    const std::uint64_t offset = find_or_throw(
        l, sizeof(ledger_block), [&] { return add_ledger_block(l, l.at->slot); }, true);
    l.at->ledger.add(*a.at<ledger_block>(offset));
}

}  // namespace

void throw_no_slot(const arena& a) {
    throw std::runtime_error(subject_of(a) + " is in use by " + std::to_string(a.lane_count) +
                             " processes already; a larger pool takes more (up to 1024)");
}

bool release_held(thread_lane& l) noexcept {
    arena& a = *l.pool;
    for (std::uint64_t o = a.slot(l.at->slot).ledger.load(); o != 0;
         o = a.at<ledger_block>(o)->next)
        for (auto& entry : a.at<ledger_block>(o)->entries) {
            const std::uint64_t held = entry.load(std::memory_order_relaxed);
            if (held == 0) continue;
            const maybe_inside pass(l);
            if (!pass) return false;
            box& b = *a.at<box>(held);
            const bool is_pipe = is_named_queue(b);
            entry.store(0, std::memory_order_relaxed);
            release_reference(a, *l.heap, b);
            if (is_pipe) a.pipes_due.store(1, std::memory_order_relaxed);
        }
    return true;
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

std::uint32_t claim_lane(attachment& at, std::uint32_t slot) {
    arena& a = *at.pool;
    std::uint32_t i = 0;
    const auto claim = [&] {
        for (i = 0; i < a.lane_count; ++i) {
            std::uint32_t nobody = 0;
            auto& owner = a.lane_at(i).owner;
            if (owner.load(std::memory_order_relaxed) == 0 &&
                owner.compare_exchange_strong(nobody, slot + 1, std::memory_order_acq_rel))
                return true;
        }
        return false;
    };
    if (try_while_dead_hold(at, claim)) {
        a.lane_at(i).activity.store(0, std::memory_order_relaxed);
        a.lane_at(i).raw_count = 0;
        return i;
    }
    throw std::runtime_error(subject_of(a) + " is in use by " + std::to_string(a.lane_count) +
                             " threads already; a larger pool takes more (up to 1024)");
}

std::uint32_t claim_slot(attachment& at, pool_file& file) {
    std::uint32_t slot = 0;
    try_while_dead_hold(at, [&] {
        slot = claim_free_slot(*at.pool, file);
        return slot != at.pool->lane_count;
    });
    return slot;
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

thread_lane& find_lane(arena& a, deadline until) {
    lane_list& mine = my_lanes();
    current_lane = &no_lane;
    std::erase_if(mine.lanes, [](const auto& l) { return l->has_ended(); });
    const auto use = [](thread_lane& l) -> thread_lane& {
        current_lane = &l;
        return l;
    };
    for (auto& l : mine.lanes)
        if (l->is_for(a)) return use(*l);
    const std::lock_guard guard(table().mutex);
    auto at = attachment_of(a);
    if (!at && a.magic == arena_magic && !a.shared_by_file) {
        // Another process's pool over bare memory: here it is known by its address only.
        at = attachment_of(*attach_bare(a, false)->pool);
        ++at->users;  // for ever: nothing tells when its memory goes
    }
    if (!at) throw std::logic_error("this pool is not attached to this process (any more)");
    if (at->lost.load())
        throw std::runtime_error("this process was forked, and has no share in the pool: " +
                                 at->loss);
    at->lanes.reserve(at->lanes.size() + 1);
    mine.lanes.reserve(mine.lanes.size() + 1);
    if (at->inherited) claim_own_slot(*at);
    std::unique_ptr<thread_lane> fresh = make_lane(*at);
    if (at->inherited) {
        const gate_limit limit(*fresh, until);
        take_inheritance(*fresh);
    }
    at->lanes.push_back(fresh.get());
    fresh->usable_for.store(&a, std::memory_order_release);
    mine.lanes.push_back(std::move(fresh));
    return use(*mine.lanes.back());
}

attachment_user& attachment_user::operator=(attachment_user&& other) noexcept {
    if (this != &other) {
        reset();
        at_ = std::move(other.at_);
    }
    return *this;
}

void attachment_user::reset() noexcept {
    if (!at_) return;
    const std::lock_guard guard(table().mutex);
    if (--at_->users == 0) {
        at_->orphaned.store(true);
        detach_if_unused(*at_);
    }
    at_.reset();
}

void hold_has_gone(attachment& at) noexcept {
    const std::lock_guard guard(table().mutex);
    if (std::any_of(table().attachments.begin(), table().attachments.end(),
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
/// Of the first pool with a file that it is so of.
template <class Predicate>
attachment_user user_where(Predicate is_it) {
    const std::lock_guard guard(table().mutex);
    for (const auto& at : table().attachments)
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
    const std::lock_guard guard(table().mutex);
    const auto first = reinterpret_cast<std::uintptr_t>(memory);
    std::erase_if(table().attachments, [=](const auto& at) {
        const auto start = reinterpret_cast<std::uintptr_t>(at->pool);
        const bool lay_there =
            !at->notices_deaths() && start >= first && start < first + size_bytes;
        if (lay_there) end_lanes_of(*at);
        return lay_there;
    });
}

attachment_user find_attachment(const arena& a) {
    const std::lock_guard guard(table().mutex);
    auto at = attachment_of(a);
    if (at) ++at->users;
    return attachment_user(std::move(at));
}

attachment_user attach(arena& a, pool_file file, std::shared_ptr<void> mapping, std::string name) {
    const std::lock_guard guard(table().mutex);
    const bool has_barriers = register_for_barriers();
    if (!has_barriers && a.entrance.full_fences.load() == 0)
        throw std::runtime_error(subject_of(name) +
                                 ": membarrier(2) is refused to this process, but not to the one "
                                 "that made the pool: they cannot work together");
    auto at = std::make_shared<attachment>();
    at->pool = &a;
    at->file = std::move(file);
    at->mapping = std::move(mapping);
    at->name = std::move(name);
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
    const std::lock_guard guard(table().mutex);
    auto at = std::make_shared<attachment>();
    at->pool = &a;
    at->private_memory = private_memory;
    at->slot = claim_free_slot(a, at->file);
    if (at->slot == a.lane_count) throw_no_slot(a);
    return add_attachment(std::move(at));
}

void end_lanes_of(attachment& at) noexcept {
    // Its thread may destroy a lane as soon as that has ended.
    for (thread_lane* const l : at.lanes) l->usable_for.store(nullptr, std::memory_order_release);
    at.lanes.clear();
}

void lock_process_table() noexcept { table().mutex.lock(); }
void unlock_process_table() noexcept { table().mutex.unlock(); }
// The child's thread has another id than the owner whom a recursive mutex remembers.
void renew_process_table() noexcept { new (&table().mutex) std::recursive_mutex; }

void with_all_attachments(const std::function<void(attachment&)>& visit) {
    for (const auto& at : table().attachments) visit(*at);
}

namespace {
/// Another thread may have it while it waits at a closed gate.
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
    // A thread that only releases must not collect what others have to grow the ledger for.
    constexpr std::size_t most = 256;
    try {
        l.free_entries.push_back(number);
        if (l.free_entries.size() <= most) return;
        const std::unique_lock guard(l.at->mutex, std::try_to_lock);
        if (!guard) return;  // another time
        auto& common = l.at->ledger.free_entries;
        const auto half = l.free_entries.begin() + most / 2;
        common.insert(common.end(), half, l.free_entries.end());
        l.free_entries.erase(half, l.free_entries.end());
    } catch (const std::bad_alloc&) {
        // The entry stays unused until the process ends; nothing else is lost.
    }
}

std::string subject_of(const arena& a) {
    const usable_lane& last = *current_lane;
    const bool has_file = last.is_for(a) && a.shared_by_file != 0;
    return has_file ? subject_of(static_cast<const thread_lane&>(last).at->name) : "the pool";
}

void throw_exhausted(const arena& a, std::size_t size_bytes) {
    const std::size_t for_values = std::size_t{a.value_page_limit} << a.page_shift;
    throw PoolExhausted(subject_of(a) + " is full: " + byte_count(size_bytes) +
                        " bytes were asked for, " + std::to_string(used_space(a)) + " of " +
                        std::to_string(all_space(a)) + " are in use, " +
                        std::to_string(a.system_bytes.load(std::memory_order_relaxed)) +
                        " of these by pipes and bookkeeping; values can have " +
                        std::to_string(for_values) + " at most");
}

std::int32_t pid_of_slot(const arena& a, std::uint32_t slot_plus_one) noexcept {
    if (slot_plus_one == 0 || slot_plus_one > a.lane_count) return 0;
    return a.slot(slot_plus_one - 1).pid.load(std::memory_order_relaxed);
}

bool is_dead(const attachment& at, std::uint32_t slot) noexcept {
    return slot != at.slot &&
           at.pool->slot(slot).state.load(std::memory_order_acquire) != process_slot::free &&
           !at.file.is_locked_by_another(slot_role(slot));
}

}  // namespace valpool::detail
