#include "queue/queue_core.hpp"

#include <valpool/object/detail/box_lock.hpp>
#include <valpool/object/detail/hold.hpp>

#include "base/cancellation.hpp"
#include "base/kill_point.hpp"
#include "object/release.hpp"
#include "object/size_guess.hpp"
#include "process/fork.hpp"
#include "process/retirement.hpp"
#include "queue/directory.hpp"
#include "queue/flow.hpp"
#include "queue/leases.hpp"
#include "queue/pool_lease.hpp"
#include "queue/sources.hpp"
#include "queue/taps.hpp"
#include "queue/wait_policy.hpp"
#include "queue/wait_set.hpp"
#include "recovery/watch.hpp"

#include <valpool/value/detail/pack.hpp>
#include <valpool/value/detail/value_access.hpp>
#include "value/table/shapes.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <utility>

namespace valpool::detail {
namespace {

/// Packets that were taken out of the pipe but could not be delivered. They are taken again oldest
/// first. Nothing here allocates or waits.
class put_back_packets {
public:
    bool is_empty() const noexcept { return !newest_.load(std::memory_order_relaxed); }

    std::size_t count() const noexcept {
        return is_parents() ? 0 : count_.load(std::memory_order_relaxed);
    }

    void add(hold* h) noexcept {
        forget_parents();
        count_.fetch_add(1, std::memory_order_relaxed);
        link(h);
    }

    /// The oldest packet; null when there is none.
    hold* take() noexcept {
        if (is_empty()) return nullptr;
        forget_parents();
        // Take the whole list and put the rest back: so no other thread can change the list
        // unnoticed in between (the ABA problem).
        hold* all = newest_.exchange(nullptr, std::memory_order_acquire);
        if (!all) return nullptr;
        // The list begins with the newest packet: reverse it.
        hold* in_order = nullptr;
        while (all) {
            hold* const h = all;
            all = h->next;
            h->next = in_order;
            in_order = h;
        }
        for (hold* rest = in_order->next; rest;) link(std::exchange(rest, rest->next));
        count_.fetch_sub(1, std::memory_order_relaxed);
        return in_order;
    }

private:
    void link(hold* h) noexcept {
        h->next = newest_.load(std::memory_order_relaxed);
        // Release, pairs with the acquire in take(): the taker sees h->next.
        while (!newest_.compare_exchange_weak(h->next, h, std::memory_order_release)) {
        }
    }

    /// True in a forked child as long as the list has its parent's packets: the parent is going to
    /// deliver these.
    bool is_parents() const noexcept {
        return generation_.load(std::memory_order_relaxed) != fork_generation();
    }

    void forget_parents() noexcept {
        if (!is_parents()) return;
        for (hold* h = newest_.exchange(nullptr); h;) drop_handle(std::exchange(h, h->next));
        count_.store(0, std::memory_order_relaxed);
        generation_.store(fork_generation(), std::memory_order_relaxed);
    }

    std::atomic<hold*> newest_{nullptr};
    std::atomic<std::size_t> count_{0};
    std::atomic<std::uint32_t> generation_{fork_generation()};
};

class pool_queue final : public queue_core {
public:
    pool_queue(hold* kept, break_options breaks) noexcept
        : arena_(*kept->at->pool),
          pipe_(pipe_in(*kept->target)),
          policy_(breaks),
          kept_(kept),
          flow_(arena_, pipe_) {}
    ~pool_queue() override {
        give_back_packets();
        release_pipe(kept_);
    }
    pool_queue(const pool_queue&) = delete;
    pool_queue& operator=(const pool_queue&) = delete;

    bool put(const Val& value, deadline until) override {
        const gate_limit limit(lane_of_thread(arena_, until), until);
        handle packed(pack(value, arena_));
        return put_packed(packed, until);
    }

