#include "queue/queue_core.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>

namespace valpool::detail {
namespace {

/// For the threads of one process.
class heap_queue final : public queue_core {
public:
    explicit heap_queue(std::size_t capacity_packets) noexcept : capacity_(capacity_packets) {}

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

    void spin(std::chrono::nanoseconds) noexcept override {}  // its mutex would be in the way

    std::size_t capacity() const noexcept override { return capacity_; }
    std::size_t length() const noexcept override {
        const std::lock_guard guard(mutex_);
        return packets_.size();
    }

private:
    template <class Ready>
    static bool wait(std::condition_variable& condition, std::unique_lock<std::mutex>& guard,
                     deadline until, Ready ready) {
        if (ready()) return true;
        if (until.has_passed()) return false;
        if (!until.is_never()) return condition.wait_until(guard, until.when(), ready);
        condition.wait(guard, ready);
        return true;
    }

    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::condition_variable room_;
    std::condition_variable packet_;
    std::deque<Val> packets_;
};

}  // namespace

std::unique_ptr<queue_core> make_heap_queue(std::size_t capacity_packets) {
    return std::make_unique<heap_queue>(capacity_packets);
}

}  // namespace valpool::detail
