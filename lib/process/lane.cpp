#include "process/lane.hpp"

#include "alloc/slab.hpp"
#include "base/kill_point.hpp"
#include "process/fork.hpp"
#include "process/gate.hpp"
#include "process/process_table.hpp"
#include "process/reclaim.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <pthread.h>

namespace valpool::detail {

namespace {
constinit usable_lane no_lane;
}
thread_local constinit usable_lane* current_lane = &no_lane;

void give_lane_back(thread_lane& l) noexcept {
    // If the gate stays closed, the next recovery brings back what the lane has set aside.
    if (const maybe_inside pass(l); pass) flush_heap(*l.pool, *l.heap);
    VALPOOL_KILL_POINT("lane.flushed");
    l.at->raw_count.fetch_add(l.control->raw_count, std::memory_order_relaxed);
    l.control->owner.store(0, std::memory_order_release);
}

namespace {

/// Locks the attachment's mutex. In a pool that notices deaths it gives up after some milliseconds:
/// the holder may be waiting at a closed gate.
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

/// Leaves to other threads what an ending thread has set aside in the process's own memory.
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

/// A thread's lanes. They are given back when the thread ends.
///
/// The list is not a thread_local object. Those are destroyed in the reverse order of their
/// construction: a value that is older than the thread's first use of a pool would be destroyed
/// later than the list, and would claim a lane that nobody gives back. The destructor of a pthread
/// key runs after all thread_local destructors.
struct lane_list {
    std::vector<std::unique_ptr<thread_lane>> lanes;

    void give_back() noexcept {
        const std::lock_guard guard(process_table::instance().mutex);
        for (auto& l : lanes) {
            if (l->has_ended()) continue;  // and its attachment may be gone
            leave_entries(*l->at, *l);
            if (l->at->notices_deaths()) give_lane_back(*l);
            std::erase(l->at->lanes, l.get());
        }
    }
};
thread_local constinit lane_list* lanes_of_thread = nullptr;

void end_lane_list(void* value) noexcept;

/// Deletes the key when the library goes (a plugin may be unloaded): later no thread's end may call
/// into the library.
class lane_key {
public:
    lane_key() noexcept { is_made_ = pthread_key_create(&key_, end_lane_list) == 0; }
    ~lane_key() {
        if (std::exchange(is_made_, false)) pthread_key_delete(key_);
    }
    lane_key(const lane_key&) = delete;
    lane_key& operator=(const lane_key&) = delete;

    /// Without a key, the lanes are given back only when the process ends.
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
    // Other code has pthread keys, too, and their destructors may release values; that may even be
    // the thread's first use of a pool. Such a use makes a new list, which ends in the next round
    // of destructors. So no list may wait for the last round: one that was made after the first
    // round would miss it.
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

std::unique_ptr<thread_lane> make_lane(attachment& at) {
    auto l = std::make_unique<thread_lane>();
    arena& a = *at.pool;
    l->pool = &a;
    l->at = &at;
    if (at.spare_lanes.empty()) {
        l->use_lane(claim_lane(at, at.slot));
        // The last owner has left the heap empty. But a damaged pool may have garbage there, which
        // must not be used.
        l->heap->forget();
    } else {
        l->use_lane(at.spare_lanes.back());
        at.spare_lanes.pop_back();
    }
    VALPOOL_KILL_POINT("lane.claimed");
    l->full_fence = a.entrance.full_fences.load(std::memory_order_relaxed) != 0;
    return l;
}

}  // namespace

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
    const std::lock_guard guard(process_table::instance().mutex);
    auto at = process_table::instance().of(a);
    if (!at && a.magic == arena_magic && !a.shared_by_file) {
        // A pool over bare memory that another process attached: only its address is known here.
        at = process_table::instance().of(*attach_bare(a, false)->pool);
        ++at->users;  // for ever: nothing tells when its memory goes
    }
    if (!at) throw std::logic_error("this process is not attached to this pool (any more)");
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

void end_lanes_of(attachment& at) noexcept {
    // As soon as a lane is marked as ended, its thread may destroy it.
    for (thread_lane* const l : at.lanes) l->usable_for.store(nullptr, std::memory_order_release);
    at.lanes.clear();
}

}  // namespace valpool::detail