    bool put(Val&& value, deadline until) override {
        thread_lane& l = lane_of_thread(arena_, until);
        if (hold* const h = sole_hold(value); h && may_have_room()) {
            const std::uint64_t bytes = bytes_to_send(*h);
            if (try_hand_over(l, *h, until)) {
                static_cast<void>(value_access::release_hold(value));
                end_hold(l, h);
                wake_reader();
                flow_.put_in(l, bytes, written_);
                return true;
            }
            was_full_.store(true, std::memory_order_relaxed);
        }
        return put_or_restore(value, l, until,
                              [&](handle& packed) { return put_packed(packed, until); });
    }

    bool put_numbered(Val&& value, const packet_number& number, deadline until) override {
        return put_or_restore(value, lane_of_thread(arena_, until), until, [&](handle& packed) {
            return retry(
                writing_, room_remembered(pipe_, written_),
                [&] { return try_put_numbered(*packed.get(), number, until); }, until);
        });
    }
    hold* pipe_hold() const noexcept override { return kept_; }
    std::string identity() const override {
        if (!has_name_) return queue_core::identity();
        char numbers[40];
        std::snprintf(numbers, sizeof numbers, "%016" PRIx64 ".%" PRIx64 ":", arena_.nonce,
                      pipe_.removals_before);
        return numbers + std::string(pipe_.name_view());
    }

    bool take(Val& out, deadline until) override {
        if (arena_.contains(&out))
            throw std::logic_error("dequeue: the result must not lie in the pool itself");
        thread_lane& l = lane_of_thread(arena_, until);
        new_hold taker(l, until);
        box* taken = nullptr;
        box* redelivered = nullptr;
        const auto attempt = [&] {
            if (!l.try_enter() && !enter_by(l, until)) return false;
            const leave_later pass(l);
            taken = try_take(arena_, pipe_, taker, read_);
            return taken != nullptr;
        };
        const auto attempt_slowly = [&] {
            if (!put_back_.is_empty()) [[unlikely]]
                taken = take_what_was_put_back(taker);
            if (!taken && has_leases()) [[unlikely]]
                taken = redelivered = take_again(l, taker, until);
            return taken || attempt();
        };
        const bool is_quick = packets_remembered(read_) != 0 && !has_leases() && attempt();
        if (!is_quick && !retry_slowly(reading_, attempt_slowly, until)) return false;
        if (is_writer_due(pipe_, read_)) wake_one(arena_, pipe_.producers, pipe_.room_topic());
        if (redelivered) [[unlikely]]
            flow_.redelivered(l);
        else
            flow_.took_out(l, bytes_of(arena_, *taken));
        hold* const h = taker.release(*taken);
        try {
            unpack(h, out);
        } catch (...) {
            put_back(h);
            throw;
        }
        return true;
    }

    Val as_packet(const Val& value) override {
        if (!is_container(value.tag)) return value;
        Val packet;
        unpack(handle(pack(value, arena_)).release(), packet);
        return packet;
    }

    bool drop_oldest() override {
        const deadline at_once = deadline::in_seconds(0);
        thread_lane& l = lane_of_thread(arena_, at_once);
        new_hold taker(l, at_once);
        box* taken = nullptr;
        if (has_leases()) taken = take_again(l, taker, at_once);
        const bool was_out = taken != nullptr;  // and was counted then
        if (!taken && (l.try_enter() || enter_by(l, at_once))) {
            const leave_later pass(l);
            taken = try_take(arena_, pipe_, taker, read_);
        }
        if (!taken) return false;
        if (!was_out) flow_.took_out(l, bytes_of(arena_, *taken));
        drop_handle(taker.release(*taken));
        return true;
    }
    void count_dropped() noexcept override { flow_.dropped(lane_of_thread(arena_)); }

    PipeCounters counters() const noexcept override {
        PipeCounters sum;
        add_up(arena_, pipe_, sum);
        return sum;
    }

