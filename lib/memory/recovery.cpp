#include "memory/recovery.hpp"

#include "base/cancellation.hpp"
#include "base/kill_point.hpp"
#include "memory/box_lock.hpp"
#include "memory/slab.hpp"
#include "segment/segment.hpp"

#include <algorithm>
#include <bitset>
#include <chrono>
#include <string>
#include <thread>

namespace valpool::detail {

recovery_hooks queue_hooks{};

namespace {

using std::chrono::steady_clock;
using slot_set = std::bitset<raw_header::most_slots>;

/// Longer than any operation lasts unless its thread was taken off its core in the middle.
constexpr auto patience = std::chrono::milliseconds(5);

/// Between tries that a stopped process foils.
constexpr std::int64_t shortest_pause_ns = 10'000'000;
constexpr std::uint32_t most_doublings = 7;

std::int64_t now_ns() noexcept {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

/// Whether a stopped process has foiled the last tries. A time further ahead than any pause is that
/// of another clock (of a time namespace), and says nothing.
bool is_put_off(const arena& a) noexcept {
    const std::int64_t left = a.entrance.put_off_until.load() - now_ns();
    return left > 0 && left <= shortest_pause_ns << most_doublings;
}

/// Whose threads sleep and are marked as alive: those need not be asked for at the kernel, which
/// takes the longer the more there are. A seat that changes hands meanwhile can hide a death from
/// one look.
slot_set find_living_sleepers(const arena& a) noexcept {
    slot_set living;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        const seat& s = a.seat_at(i);
        if (s.asleep.load(std::memory_order_acquire) == 0) continue;
        const std::uint32_t slot = s.slot.load(std::memory_order_relaxed);
        if (slot < a.lane_count && s.alive.is_held_by_the_living()) living.set(slot);
    }
    return living;
}

slot_set find_dead(const attachment& at) noexcept {
    const slot_set living = find_living_sleepers(*at.pool);
    slot_set dead;
    for (std::uint32_t i = 0; i < at.pool->lane_count; ++i)
        if (!living.test(i) && is_dead(at, i)) dead.set(i);
    return dead;
}

/// Having the recovery role, against other threads by a mutex and against other processes by the
/// file's lock, which the kernel drops when its holder dies.
class recovery_turn {
public:
    explicit recovery_turn(attachment& at) noexcept
        : at_(at), turn_(at.recovery, std::try_to_lock) {
        has_role_ = turn_.owns_lock() && at.file.try_lock(recovery_role);
    }
    ~recovery_turn() {
        if (has_role_) at_.file.unlock(recovery_role);
    }
    recovery_turn(const recovery_turn&) = delete;
    recovery_turn& operator=(const recovery_turn&) = delete;
    explicit operator bool() const noexcept { return has_role_; }

private:
    attachment& at_;
    std::unique_lock<std::mutex> turn_;
    bool has_role_ = false;
};

void open_gate(arena& a) noexcept { a.entrance.closed.store(0, std::memory_order_seq_cst); }

/// False when a living thread did not leave in time.
bool wait_for_leave(const attachment& at, std::uint32_t lane_index,
                    steady_clock::time_point until) noexcept {
    const lane& l = at.pool->lane_at(lane_index);
    // Acquire: pairs with leave; everything the thread did before is seen.
    for (unsigned spins = 0; l.activity.load(std::memory_order_acquire) != 0; ++spins) {
        const std::uint32_t owner = l.owner.load(std::memory_order_acquire);
        if (owner == 0 || is_dead(at, owner - 1)) return true;
        if (spins < 100) continue;
        if (steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    return true;
}

/// Closes the gate and waits until the living are outside. On false the gate is open again.
bool stop_world(attachment& at) noexcept {
    arena& a = *at.pool;
    a.entrance.recoverer.store(at.slot + 1, std::memory_order_relaxed);
    a.entrance.closed.store(1, std::memory_order_seq_cst);
    VALPOOL_KILL_POINT("recovery.closed_gate");
    if (a.entrance.full_fences.load(std::memory_order_relaxed) == 0) barrier_for_all_processes();
    const auto until = steady_clock::now() + patience;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        if (a.lane_at(i).owner.load(std::memory_order_acquire) == 0) continue;
        if (wait_for_leave(at, i, until)) continue;
        a.entrance.foiled_by.store(a.lane_at(i).owner.load());
        open_gate(a);
        const std::uint32_t times = a.entrance.put_offs.fetch_add(1) + 1;
        const std::int64_t pause_ns = shortest_pause_ns << std::min(times, most_doublings);
        a.entrance.put_off_until.store(now_ns() + pause_ns);
        return false;
    }
    a.entrance.put_offs.store(0);
    a.entrance.foiled_by.store(0);
    return true;
}

/// Recounts every box and finds every block in use, from the roots.
class marker {
public:
    marker(arena& a, const slot_set& dead) noexcept : a_(a), dead_(dead) {}

    void clear() noexcept {
        for (std::uint32_t p = 0; p < a_.page_count; ++p) {
            page_entry& page = a_.page(p);
            page.run_mark.store(0, std::memory_order_relaxed);
            for (std::uint32_t w = 0; w < a_.words_per_page; ++w)
                page.words()[a_.words_per_page + w].store(0, std::memory_order_relaxed);
        }
    }

    /// True when it was not marked before.
    bool mark(std::uint64_t offset) noexcept {
        const std::uint32_t p = a_.page_of(offset);
        page_entry& page = a_.page(p);
        const std::uint32_t kind = page.kind.load(std::memory_order_relaxed);
        if (kind == page_entry::run_head)
            return page.run_mark.exchange(1, std::memory_order_relaxed) == 0;
        const std::uint32_t i = block_index_of.index(offset - a_.page_start(p), kind - 1);
        auto& word = page.words()[a_.words_per_page + i / 64];
        const std::uint64_t before = word.load(std::memory_order_relaxed);
        const std::uint64_t bit = std::uint64_t{1} << (i % 64);
        word.store(before | bit, std::memory_order_relaxed);
        return (before & bit) == 0;
    }

    void visit_box(std::uint64_t offset) noexcept {
        box& b = *a_.at<box>(offset);
        if (mark(offset)) {
            b.refs.store(0, std::memory_order_relaxed);
            b.next_work = work_;
            work_ = offset;
        }
        b.refs.fetch_add(1, std::memory_order_relaxed);
    }

    static void visit_reference(void* self, std::uint64_t offset) noexcept {
        static_cast<marker*>(self)->visit_box(offset);
    }

    void follow() noexcept {
        while (work_ != 0) {
            box& b = *a_.at<box>(work_);
            work_ = b.next_work;
            follow_chunks(b);
            follow_references(b);
            if (b.root_tag == queue_root_tag) queue_hooks.visit_box(a_, b, visit_reference, this);
            poison_if_orphaned(b);
        }
    }

private:
    void follow_chunks(box& b) noexcept {
        std::uint64_t previous = 0;
        for (std::uint64_t c = b.chunks.load(std::memory_order_relaxed); c != 0;) {
            mark(c);
            chunk& here = *a_.at<chunk>(c);
            here.prev = previous;
            previous = c;
            c = here.next.load(std::memory_order_relaxed);
        }
    }

    void follow_references(box& b) noexcept {
        std::uint64_t previous = 0;
        for (std::uint64_t n = b.out_refs.load(std::memory_order_relaxed); n != 0;) {
            out_ref& node = *a_.at<out_ref>(n);
            node.prev = previous;
            visit_box(node.target);
            previous = n;
            n = node.next.load(std::memory_order_relaxed);
        }
    }

    bool is_orphan(std::uint32_t lane_plus_one) const noexcept {
        if (lane_plus_one == 0) return false;
        const std::uint32_t owner = a_.lane_at(lane_plus_one - 1).owner.load();
        return owner != 0 && dead_.test(owner - 1);
    }

    void poison_if_orphaned(box& b) noexcept {
        if (is_orphan(b.mutator.load(std::memory_order_relaxed))) {
            b.poisoned.store(true, std::memory_order_relaxed);
            VALPOOL_KILL_POINT("recovery.poisoned");
            b.mutator.store(0, std::memory_order_relaxed);
        }
        if (is_orphan(lock_owner_in(b.lock_word.load(std::memory_order_relaxed)))) {
            b.poisoned.store(true, std::memory_order_relaxed);
            VALPOOL_KILL_POINT("recovery.poisoned_locked");
            free_lock_of_the_dead(b);
        }
    }

    arena& a_;
    const slot_set& dead_;
    std::uint64_t work_ = 0;
};

std::size_t mark_ledgers(arena& a, const slot_set& dead, marker& m) noexcept {
    std::size_t bytes = 0;
    for (std::uint32_t s = 0; s < a.lane_count; ++s) {
        if (a.slot(s).state.load() == process_slot::free || dead.test(s)) continue;
        for (std::uint64_t offset = a.slot(s).ledger.load(); offset != 0;) {
            const auto& block = *a.at<ledger_block>(offset);
            if (m.mark(offset)) bytes += space_bytes(a, offset);
            for (const auto& entry : block.entries)
                if (const std::uint64_t held = entry.load(std::memory_order_relaxed))
                    m.visit_box(held);
            m.follow();
            offset = block.next;
        }
    }
    return bytes;
}

std::size_t mark_pipes(arena& a, marker& m) noexcept {
    if (!queue_hooks.visit_pipes) return 0;
    struct {
        arena& a;
        marker& m;
        std::size_t bytes = 0;
    } all{a, m};
    queue_hooks.visit_pipes(
        a,
        [](void* context, std::uint64_t offset) noexcept {
            auto& here = *static_cast<decltype(all)*>(context);
            here.m.visit_box(offset);
            here.bytes += space_bytes(here.a, offset);
        },
        &all);
    m.follow();
    return all.bytes;
}

/// Raw memory is in use while the process that allocated it lives; the dead's is forgotten, so that
/// nothing stale is taken for somebody's later.
bool is_living_raw(arena& a, const slot_set& dead, std::uint64_t offset) noexcept {
    auto& header = *a.at<raw_header>(offset);
    const std::uint64_t mark = header.mark.load(std::memory_order_relaxed);
    if (raw_header::magic_in(mark) != magic_raw) return false;
    const std::uint32_t s = raw_header::slot_in(mark);
    if (s < a.lane_count && a.slot(s).state.load() == process_slot::attached && !dead.test(s))
        return true;
    header.mark.store(0, std::memory_order_relaxed);
    return false;
}

std::uint64_t living_raw_blocks(arena& a, const slot_set& dead, std::uint32_t p, std::uint32_t w,
                                std::uint64_t unmarked) noexcept {
    const page_entry& page = a.page(p);
    const unsigned size_class = page.kind.load(std::memory_order_relaxed) - 1;
    std::uint64_t living = 0;
    for (std::uint64_t left = unmarked & ~page.words()[w].load(); left != 0; left &= left - 1) {
        const auto i = static_cast<std::uint32_t>(std::countr_zero(left));
        const std::uint64_t offset = a.page_start(p) + (w * 64 + i) * class_size(size_class);
        if (is_living_raw(a, dead, offset)) living |= std::uint64_t{1} << i;
    }
    return living;
}

/// Makes the page free; its bitmap is empty so that nobody claims a block by a stale hint.
void clear_page(arena& a, std::uint32_t p) noexcept {
    page_entry& page = a.page(p);
    for (std::uint32_t w = 0; w < a.words_per_page; ++w)
        page.words()[w].store(0, std::memory_order_relaxed);
    page.kind.store(page_entry::free, std::memory_order_relaxed);
    page.use.store(0, std::memory_order_relaxed);
    a.page_map()[p / 64].fetch_or(std::uint64_t{1} << (p % 64), std::memory_order_relaxed);
}

void hold_page(arena& a, std::uint32_t p) noexcept {
    a.page_map()[p / 64].fetch_and(~(std::uint64_t{1} << (p % 64)), std::memory_order_relaxed);
}

void sweep_slab(arena& a, const slot_set& dead, std::uint32_t p) noexcept {
    page_entry& page = a.page(p);
    const unsigned size_class = page.kind.load(std::memory_order_relaxed) - 1;
    bool in_use = false;
    bool has_free = false;
    for (std::uint32_t w = 0; w < a.words_per_page; ++w) {
        const std::uint64_t valid = a.valid_bits(size_class, w);
        auto& marks = page.words()[a.words_per_page + w];
        const std::uint64_t marked = marks.load(std::memory_order_relaxed);
        const std::uint64_t used = marked | living_raw_blocks(a, dead, p, w, valid & ~marked);
        // Raw memory in use stays marked as used, so a second recoverer finds it again.
        page.words()[w].store(valid & ~used, std::memory_order_relaxed);
        in_use = in_use || used != 0;
        has_free = has_free || (valid & ~used) != 0;
    }
    if (!in_use) return clear_page(a, p);
    hold_page(a, p);
    const std::uint64_t bit = std::uint64_t{1} << (p % 64);
    auto& hints = a.partial_map(size_class)[p / 64];
    if (has_free)
        hints.fetch_or(bit, std::memory_order_relaxed);
    else
        hints.fetch_and(~bit, std::memory_order_relaxed);
}

void sweep_pages(arena& a, const slot_set& dead) noexcept {
    for (std::uint32_t p = 0; p < a.page_count; ++p) {
        page_entry& page = a.page(p);
        const std::uint32_t kind = page.kind.load(std::memory_order_relaxed);
        if (kind != page_entry::free && kind <= size_class_count) {
            sweep_slab(a, dead, p);
            continue;
        }
        if (kind == page_entry::run_head && (page.run_mark.load(std::memory_order_relaxed) != 0 ||
                                             is_living_raw(a, dead, a.page_start(p)))) {
            const std::uint32_t count = page.run_pages.load(std::memory_order_relaxed);
            for (std::uint32_t i = 0; i < count; ++i) hold_page(a, p + i);
            p += count - 1;
            continue;
        }
        clear_page(a, p);
        VALPOOL_KILL_POINT("recovery.cleared_page");
    }
}

void empty_heaps(arena& a) noexcept {
    for (std::uint32_t i = 0; i < a.lane_count; ++i) a.heap(i).forget();
}

void recount_pages(arena& a) noexcept {
    page_counts counts(0);
    for (std::uint32_t p = 0; p < a.page_count; ++p) {
        const page_entry& page = a.page(p);
        const auto use = static_cast<page_use>(page.use.load(std::memory_order_relaxed));
        if (use == page_use::system) continue;
        std::uint32_t& pages = use == page_use::values ? counts.values : counts.pipes;
        const std::uint32_t kind = page.kind.load(std::memory_order_relaxed);
        if (kind == page_entry::run_head) pages += page.run_pages.load(std::memory_order_relaxed);
        if (kind != page_entry::free && kind <= size_class_count) ++pages;
    }
    a.claimed_pages.store(counts.word(), std::memory_order_relaxed);
    for (auto& hint : a.row_hints) hint.store(0, std::memory_order_relaxed);
}

void free_dead_lanes(arena& a, const slot_set& dead) noexcept {
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        lane& l = a.lane_at(i);
        const std::uint32_t owner = l.owner.load();
        if (owner == 0 || !dead.test(owner - 1)) continue;
        if (queue_hooks.repair_lane) queue_hooks.repair_lane(a, i);
        l.activity.store(0);
        VALPOOL_KILL_POINT("recovery.cleaned_lane");
        l.owner.store(0);
    }
}

void free_dead_slots(arena& a, const slot_set& dead) noexcept {
    for (std::uint32_t s = 0; s < a.lane_count; ++s) {
        if (!dead.test(s)) continue;
        a.slot(s).ledger.store(0);
        VALPOOL_KILL_POINT("recovery.emptied_slot");
        std::uint32_t main = s + 1;
        a.main_slot.compare_exchange_strong(main, 0);
        a.slot(s).state.store(process_slot::free);
    }
}

/// Into the bitmaps, whatever the size: what is set aside could not be used by others.
void change_with_own_heap(arena& a, const std::function<void(lane_heap&)>& change) {
    lane_heap heap{};
    change(heap);
    flush_heap(a, heap);
}

/// Those that nobody holds since the dead have let go, and those that could not be removed in time.
void remove_unheld_pipes(arena& a) noexcept {
    if (queue_hooks.remove_unheld)
        change_with_own_heap(a, [&](lane_heap& heap) { queue_hooks.remove_unheld(a, heap); });
    a.pipes_due.store(0, std::memory_order_relaxed);
}

/// Everything from the roots. The world is stopped; every step can be done again by the next
/// recoverer, should this one die: the dead's lanes and slots are given up last, so that it finds
/// the same dead and the same roots.
void repair(attachment& at, const slot_set& dead) noexcept {
    arena& a = *at.pool;
    marker m(a, dead);
    m.clear();
    VALPOOL_KILL_POINT("recovery.cleared_marks");
    std::size_t system_bytes = mark_ledgers(a, dead, m);
    VALPOOL_KILL_POINT("recovery.marked_ledgers");
    system_bytes += mark_pipes(a, m);
    VALPOOL_KILL_POINT("recovery.marked_queues");
    empty_heaps(a);
    VALPOOL_KILL_POINT("recovery.emptied_heaps");
    sweep_pages(a, dead);
    recount_pages(a);
    VALPOOL_KILL_POINT("recovery.swept");
    a.system_bytes.store(system_bytes);
    // What one that has died had taken out of the list already is swept.
    a.pipe_removals.fetch_add(1, std::memory_order_relaxed);
    remove_unheld_pipes(a);
    VALPOOL_KILL_POINT("recovery.removed_pipes");
    free_dead_lanes(a, dead);
    VALPOOL_KILL_POINT("recovery.freed_lanes");
    free_dead_slots(a, dead);
    VALPOOL_KILL_POINT("recovery.freed_slots");
    a.entrance.recoveries.fetch_add(1);
}

void flush_all_heaps(arena& a) noexcept {
    for (std::uint32_t i = 0; i < a.lane_count; ++i) flush_heap(a, a.heap(i));
    release_empty_pages(a);
}

bool others_set_aside(const thread_lane& l) noexcept {
    arena& a = *l.pool;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        if (i == l.index) continue;
        const lane_heap& heap = a.heap(i);
        if (heap.freed_bytes.load(std::memory_order_relaxed) != 0) return true;
        for (const block_group& reserve : heap.reserves)
            if (reserve.mask.load(std::memory_order_relaxed) != 0) return true;
    }
    return false;
}

}  // namespace

