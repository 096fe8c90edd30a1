#include "base/futex.hpp"
#include "queue/monotonic_condition.hpp"
#include "queue/queue_core.hpp"
#include "queue/wait_set.hpp"

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

namespace valpool::detail {
namespace {

using boost::interprocess::interprocess_mutex;

/// For the threads of one process. A kill ends all of them together, so they may share a mutex and
/// conditions.
class heap_queue final : public queue_core {
public:
    explicit heap_queue(std::size_t capacity_packets) : capacity_(capacity_packets) {}

    bool put(const Val& value, deadline until) override { return put(Val(value), until); }

    bool put(Val&& value, deadline until) override {
        std::unique_lock guard(mutex_);
        if (!wait(room_, guard, until, {passed_.enqueue_waits, passed_.enqueue_wait_s},
                  [&] { return packets_.size() < capacity_; }))
            return false;
        packets_.push_back(std::move(value));
        put_in();
        wake(reading_sets_);
        guard.unlock();
        packet_.notify_one();
        return true;
    }

    bool take(Val& out, deadline until) override {
        std::unique_lock guard(mutex_);
        if (!wait(packet_, guard, until, {passed_.dequeue_waits, passed_.dequeue_wait_s},
                  [&] { return !packets_.empty(); }))
            return false;
        out = std::move(packets_.front());
        packets_.pop_front();
        ++passed_.packets_out;
        last_out_ns_ = steady_now_ns();
        wake(writing_sets_);
        guard.unlock();
        room_.notify_one();
        return true;
    }

    Val as_packet(const Val& value) override { return value; }

    bool drop_oldest() override {
        Val dropped;
        return take(dropped, deadline::in_seconds(0));
    }
    void count_dropped() noexcept override {
        const std::lock_guard guard(mutex_);
        ++passed_.dropped;
    }
    PipeCounters counters() const noexcept override {
        const std::lock_guard guard(mutex_);
        PipeCounters result = passed_;
        const std::int64_t now = steady_now_ns();
        if (last_in_ns_ != 0) result.since_last_enqueue_s = seconds(now - last_in_ns_);
        if (last_out_ns_ != 0) result.since_last_dequeue_s = seconds(now - last_out_ns_);
        return result;
    }

    bool is_ready(direction d) const noexcept override {
        const std::lock_guard guard(mutex_);
        return d == direction::reading ? !packets_.empty() : packets_.size() < capacity_;
    }
    void add_to(wait_set& set, direction d) override {
        std::atomic<std::uint32_t>& word = set.word();
        const std::lock_guard guard(mutex_);
        sets_for(d).push_back(&word);
    }
    void remove_from(wait_set& set, direction d) noexcept override {
        const std::lock_guard guard(mutex_);
        auto& sets = sets_for(d);
        const auto found = std::find(sets.begin(), sets.end(), &set.word());
        if (found != sets.end()) sets.erase(found);
    }
    void pass_on(direction) noexcept override {}  // every set is woken each time
    void ask_break_checker() const override {}    // it has none
    std::chrono::nanoseconds before_sleep() override { return std::chrono::hours(1); }

    void spin(std::chrono::nanoseconds) noexcept override {}  // would compete for the mutex

    const StreamingPool* pool() const noexcept override { return nullptr; }
    std::size_t capacity() const noexcept override { return capacity_; }
    std::size_t length() const noexcept override {
        const std::lock_guard guard(mutex_);
        return packets_.size();
    }

private:
    using words = std::vector<std::atomic<std::uint32_t>*>;

    words& sets_for(direction d) noexcept {
        return d == direction::reading ? reading_sets_ : writing_sets_;
    }
    /// With the mutex held, so that no set ends meanwhile.
    static void wake(const words& sets) noexcept {
        for (std::atomic<std::uint32_t>* const word : sets)
            if (word->exchange(0, std::memory_order_acq_rel) != 0) futex_wake(*word);
    }
    static double seconds(std::int64_t ns) noexcept { return static_cast<double>(ns) * 1e-9; }

    void put_in() noexcept {
        ++passed_.packets_in;
        passed_.high_water = std::max(passed_.high_water, packets_.size());
        last_in_ns_ = steady_now_ns();
    }

    /// Where a wait is counted.
    struct tally {
        std::uint64_t& waits;
        double& wait_s;
    };
    template <class Ready>
    static bool wait(monotonic_condition& condition, std::unique_lock<interprocess_mutex>& guard,
                     deadline until, tally waited, Ready ready) {
        while (!ready()) {
            if (until.has_passed()) return false;
            const std::int64_t before = steady_now_ns();
            if (until.is_never())
                condition.wait(guard);
            else
                condition.wait_until(guard, until);
            ++waited.waits;
            waited.wait_s += seconds(steady_now_ns() - before);
        }
        return true;
    }

    const std::size_t capacity_;
    mutable interprocess_mutex mutex_;
    monotonic_condition room_;
    monotonic_condition packet_;
    std::deque<Val> packets_;
    words reading_sets_;  // of threads that wait for several queues
    words writing_sets_;
    PipeCounters passed_;
    std::int64_t last_in_ns_ = 0;  // 0: never
    std::int64_t last_out_ns_ = 0;
};

}  // namespace

std::unique_ptr<queue_core> make_heap_queue(std::size_t capacity_packets) {
    return std::make_unique<heap_queue>(capacity_packets);
}

}  // namespace valpool::detail