    bool is_ready(direction d) const noexcept override {
        if (is_over()) return true;
        return d == direction::reading ? has_packet(pipe_) || !put_back_.is_empty()
                                       : has_room(pipe_);
    }
    void admit_thread() override { lane_of_thread(arena_); }
    void add_to(wait_set& set, direction d) override { side_of(d).list.add(set.lane_in(arena_)); }
    void remove_from(wait_set& set, direction d) noexcept override {
        side_of(d).list.remove(set.lane_in(arena_));
    }
    void pass_on(direction d) noexcept override {
        wake_one(arena_, side_of(d).list, side_of(d).topic);
    }
    void ask_break_checker() const override { policy_.ask_break_checker(); }
    std::chrono::nanoseconds before_sleep() override {
        give_back_late_leases(lane_of_thread(arena_));
        look_now_and_then(lane_of_thread(arena_));
        // As for an unnamed queue: lookouts do not see for what such a thread waits.
        return std::min(policy_.short_nap(), until_next_expiry(pipe_));
    }

    std::unique_ptr<leased_packet> lease(deadline until, const LeaseOptions& options) override {
        if (has_name_ && pipe_.name_view() == options.dead_letters)
            throw std::logic_error("a pipe cannot be its own pipe for dead letters");
        {
            thread_lane& l = lane_of_thread(arena_, until);
            const gate_limit limit(l, until);
            give_back_late_leases(l);
            need_lease_table(pipe_);
        }
        auto result = std::make_unique<pool_lease>(*kept_);
        lease_limits limits{options.most_deliveries, !options.dead_letters.empty()};
        lease_ticket ticket;
        for (;;) {
            hold* const h = lease_one(ticket, limits, options.deadline_s, until);
            if (!h) return nullptr;
            if (!ticket.is_beyond_limit) {
                count_lease(ticket, *h->target);
                result->begin(ticket, h);
                return result;
            }
            const bool is_gone = result->send_to(options.dead_letters, ticket, h);
            if (!is_gone) limits.from_position = ticket.position + 1;
        }
    }

    void spin(std::chrono::nanoseconds time) noexcept override { policy_.spin(time); }

    const StreamingPool* pool() const noexcept override { return &arena_; }
    std::size_t capacity() const noexcept override { return pipe_.capacity; }
    std::size_t length() const noexcept override { return packet_count(pipe_) + put_back_.count(); }
    std::size_t leased() const noexcept override { return count_leases(pipe_).out; }

private:
    /// One handle on a hold.
    class handle {
    public:
        explicit handle(hold* h) noexcept : hold_(h) {}
        ~handle() {
            if (hold_) drop_handle(hold_);
        }
        handle(const handle&) = delete;
        handle& operator=(const handle&) = delete;
        hold* get() const noexcept { return hold_; }
        hold* release() noexcept { return std::exchange(hold_, nullptr); }

    private:
        hold* hold_;
    };

    /// Whether waits must end because the pool is retired. Not for an unnamed queue: processes find
    /// it without the pool's name.
    bool is_over() const noexcept { return has_name_ && is_retired(arena_); }

    /// Takes a packet that waits to be delivered again; null when there is none.
    [[gnu::cold, gnu::noinline]] box* take_again(thread_lane& l, new_hold& taker,
                                                 deadline until) noexcept {
        box* taken = nullptr;
        if (l.try_enter() || enter_by(l, until)) {
            const leave_later pass(l);
            const bool is_ring_empty = packets_remembered(read_) == 0;
            taken = take_redelivered(pipe_, taker, is_ring_empty);
        }
        if (taken) wake_one(arena_, pipe_.producers, pipe_.room_topic());
        return taken;
    }

    /// When a lease ends that begins now, in the table's microseconds; 0: never. It never ends too
    /// early, and one of no length has ended already.
    static std::uint64_t lease_end(double deadline_s) noexcept {
        using namespace std::chrono;
        const deadline end = deadline::in_seconds(deadline_s);
        if (end.is_never()) return 0;
        const auto when = end.is_immediate()
                              ? floor<microseconds>(steady_clock::now().time_since_epoch())
                              : ceil<microseconds>(end.when().time_since_epoch());
        return std::max<std::uint64_t>(static_cast<std::uint64_t>(when.count()), 1);
    }

