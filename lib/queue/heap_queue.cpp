#include "base/futex.hpp"
#include "queue/monotonic_condition.hpp"
#include "queue/queue_core.hpp"
#include "queue/wait_set.hpp"

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace valpool::detail {
namespace {

using boost::interprocess::interprocess_mutex;

/// A packet that a consumer has on loan, or that waits to be delivered again. Shared with the
/// leases on it, so that the value outlives its stay in the queue.
struct loan {
    explicit loan(Val&& v) : value(std::move(v)) {}

    Val value;
    std::uint64_t sequence = 0;
    std::uint64_t delivery = 0;  // counts what happens to the packet; a lease knows its own number
    unsigned deliveries = 0;
    bool is_out = false;
    deadline until = deadline::never();

    bool is_waiting() const { return !is_out || until.has_passed(); }
};

/// The threads that wait for something, each of them for this alone, or for several queues at once.
/// All is done with the queue's mutex held.
struct heap_waiters {
    monotonic_condition alone;
    std::vector<std::atomic<std::uint32_t>*> sets;  // their words, see wait_set::word

    void wake() noexcept {
        alone.notify_one();
        for (std::atomic<std::uint32_t>* const word : sets)
            if (word->exchange(0, std::memory_order_acq_rel) != 0) futex_wake(*word);
    }
};

/// What a queue's leases share with it; they may outlive it.
struct heap_state {
    mutable interprocess_mutex mutex;
    heap_waiters room;
    heap_waiters packet;
    std::deque<Val> packets;
    std::list<std::shared_ptr<loan>> loans;  // in the order of their packets

    std::size_t in_use() const noexcept { return packets.size() + loans.size(); }
    /// The first loan that waits to be delivered again.
    auto find_waiting() {
        return std::find_if(loans.begin(), loans.end(),
                            [](const auto& l) { return l->is_waiting(); });
    }
    /// When the next lease expires.
    deadline next_expiry() const {
        deadline first = deadline::never();
        for (const auto& l : loans)
            if (l->is_out && l->until.when() < first.when()) first = l->until;
        return first;
    }
};

class heap_lease final : public leased_packet {
public:
    heap_lease(std::shared_ptr<heap_state> state, std::shared_ptr<loan> its)
        : state_(std::move(state)),
          loan_(std::move(its)),
          delivery_(++loan_->delivery),
          deliveries_(++loan_->deliveries) {}
    ~heap_lease() override { give_back(); }
    heap_lease(const heap_lease&) = delete;
    heap_lease& operator=(const heap_lease&) = delete;

    const Val& value() const noexcept override { return loan_->value; }
    unsigned deliveries() const noexcept override { return deliveries_; }
    std::uint64_t sequence() const noexcept override { return loan_->sequence; }
    bool ack() override {
        const std::lock_guard guard(state_->mutex);
        if (is_mine()) {
            state_->loans.remove(loan_);
            ++loan_->delivery;
            was_acknowledged_ = true;
            state_->room.wake();
        }
        return was_acknowledged_;
    }
    void give_back() noexcept override {
        const std::lock_guard guard(state_->mutex);
        if (!is_mine()) return;
        loan_->is_out = false;
        ++loan_->delivery;
        state_->packet.wake();
    }

private:
    bool is_mine() const noexcept { return loan_->delivery == delivery_; }

    const std::shared_ptr<heap_state> state_;
    const std::shared_ptr<loan> loan_;
    const std::uint64_t delivery_;
    const unsigned deliveries_;
    bool was_acknowledged_ = false;
};

/// For the threads of one process. A kill ends all of them together, so they may share a mutex and
/// conditions.
class heap_queue final : public queue_core {
public:
    explicit heap_queue(std::size_t capacity_packets)
        : capacity_(capacity_packets), state_(std::make_shared<heap_state>()) {}

    bool put(const Val& value, deadline until) override { return put(Val(value), until); }

    bool put(Val&& value, deadline until) override {
        std::unique_lock guard(state_->mutex);
        if (!wait_for_room(guard, until)) return false;
        state_->packets.push_back(std::move(value));
        count_in();
        state_->packet.wake();
        return true;
    }

    bool take(Val& out, deadline until) override {
        std::unique_lock guard(state_->mutex);
        if (!wait_for_packet(guard, until)) return false;
        if (const auto again = state_->find_waiting(); again != state_->loans.end()) {
            out = (*again)->value;  // a copy: leases that have expired still show theirs
            ++(*again)->delivery;
            state_->loans.erase(again);
            ++passed_.redelivered;
        } else {
            out = std::move(state_->packets.front());
            state_->packets.pop_front();
            count_out();
        }
        state_->room.wake();
        return true;
    }

    std::unique_ptr<leased_packet> lease(deadline until, const LeaseOptions& options) override {
        if (!options.dead_letters.empty())
            throw std::logic_error("a queue on the heap has no pipe for dead letters");
        std::unique_lock guard(state_->mutex);
        for (;;) {
            if (!wait_for_packet(guard, until)) return nullptr;
            const auto again = state_->find_waiting();
            if (again == state_->loans.end()) return lend(lend_next(), options);
            const unsigned most = options.most_deliveries;
            if (most == 0 || (*again)->deliveries < most) return lend(*again, options);
            ++(*again)->delivery;
            state_->loans.erase(again);
            state_->room.wake();
        }
    }

    Val as_packet(const Val& value) override { return value; }

    bool drop_oldest() override {
        Val dropped;
        return take(dropped, deadline::in_seconds(0));
    }
    void count_dropped() noexcept override {
        const std::lock_guard guard(state_->mutex);
        ++passed_.dropped;
    }
    PipeCounters counters() const noexcept override {
        const std::lock_guard guard(state_->mutex);
        PipeCounters result = passed_;
        const std::int64_t now = steady_now_ns();
        if (last_in_ns_ != 0) result.since_last_enqueue_s = seconds(now - last_in_ns_);
        if (last_out_ns_ != 0) result.since_last_dequeue_s = seconds(now - last_out_ns_);
        return result;
    }

    bool is_ready(direction d) const noexcept override {
        const std::lock_guard guard(state_->mutex);
        return d == direction::reading ? has_packet() : has_room();
    }
    void admit_thread() override {}
    void add_to(wait_set& set, direction d) override {
        std::atomic<std::uint32_t>& word = set.word();
        const std::lock_guard guard(state_->mutex);
        waiters_for(d).sets.push_back(&word);
    }
    void remove_from(wait_set& set, direction d) noexcept override {
        const std::lock_guard guard(state_->mutex);
        auto& sets = waiters_for(d).sets;
        const auto found = std::find(sets.begin(), sets.end(), &set.word());
        if (found != sets.end()) sets.erase(found);
    }
    void pass_on(direction d) noexcept override {
        const std::lock_guard guard(state_->mutex);
        waiters_for(d).alone.notify_one();  // all sets are woken each time
    }
    void ask_break_checker() const override {}  // it has none
    std::chrono::nanoseconds before_sleep() override {
        const std::lock_guard guard(state_->mutex);
        const deadline end = deadline::in(std::chrono::hours(1));
        const deadline expiry = state_->next_expiry();
        return std::min(end.when(), expiry.when()) - std::chrono::steady_clock::now();
    }

    void spin(std::chrono::nanoseconds) noexcept override {}  // would compete for the mutex

    const StreamingPool* pool() const noexcept override { return nullptr; }
    std::size_t capacity() const noexcept override { return capacity_; }
    std::size_t length() const noexcept override {
        const std::lock_guard guard(state_->mutex);
        return state_->packets.size() + count_waiting();
    }
    std::size_t leased() const noexcept override {
        const std::lock_guard guard(state_->mutex);
        return state_->loans.size() - count_waiting();
    }

private:
    static double seconds(std::int64_t ns) noexcept { return static_cast<double>(ns) * 1e-9; }

    heap_waiters& waiters_for(direction d) noexcept {
        return d == direction::reading ? state_->packet : state_->room;
    }
    bool has_packet() const noexcept {
        return !state_->packets.empty() || state_->find_waiting() != state_->loans.end();
    }
    bool has_room() const noexcept { return state_->in_use() < capacity_; }
    void count_in() noexcept {
        ++passed_.packets_in;
        passed_.high_water = std::max(passed_.high_water, state_->packets.size());
        last_in_ns_ = steady_now_ns();
    }
    void count_out() noexcept {
        ++passed_.packets_out;
        last_out_ns_ = steady_now_ns();
    }

    std::size_t count_waiting() const noexcept {
        const auto& loans = state_->loans;
        const auto is_waiting = [](const auto& l) { return l->is_waiting(); };
        return static_cast<std::size_t>(std::count_if(loans.begin(), loans.end(), is_waiting));
    }

    /// Moves the first packet to the end of the loans, as one that waits.
    std::shared_ptr<loan> lend_next() {
        state_->loans.push_back(nullptr);
        try {
            state_->loans.back() = std::make_shared<loan>(std::move(state_->packets.front()));
        } catch (...) {
            state_->loans.pop_back();
            throw;
        }
        state_->packets.pop_front();
        state_->loans.back()->sequence = passed_.packets_out;
        count_out();
        return state_->loans.back();
    }
    std::unique_ptr<leased_packet> lend(const std::shared_ptr<loan>& l,
                                        const LeaseOptions& options) {
        auto lease = std::make_unique<heap_lease>(state_, l);
        l->is_out = true;
        if (l->deliveries > 1) ++passed_.redelivered;
        l->until = deadline::in_seconds(options.deadline_s);
        // Another thread may be asleep that did not know of this deadline.
        if (!l->until.is_never()) state_->packet.wake();
        return lease;
    }

    bool wait_for_packet(std::unique_lock<interprocess_mutex>& guard, deadline until) {
        while (!has_packet()) {
            if (until.has_passed()) return false;
            const deadline expiry = state_->next_expiry();
            const deadline end = expiry.when() < until.when() ? expiry : until;
            sleep(state_->packet.alone, guard, end,
                  {passed_.dequeue_waits, passed_.dequeue_wait_s});
        }
        return true;
    }

    bool wait_for_room(std::unique_lock<interprocess_mutex>& guard, deadline until) {
        while (!has_room()) {
            if (until.has_passed()) return false;
            sleep(state_->room.alone, guard, until,
                  {passed_.enqueue_waits, passed_.enqueue_wait_s});
        }
        return true;
    }

    /// Where a wait is counted.
    struct tally {
        std::uint64_t& waits;
        double& wait_s;
    };
    static void sleep(monotonic_condition& condition, std::unique_lock<interprocess_mutex>& guard,
                      deadline until, tally waited) {
        const std::int64_t before = steady_now_ns();
        if (until.is_never())
            condition.wait(guard);
        else
            condition.wait_until(guard, until);
        ++waited.waits;
        waited.wait_s += seconds(steady_now_ns() - before);
    }

    const std::size_t capacity_;
    const std::shared_ptr<heap_state> state_;
    PipeCounters passed_;
    std::int64_t last_in_ns_ = 0;  // 0: never
    std::int64_t last_out_ns_ = 0;
};

}  // namespace

std::unique_ptr<queue_core> make_heap_queue(std::size_t capacity_packets) {
    return std::make_unique<heap_queue>(capacity_packets);
}

}  // namespace valpool::detail
