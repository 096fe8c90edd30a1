#include "queue/monotonic_condition.hpp"
#include "queue/queue_core.hpp"

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <algorithm>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace valpool::detail {
namespace {

using boost::interprocess::interprocess_mutex;

/// A packet that a consumer has on loan, or that waits to be delivered again. Shared with the
/// leases on it, so that the value outlives its stay in the queue.
struct loan {
    explicit loan(Val&& v) : value(std::move(v)) {}

    Val value;
    std::uint64_t delivery = 0;  // counts what happens to the packet; a lease knows its own number
    unsigned deliveries = 0;
    bool is_out = false;
    deadline until = deadline::never();

    bool is_waiting() const { return !is_out || until.has_passed(); }
};

/// What a queue's leases share with it; they may outlive it.
struct heap_state {
    mutable interprocess_mutex mutex;
    monotonic_condition room;
    monotonic_condition packet;
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
    bool ack() override {
        const std::lock_guard guard(state_->mutex);
        if (is_mine()) {
            state_->loans.remove(loan_);
            ++loan_->delivery;
            was_acknowledged_ = true;
            state_->room.notify_one();
        }
        return was_acknowledged_;
    }
    void give_back() noexcept override {
        const std::lock_guard guard(state_->mutex);
        if (!is_mine()) return;
        loan_->is_out = false;
        ++loan_->delivery;
        state_->packet.notify_one();
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
        const auto has_room = [&] { return state_->in_use() < capacity_; };
        if (!wait(state_->room, guard, until, has_room)) return false;
        state_->packets.push_back(std::move(value));
        guard.unlock();
        state_->packet.notify_one();
        return true;
    }

    bool take(Val& out, deadline until) override {
        std::unique_lock guard(state_->mutex);
        if (!wait_for_packet(guard, until)) return false;
        if (const auto again = state_->find_waiting(); again != state_->loans.end()) {
            out = (*again)->value;  // a copy: leases that have expired still show theirs
            ++(*again)->delivery;
            state_->loans.erase(again);
        } else {
            out = std::move(state_->packets.front());
            state_->packets.pop_front();
        }
        guard.unlock();
        state_->room.notify_one();
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
            state_->room.notify_one();
        }
    }

    void spin(std::chrono::nanoseconds) noexcept override {}  // would compete for the mutex

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
        return state_->loans.back();
    }
    std::unique_ptr<leased_packet> lend(const std::shared_ptr<loan>& l,
                                        const LeaseOptions& options) {
        auto lease = std::make_unique<heap_lease>(state_, l);
        l->is_out = true;
        l->until = deadline::in_seconds(options.deadline_s);
        // Another thread may be asleep that did not know of this deadline.
        if (!l->until.is_never()) state_->packet.notify_one();
        return lease;
    }

    bool wait_for_packet(std::unique_lock<interprocess_mutex>& guard, deadline until) {
        const auto is_there = [&] {
            return !state_->packets.empty() || state_->find_waiting() != state_->loans.end();
        };
        while (!is_there()) {
            if (until.has_passed()) return false;
            const deadline expiry = state_->next_expiry();
            const deadline end = expiry.when() < until.when() ? expiry : until;
            if (end.is_never())
                state_->packet.wait(guard);
            else
                state_->packet.wait_until(guard, end);
        }
        return true;
    }

    template <class Ready>
    static bool wait(monotonic_condition& condition, std::unique_lock<interprocess_mutex>& guard,
                     deadline until, Ready ready) {
        while (!ready()) {
            if (until.has_passed()) return false;
            if (until.is_never())
                condition.wait(guard);
            else
                condition.wait_until(guard, until);
        }
        return true;
    }

    const std::size_t capacity_;
    const std::shared_ptr<heap_state> state_;
};

}  // namespace

std::unique_ptr<queue_core> make_heap_queue(std::size_t capacity_packets) {
    return std::make_unique<heap_queue>(capacity_packets);
}

}  // namespace valpool::detail