    /// Leases a packet; returns this thread's hold on it, null when the time is over.
    void count_lease(const lease_ticket& ticket, const box& packet) {
        thread_lane& l = lane_of_thread(arena_);
        if (ticket.granted.deliveries() > 1)
            flow_.redelivered(l);
        else
            flow_.took_out(l, bytes_of(arena_, packet));
    }

    hold* lease_one(lease_ticket& ticket, lease_limits& limits, double deadline_s, deadline until) {
        thread_lane& l = lane_of_thread(arena_, until);
        new_hold taker(l, until);
        box* leased = nullptr;
        const auto attempt = [&](bool is_thorough) {
            limits.is_thorough = is_thorough;
            const lease_holder who{l.at->slot, lease_end(deadline_s)};
            if (is_thorough && !put_back_.is_empty())
                leased = lease_what_was_put_back(l, taker, ticket, who, until);
            if (!leased) leased = try_lease(l, taker, ticket, limits, who, until);
            if (std::exchange(limits.dropped, 0) != 0)
                wake_one(arena_, pipe_.producers, pipe_.room_topic());
            return leased != nullptr;
        };
        const auto attempt_slowly = [&] {
            if (attempt(true)) return true;
            // Only packets are there that could not go to the dead letters: look again later.
            if (std::exchange(limits.from_position, 0) != 0) rest_before_retry(until);
            return false;
        };
        const bool is_quick = packets_remembered(read_) != 0 && attempt(false);
        if (!is_quick && !retry_slowly(reading_, attempt_slowly, until)) return nullptr;
        // Another thread may be asleep that does not know of this deadline.
        if (ticket.granted.deadline_us() != 0) wake_reader();
        return taker.release(*leased);
    }

    box* try_lease(thread_lane& l, new_hold& taker, lease_ticket& ticket, lease_limits& limits,
                   const lease_holder& who, deadline until) noexcept {
        if (!l.try_enter() && !enter_by(l, until)) return nullptr;
        const leave_later pass(l);
        if (box* const b = lease_again(l, pipe_, who, limits, taker, ticket)) return b;
        return lease_from_ring(pipe_, who, taker, read_, ticket);
    }

    bool has_leases() const noexcept {
        return detail::has_leases(pipe_, std::memory_order_acquire);
    }

    /// Null when no packet is there (any more).
    [[gnu::cold, gnu::noinline]] box* lease_what_was_put_back(thread_lane& l, new_hold& taker,
                                                              lease_ticket& ticket,
                                                              const lease_holder& who,
                                                              deadline until) noexcept {
        hold* const h = put_back_.take();
        if (!h) return nullptr;
        bool is_leased = false;
        if (l.try_enter() || enter_by(l, until)) {
            const leave_later pass(l);
            is_leased = lease_held(pipe_, who, *h->target, ticket);
        }
        if (!is_leased) {
            put_back_.add(h);
            return nullptr;
        }
        taker.take_over(h);
        return h->target;
    }

    static void rest_before_retry(deadline until) {
        std::this_thread::sleep_until(until.or_in(std::chrono::milliseconds(10)).when());
    }

    /// Null when no packet is there (any more).
    [[gnu::cold, gnu::noinline]] box* take_what_was_put_back(new_hold& taker) noexcept {
        hold* const h = put_back_.take();
        if (!h) return nullptr;
        taker.take_over(h);
        return h->target;
    }

    /// Keeps a packet for whose destination there was no memory. It is not lost: the next dequeue
    /// on this object gets it.
    [[gnu::cold, gnu::noinline]] void put_back(hold* h) noexcept {
        put_back_.add(h);
        // Otherwise the next call would take a packet that is remembered to be in the pipe, without
        // checking what was put back.
        read_.other.store(0, std::memory_order_relaxed);
        wake_reader();
    }

    /// At the end of the queue object: puts the packets into the pipe for others, as far as there
    /// is room.
    void give_back_packets() noexcept {
        while (hold* const h = put_back_.take()) {
            try {
                handle packed(h);
                put_packed(packed, deadline::in_seconds(0));
            } catch (const std::exception&) {
                // The pool has ended, or cannot be used by this thread any more.
            }
        }
    }