recovery_result recover_if_needed(attachment& at) noexcept {
    if (!at.notices_deaths()) return recovery_result::nothing_dead;
    const no_cancellation guard;
    at.file.revive(segment_path(at.name).c_str());
    arena& a = *at.pool;
    const auto needed = [&] {
        return find_dead(at).any() || a.entrance.closed.load() != 0 ||
               a.pipes_due.load(std::memory_order_relaxed) != 0;
    };
    if (!needed()) return recovery_result::nothing_dead;
    if (is_put_off(a)) return recovery_result::put_off;
    recovery_turn turn(at);
    if (!turn) return recovery_result::busy;
    if (!needed()) return recovery_result::nothing_dead;
    if (!stop_world(at)) return recovery_result::put_off;
    // Only now: whoever died while the gate was closing belongs to the dead as well.
    repair(at, find_dead(at));
    open_gate(a);
    return recovery_result::done;
}

bool try_while_dead_hold(attachment& at, const std::function<bool()>& attempt) {
    const auto until = steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
        if (attempt()) return true;
        const recovery_result result = recover_if_needed(at);
        if (result == recovery_result::nothing_dead) return attempt();
        if (steady_clock::now() > until) return false;
        if (result != recovery_result::done)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

// A repair that somebody else is at, or that a thread has foiled that was taken off its processor,
// is worth some milliseconds: the memory is there.
recovery_result recover_patiently(attachment& at) noexcept {
    for (const deadline end = deadline::in(std::chrono::milliseconds(50));;) {
        const recovery_result result = recover_if_needed(at);
        const bool is_final =
            result == recovery_result::done || result == recovery_result::nothing_dead;
        if (is_final || end.has_passed()) return result;
        const no_cancellation guard;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

namespace {
bool try_change_alone(attachment& at, const std::function<void()>& change) noexcept {
    arena& a = *at.pool;
    if (is_put_off(a)) return false;
    recovery_turn turn(at);
    if (!turn) return false;
    // By one that has died in a repair.
    const bool was_closed = a.entrance.closed.load() != 0;
    if (!stop_world(at)) return false;
    // A death from here on finds the gate closed and is repaired by whoever waits there.
    const slot_set dead = find_dead(at);
    if (was_closed || dead.any()) repair(at, dead);
    change();
    open_gate(a);
    return true;
}
}  // namespace

bool change_alone(attachment& at, const std::function<void(lane_heap&)>& change) noexcept {
    if (!at.notices_deaths()) return false;
    const no_cancellation guard;
    at.file.revive(segment_path(at.name).c_str());
    constexpr std::chrono::milliseconds longest{200};
    for (const deadline end = deadline::in(longest);;) {
        if (try_change_alone(at, [&] { change_with_own_heap(*at.pool, change); })) return true;
        if (end.has_passed()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void relieve(thread_lane& l, bool has_mutex) {
    arena& a = *l.pool;
    if (!has_mutex) give_back_late_holds(l);
    {
        const inside pass(l);
        flush_heap(a, *l.heap);
        release_empty_pages(a);
    }
    attachment& at = *l.at;
    if (!at.notices_deaths() || recover_patiently(at) == recovery_result::done) return;
    if (others_set_aside(l)) try_change_alone(at, [&] { flush_all_heaps(a); });
}

namespace {
/// A wait at the gate, in short sleeps.
bool wait_at_gate(thread_lane& l, deadline until) noexcept {
    const no_cancellation guard;
    for (unsigned turns = 1; !l.may_enter() || !l.try_enter(); ++turns) {
        if (until.has_passed()) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(turns < 1000 ? 20 : 500));
        // With the role free and the gate closed, the recoverer has died.
        if (turns % 16 == 0) recover_if_needed(*l.at);
    }
    l.at->stalled.store(false, std::memory_order_relaxed);
    return true;
}

/// Longer than a repair takes.
constexpr std::chrono::milliseconds moment{50};

}  // namespace

deadline or_repair(deadline until) noexcept {
    constexpr std::chrono::milliseconds repair{20};
    return until.is_immediate() ? deadline::in(repair) : until;
}

bool enter_by(thread_lane& l, deadline until) noexcept {
    return wait_at_gate(l, or_repair(until).or_in(moment));
}

bool enter_soon(thread_lane& l) noexcept {
    if (l.at->stalled.load(std::memory_order_relaxed)) return l.try_enter();
    const bool has_entered = wait_at_gate(l, deadline::in(moment));
    if (!has_entered) l.at->stalled.store(true, std::memory_order_relaxed);
    return has_entered;
}

void wait_and_enter(thread_lane& l) {
    const deadline until =
        l.gate_until.is_never() ? deadline::in(longest_stall) : or_repair(l.gate_until);
    if (!wait_at_gate(l, until)) throw_stalled(*l.pool);
}

void throw_stalled(const arena& a) {
    throw PoolStalled("process " + std::to_string(pid_of_slot(a, a.entrance.recoverer.load())) +
                      " has been stopped while it was repairing the pool: nobody can change "
                      "anything there until it goes on, or dies");
}

}  // namespace valpool::detail
