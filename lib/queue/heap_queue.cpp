#include "queue/monotonic_condition.hpp"
#include "queue/queue_core.hpp"

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <deque>
#include <mutex>

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
        if (!wait(room_, guard, until, [&] { return packets_.size() < capacity_; })) return false;
        packets_.push_back(std::move(value));
        guard.unlock();
        packet_.notify_one();
        return true;
    }

    bool take(Val& out, deadline until) override {
        std::unique_lock guard(mutex_);
        if (!wait(packet_, guard, until, [&] { return !packets_.empty(); })) return false;
        out = std::move(packets_.front());
        packets_.pop_front();
        guard.unlock();
        room_.notify_one();
        return true;
    }

    void spin(std::chrono::nanoseconds) noexcept override {}  // would compete for the mutex

    std::size_t capacity() const noexcept override { return capacity_; }
    std::size_t length() const noexcept override {
        const std::lock_guard guard(mutex_);
        return packets_.size();
    }

private:
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
    mutable interprocess_mutex mutex_;
    monotonic_condition room_;
    monotonic_condition packet_;
    std::deque<Val> packets_;
};

}  // namespace

std::unique_ptr<queue_core> make_heap_queue(std::size_t capacity_packets) {
    return std::make_unique<heap_queue>(capacity_packets);
}

}  // namespace valpool::detail