    /// Packs the value and calls put_it(packed). When that returns false or throws, the value is as
    /// it was; otherwise it is None.
    template <class Put>
    bool put_or_restore(Val& value, thread_lane& l, deadline until, Put put_it) {
        const gate_limit limit(l, until);
        const bool was_none = value.tag == 'Z';
        handle packed(pack(std::move(value), arena_));
        const bool was_taken = !was_none && value.tag == 'Z';
        const auto give_back = [&] {
            if (was_taken) unpack(packed.release(), value);
        };
        try {
            if (put_it(packed)) {
                if (!was_taken) value.reset();
                return true;
            }
        } catch (...) {
            give_back();
            throw;
        }
        give_back();
        return false;
    }

    bool try_put_numbered(hold& packet, const packet_number& number, deadline until) {
        box& b = *packet.target;
        thread_lane& l = lane_of_thread(arena_);
        const std::uint64_t bytes = bytes_of(arena_, b);
        {
            if (!l.try_enter() && !enter_by(l, until)) return false;
            const leave_later pass(l);
            publish(b);
            if (!put_counted(l, pipe_, b, written_, &number)) return false;
        }
        wake_reader();
        flow_.put_in(l, bytes, written_);
        return true;
    }

    bool put_packed(handle& packed, deadline until) {
        return retry(
            writing_, room_remembered(pipe_, written_),
            [&] { return try_put_packed(packed, until); }, until);
    }

    /// The cell takes over the hold's reference when nobody else uses the hold; otherwise it gets a
    /// reference of its own.
    bool try_put_packed(handle& packed, deadline until) {
        hold& h = *packed.get();
        box& b = *h.target;
        thread_lane& l = lane_of_thread(arena_);
        const std::uint64_t bytes = bytes_to_send(h);
        if (h.handles.load(std::memory_order_acquire) == 1) {
            if (!try_hand_over(l, h, until)) return false;
            end_hold(l, packed.release());
        } else {
            if (!l.try_enter() && !enter_by(l, until)) return false;
            const leave_later pass(l);
            publish(b);
            if (!put_counted(l, pipe_, b, written_)) return false;
        }
        wake_reader();
        flow_.put_in(l, bytes, written_);
        return true;
    }

    /// A packet that leaves the thread is complete, for the next stage of a pipeline.
    std::uint64_t bytes_to_send(hold& h) const noexcept {
        box& b = *h.target;
        if (b.chunks.load(std::memory_order_relaxed) != 0 &&
            !b.published.load(std::memory_order_relaxed))
            learn_size(b);
        if (shapes.is_wanted()) learn_shapes(h);
        return bytes_of(arena_, b);
    }
    /// Another thread that has a handle may be changing the packet, if it has the packet's lock.
    /// Only of a new packet is the lock taken: who shares one that was sent before wants its lock
    /// for those who change it, and would lose the packet if this process died with the lock.
    [[gnu::noinline]] void learn_shapes(hold& h) const noexcept {
        box& b = *h.target;
        if (b.refs.load(std::memory_order_acquire) != 1) return;
        if (h.handles.load(std::memory_order_acquire) == 1) return shapes.learn(arena_, b);
        if (b.published.load(std::memory_order_relaxed)) return;
        try {
            if (!lock_box_for(b, 0.0)) return;
            shapes.learn(arena_, b);
            unlock_box(b, fork_generation());
        } catch (const std::exception&) {
            // Somebody has died while changing it. The next packet will do.
        }
    }

    /// As try_hand_over, for a pipe with taps: the hold's reference is given up in the end.
    [[gnu::cold, gnu::noinline]] bool hand_over_to_all(thread_lane& l, hold& h) noexcept {
        if (!put_counted(l, pipe_, *h.target, written_)) return false;
        clear_entry(h);
        release_reference(arena_, *l.heap, *h.target);
        return true;
    }

