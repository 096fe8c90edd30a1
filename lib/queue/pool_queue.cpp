#include "queue/queue_core.hpp"

#include "base/kill_point.hpp"
#include "memory/recovery.hpp"
#include "queue/ring.hpp"

#include <valpool/detail/pack.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace valpool::detail {
namespace {

inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/// How long a thread looks before it sleeps: a wake-up costs tens of microseconds, so looking for
/// a few pays when the peer is running, and is wasted when it is not. Each thread learns which, and
/// tries again now and then: two that both sleep at once would otherwise never find out.
class spin_budget {
public:
    template <class Ready>
    bool spin(Ready ready) noexcept {
        const unsigned limit = ++waits_ % explore_each == 0 ? most : turns_;
        for (unsigned i = 0; i < limit; ++i) {
            if (ready()) {
                turns_ = i > turns_ ? most : std::min(turns_ * 2, most);
                return true;
            }
            relax();
        }
        turns_ = std::max(turns_ / 2, fewest);
        return false;
    }

private:
    static constexpr unsigned fewest = 16;
    static constexpr unsigned most = 1024;
    static constexpr unsigned explore_each = 16;
    unsigned turns_ = 256;
    unsigned waits_ = 0;
};
thread_local constinit spin_budget budget;

/// Waiters look up from their seats this often: for the break checker, for the dead, and for the
/// rare wake-up that died with its waker.
constexpr std::chrono::milliseconds slice{100};

class pool_queue final : public queue_core {
public:
    pool_queue(arena& a, pipe& p, break_options breaks, hold* kept) noexcept
        : arena_(a), pipe_(p), breaks_(breaks), kept_(kept) {}
    ~pool_queue() override {
        if (kept_) drop_handle(kept_);
    }
    pool_queue(const pool_queue&) = delete;
    pool_queue& operator=(const pool_queue&) = delete;

    bool put(const Val& value, deadline until) override {
        handle packed(pack(value, arena_));
        return put_packed(packed, until);
    }

    bool put(Val&& value, deadline until) override {
        const bool was_none = value.tag == 'Z';
        handle packed(pack(std::move(value), arena_));
        const bool was_taken = !was_none && value.tag == 'Z';
        const auto give_back = [&] {
            if (was_taken) unpack(packed.release(), value);
        };
        try {
            if (put_packed(packed, until)) {
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

    bool take(Val& out, deadline until) override {
        if (arena_.contains(&out))
            throw std::logic_error("dequeue: the result must not lie in the pool itself");
        thread_lane& l = lane_of_thread(arena_);
        new_hold taker(l);
        box* taken = nullptr;
        const bool done = retry(
            pipe_.consumers, pipe_.packet_topic(), [&] { return has_packet(pipe_); },
            [&] {
                const inside pass(l);
                taken = try_take(arena_, pipe_, taker);
                return taken != nullptr;
            },
            until);
        if (!done) return false;
        wake_one(arena_, pipe_.producers, pipe_.room_topic());
        unpack(taker.release(*taken), out);
        return true;
    }

    std::size_t capacity() const noexcept override { return pipe_.capacity; }
    std::size_t length() const noexcept override { return packet_count(pipe_); }

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

    bool put_packed(handle& packed, deadline until) {
        return retry(
            pipe_.producers, pipe_.room_topic(), [&] { return has_room(pipe_); },
            [&] { return try_put_packed(packed); }, until);
    }

    /// The slot takes over the hold's reference when nobody else uses the hold, and gets one of its
    /// own otherwise.
    bool try_put_packed(handle& packed) {
        hold& h = *packed.get();
        box& b = *h.target;
        const bool is_sole = h.handles.load(std::memory_order_acquire) == 1;
        thread_lane& l = lane_of_thread(arena_);
        {
            const inside pass(l);
            publish(b);
            if (!is_sole) b.refs.fetch_add(1, std::memory_order_relaxed);
            VALPOOL_KILL_POINT("queue.counted");
            if (!try_put(pipe_, b.self)) {
                if (!is_sole) b.refs.fetch_sub(1, std::memory_order_relaxed);
                return false;
            }
            if (is_sole) clear_entry(h);
        }
        if (is_sole) end_hold(l, packed.release());
        VALPOOL_KILL_POINT("queue.before_wake");
        wake_one(arena_, pipe_.consumers, pipe_.packet_topic());
        return true;
    }

    template <class Ready, class Try>
    bool retry(wait_list& list, std::uint64_t topic, Ready ready, Try attempt, deadline until) {
        for (;;) {
            if (attempt()) return true;
            if (!wait(list, topic, ready, until)) return false;
        }
    }

    /// True as soon as it is ready (somebody else may be faster, though).
    template <class Ready>
    bool wait(wait_list& list, std::uint64_t topic, Ready ready, deadline until) {
        if (ready()) return true;
        if (until.has_passed()) return false;
        if (budget.spin(ready)) return true;
        const std::chrono::nanoseconds period = std::min<std::chrono::nanoseconds>(
            slice, breaks_.checker ? breaks_.period : std::chrono::microseconds(slice));
        thread_lane& l = lane_of_thread(arena_);
        for (;;) {
            if (breaks_.checker && breaks_.checker()) throw BreakRequested("a wait was ended");
            sleep_on_seat(arena_, l.index, list, topic, until.or_in(period), ready);
            if (ready()) {
                // There may be enough for more than this thread, and a wake-up that was meant for
                // another may have come here: pass it on. At worst somebody looks in vain.
                wake_one(arena_, list, topic);
                return true;
            }
            if (until.has_passed()) return false;
            recover_if_needed(*l.at);
        }
    }

    arena& arena_;
    pipe& pipe_;
    break_options breaks_;
    hold* kept_;  // of an unnamed queue
};

}  // namespace

std::unique_ptr<queue_core> make_pool_queue(attachment& at, pipe& p, break_options breaks) {
    return std::make_unique<pool_queue>(*at.pool, p, breaks, nullptr);
}

std::unique_ptr<queue_core> make_unnamed_pool_queue(StreamingPool& pool,
                                                    std::size_t capacity_packets) {
    arena& a = arena_of(pool);
    hold* const h = make_unnamed_pipe(a, capacity_packets);
    return std::make_unique<pool_queue>(a, unnamed_pipe(*h->target), break_options{}, h);
}

}  // namespace valpool::detail