    /// The hold of a shared value of this pool, if nobody else in this process has a handle on it;
    /// otherwise null.
    hold* sole_hold(const Val& value) const noexcept {
        if (!value_access::is_handle_of_box(value)) return nullptr;
        hold* const h = value_access::hold_of(value);
        const bool is_sole = h->at->pool == &arena_ &&
                             !h->at->lost.load(std::memory_order_relaxed) &&
                             h->handles.load(std::memory_order_acquire) == 1;
        return is_sole ? h : nullptr;
    }

    /// Whether put should try at once, before retry looks. If the pipe was full lately, this reads
    /// the cursors first and so leaves the cell alone, as retry does. Otherwise it does not even
    /// read the readers' cursor: that would take as long as the way of an answer back.
    bool may_have_room() noexcept {
        if (!was_full_.load(std::memory_order_relaxed)) return true;
        const std::uint64_t room = room_seen(pipe_, written_);
        if (pipe_.producers.overdue.load(std::memory_order_relaxed) != 0) return false;
        if (room > pipe_.capacity / 4) was_full_.store(false, std::memory_order_relaxed);
        return room != 0;
    }

    /// The cell takes over the hold's reference; false when there is no room.
    [[gnu::always_inline]] bool try_hand_over(thread_lane& l, hold& h, deadline until) noexcept {
        if (!l.try_enter() && !enter_by(l, until)) return false;
        const leave_later pass(l);
        publish(*h.target);
        if (is_tapped(pipe_)) [[unlikely]]
            return hand_over_to_all(l, h);
        VALPOOL_KILL_POINT("queue.handing_over");
        if (!try_put(pipe_, h.target->self, written_)) return false;
        clear_entry(h);
        return true;
    }

    void wake_reader() noexcept {
        VALPOOL_KILL_POINT("queue.before_wake");
        wake_one(arena_, pipe_.consumers, pipe_.packet_topic());
    }

    /// One side of the pipe: what its users wait for, and where they wait.
    struct side {
        wait_list& list;
        std::uint64_t topic;
        bool (*is_ready)(const pipe& p) noexcept;
        std::uint64_t (*ready_count)(const pipe& p, side_memory& seen) noexcept;
        /// The same for a thread that still looks, and may wait for more to do.
        std::uint64_t (*batch_count)(const pipe& p, side_memory& seen) noexcept;
        side_memory& seen;
        courtesy& manners;
        flow_meter::why reason;
    };

    const side& side_of(direction d) const noexcept {
        return d == direction::reading ? reading_ : writing_;
    }

    /// Tries until it succeeds or the time is over. Before a try it looks at the remembered
    /// cursors, then at the shared ones, because a try in vain takes the cell's cache line away
    /// from the thread that is about to write there.
    template <class Try>
    bool retry(const side& s, std::uint64_t remembered, Try attempt, deadline until) {
        if (remembered != 0 && attempt()) return true;
        return retry_slowly(s, attempt, until);
    }

    template <class Try>
    [[gnu::noinline]] bool retry_slowly(const side& s, Try attempt, deadline until) {
        thread_lane& l = lane_of_thread(arena_);
        reservation place(s.list);
        for (unsigned in_vain = 1;; ++in_vain) {
            const auto ready_count = [&] { return s.batch_count(pipe_, s.seen); };
            const bool is_promising = until.is_immediate() ||
                                      policy_.look(ready_count, until, pause_between_looks(pipe_));
            if (!gives_way(l, s, until) && attempt_unless_over(attempt)) return true;
            if (&s == &writing_ && room_seen(pipe_, written_) == 0) flow_.was_full(l);
            if (until.has_passed()) return false;
            place.was_in_vain(l.index);
            // A thread that always comes too late must also ask the break checker and look for the
            // dead.
            if ((!is_promising || in_vain % 16 == 0) && !wait(l, s, until, place)) return false;
        }
    }

    /// In a retired pool, throws PoolRetired instead of letting the thread wait.
    template <class Try>
    bool attempt_unless_over(Try& attempt) {
        if (attempt()) return true;
        return is_over() && attempt_at_the_end(attempt);
    }
    /// Tries once more, to find packets that were put in before the pool was retired.
    template <class Try>
    [[gnu::noinline]] bool attempt_at_the_end(Try& attempt) {
        if (attempt()) return true;
        throw_retired(arena_);
    }

    /// Lets a waiter go first that has waited too long; true when there was one.
    bool gives_way(thread_lane& l, const side& s, deadline until) noexcept {
        // A caller that tries only once must not find the pipe empty (or full) when it is not.
        if (until.is_immediate()) return false;
        const std::uint32_t up = reservation::of_another(s.list, l.index);
        if (up == 0 || !s.is_ready(pipe_) || !s.manners.gives_way(s.list, up)) return false;
        const auto is_gone = [&] { return s.list.overdue.load(std::memory_order_relaxed) != up; };
        sleep_on_seat(l, s.list, s.topic, until.or_in(longest_courtesy), is_gone);
        // If this thread was woken but has no time left, the wake-up goes to the next waiter.
        if (until.has_passed() && s.is_ready(pipe_)) wake_one(arena_, s.list, s.topic);
        return true;
    }

    /// Sleeps until the pipe is ready; false when the time is over. (Another thread may still be
    /// faster.)
    bool wait(thread_lane& l, const side& s, deadline until, reservation& place) {
        for (;;) {
            policy_.ask_break_checker();
            give_back_late_leases(l);
            // Before the sleep, so that a thread that waits only for short times also looks for the
            // dead.
            look_now_and_then(l);
            const auto is_ready = [&] {
                return s.is_ready(pipe_) || is_over() || (&s == &reading_ && !put_back_.is_empty());
            };
            const bool only_looks = policy_.never_sleeps();
            std::chrono::nanoseconds woken_after{0};
            if (!only_looks) {
                // Only now, right before the sleep: the question how long it may sleep can make
                // this thread a lookout.
                auto nap = policy_.nap(l, is_named_queue(pipe_.root));
                if (&s == &reading_ && has_leases()) nap = std::min(nap, until_next_expiry(pipe_));
                const std::int64_t before = steady_now_ns();
                woken_after = sleep_on_seat(l, s.list, s.topic, until.or_in(nap), is_ready);
                flow_.slept(l, s.reason, static_cast<std::uint64_t>(steady_now_ns() - before));
            }
            cancellation_point();
            if (is_ready()) {
                wait_policy::slept(s.ready_count(pipe_, s.seen), woken_after);
                // There may be work for more than this thread, and this may be a wake-up that was
                // meant for another: pass it on. At worst a thread looks in vain.
                wake_one(arena_, s.list, s.topic);
                return true;
            }
            if (until.has_passed()) return false;
            place.was_in_vain(l.index);
            if (only_looks) return true;
        }
    }

    arena& arena_;
    pipe& pipe_;
    wait_policy policy_;
    hold* const kept_;
    const bool has_name_ = pipe_.name[0] != 0;
    std::atomic<bool> was_full_{false};
    put_back_packets put_back_;
    flow_meter flow_;
    side_memory written_;
    side_memory read_;
    courtesy writers_manners_;
    courtesy readers_manners_;
    const side writing_{pipe_.producers,  pipe_.room_topic(),      has_room,
                        room_seen,        room_for_batch,          written_,
                        writers_manners_, flow_meter::why::no_room};
    const side reading_{
        pipe_.consumers,  pipe_.packet_topic(),      has_packet, packets_seen, packets_seen, read_,
        readers_manners_, flow_meter::why::no_packet};
};

}  // namespace

std::unique_ptr<queue_core> make_pool_queue(hold* h, break_options breaks) {
    try {
        return std::make_unique<pool_queue>(h, breaks);
    } catch (...) {
        release_pipe(h);
        throw;
    }
}

std::unique_ptr<queue_core> make_unnamed_pool_queue(StreamingPool& pool,
                                                    std::size_t capacity_packets) {
    return make_pool_queue(make_unnamed_pipe(arena_of(pool), capacity_packets), {});
}

}  // namespace valpool::detail
