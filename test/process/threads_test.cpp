#include "support/started_pool.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cctype>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Threads that end: in order, with values that outlive their last statement; or by cancellation,
/// in the middle of a wait.

using namespace valpool;
using namespace valpool::test;

namespace {

struct fixture : started_pool {
    const watchdog dog{60};
    ServerSide server{name, "pipe", 1};

    fixture() : started_pool("threads") { server.start(); }
    CQ& pipe() const { return server.pipe(); }
};

// Both are constructed before the thread's first use of a pool, so they are destroyed after what
// that use has created.
thread_local Val packet;
thread_local Val second_packet;

/// A thread-specific key that is not the library's. Its values are Vals on the heap, deleted when
/// their thread ends.
class val_key {
public:
    val_key() {
        const auto let_go = [](void* v) { delete static_cast<Val*>(v); };
        if (pthread_key_create(&key_, let_go) != 0) throw std::runtime_error("no key");
    }
    ~val_key() { pthread_key_delete(key_); }
    val_key(const val_key&) = delete;
    val_key& operator=(const val_key&) = delete;
    void set(Val v) const { pthread_setspecific(key_, new Val(std::move(v))); }

private:
    pthread_key_t key_{};
};
/// Created before the library's own key: the age of the keys decides whose destructor runs first.
const val_key early_key;

/// A thread that is cancelled in the middle of a wait.
class waiting_thread {
public:
    explicit waiting_thread(std::function<void()> wait) : wait_(std::move(wait)) {
        if (pthread_create(&id_, nullptr, run, this) != 0) throw std::runtime_error("no thread");
    }
    ~waiting_thread() { end(); }
    waiting_thread(const waiting_thread&) = delete;
    waiting_thread& operator=(const waiting_thread&) = delete;

    bool comes_to_sleep() const {
        return eventually([&] { return is_about_to_wait_ != 0 && state() == 'S'; });
    }
    void cancel() const { pthread_cancel(id_); }
    /// Whether the thread was cancelled and has unwound its stack.
    bool ends_by_unwinding() {
        cancel();
        return end() == PTHREAD_CANCELED && has_unwound_;
    }

private:
    static void* run(void* self) {
        auto& here = *static_cast<waiting_thread*>(self);
        struct witness {
            std::atomic<bool>& is_gone;
            ~witness() { is_gone = true; }
        } const local{here.has_unwound_};
        here.is_about_to_wait_ = static_cast<pid_t>(syscall(SYS_gettid));
        here.wait_();
        return nullptr;
    }
    char state() const {
        std::ifstream stat("/proc/self/task/" + std::to_string(is_about_to_wait_) + "/stat");
        std::string line;
        std::getline(stat, line);
        const std::size_t name_end = line.rfind(')');
        return name_end == std::string::npos ? '?' : line[name_end + 2];
    }
    void* end() {
        void* result = nullptr;
        if (!has_joined_) pthread_join(id_, &result);
        has_joined_ = true;
        return result;
    }

    std::function<void()> wait_;
    pthread_t id_{};
    std::atomic<pid_t> is_about_to_wait_{0};
    std::atomic<bool> has_unwound_{false};
    bool has_joined_ = false;
};

/// Cancels once when the thread may not wait yet, and twice while it sleeps.
void expect_unwinding(const std::function<void()>& wait) {
    for (int i = 0; i < 3; ++i) {
        waiting_thread thread(wait);
        if (i > 0) BOOST_TEST_REQUIRE(thread.comes_to_sleep());
        BOOST_TEST(thread.ends_by_unwinding());
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ending_threads, fixture)

BOOST_AUTO_TEST_CASE(as_many_as_there_are_may_keep_values_in_thread_local_objects) {
    int good = 0;
    for (int i = 0; i < 1200; ++i)
        std::thread([&] {
            packet.reset();
            second_packet.reset();
            packet = share(i);
            pipe().enq(packet);
            second_packet = pipe().deq();
            good += second_packet("i") == i;
        }).join();
    BOOST_TEST(good == 1200);
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_key_of_somebody_elses_may_let_go_of_values) {
    const val_key late_key;
    for (const val_key* const key : {&early_key, &late_key})
        for (int i = 0; i < 200; ++i)
            std::thread([&] {
                // Half of the threads first use the pool when the library's key has no value of
                // theirs yet.
                if (i % 2 == 0) share(i);
                key->set(share(i));
            }).join();
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_may_let_go_in_a_key_of_what_another_thread_has_given_it) {
    const val_key late_key;
    for (const val_key* const key : {&early_key, &late_key})
        for (int i = 0; i < 200; ++i) {
            Val given = share(i);
            // This thread first uses the pool when it is already ending.
            std::thread([&] { key->set(std::move(given)); }).join();
        }
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_in_deq_takes_no_packet_along) {
    if (!can_cancel_threads) return;
    expect_unwinding([this] { pipe().deq(); });
    pipe().enq(share(7));
    Val taken;
    BOOST_TEST(pipe().dequeue(10.0, taken));
    BOOST_TEST(taken("i") == 7);
    taken.reset();
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_in_enq_puts_nothing_in) {
    if (!can_cancel_threads) return;
    pipe().enq(share(7));
    expect_unwinding([this] { pipe().enq(share(8)); });
    Val taken = pipe().deq();
    BOOST_TEST(taken("i") == 7);
    BOOST_TEST(!pipe().try_dequeue(taken));
    pipe().enq(share(9));
    BOOST_TEST(pipe().deq()("i") == 9);
    taken.reset();
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_in_a_wait_with_a_time_out_ends_as_well) {
    if (!can_cancel_threads) return;
    expect_unwinding([this] {
        Val taken;
        pipe().dequeue(30.0, taken);
    });
    CQ on_heap(1);
    expect_unwinding([&] {
        Val taken;
        on_heap.dequeue(30.0, taken);
    });
    const Val v = share(1);
    const TransactionLock lock(v);
    expect_unwinding([&] { const TransactionLock mine(v, 30.0); });
    expect_sound();
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_in_a_queue_on_the_heap_leaves_it_usable) {
    if (!can_cancel_threads) return;
    CQ on_heap(1);
    expect_unwinding([&] { on_heap.deq(); });
    on_heap.enq(7);
    expect_unwinding([&] { on_heap.enq(8); });
    BOOST_TEST(on_heap.deq() == 7);
    BOOST_TEST(on_heap.empty());
    on_heap.enq(9);
    BOOST_TEST(on_heap.deq() == 9);
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_while_it_waits_for_a_lock_leaves_it_to_others) {
    if (!can_cancel_threads) return;
    Val v = share(1);
    {
        const TransactionLock lock(v);
        expect_unwinding([&] { const TransactionLock mine(v); });
    }
    BOOST_CHECK_NO_THROW(TransactionLock(v, 0.0));
    v.reset();
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(one_that_is_cancelled_while_a_side_starts_leaves_nothing_behind) {
    if (!can_cancel_threads) return;
    expect_unwinding([this] { ClientSide(name, "no such pipe").start(); });
    expect_unwinding([this] { ClientSide(name.str() + "_missing", "pipe").start(); });
    ClientSide client(name, "pipe");
    BOOST_TEST(client.start() == STARTED);
    client.pipe().enq(share(7));
    BOOST_TEST(pipe().deq()("i") == 7);
    expect_pristine();
}

BOOST_AUTO_TEST_CASE(cancelled_waiters_cost_no_places) {
    if (!can_cancel_threads) return;
    const auto waits = [this] {
        const Val mine = share(1);
        pipe().deq();
    };
    // More threads in total than the pool has lanes. A sleeper notices its cancellation only when
    // it wakes from its time slice, so many are cancelled at once.
    for (int round = 0; round < 4; ++round) {
        std::vector<std::unique_ptr<waiting_thread>> threads;
        for (int i = 0; i < 20; ++i) threads.push_back(std::make_unique<waiting_thread>(waits));
        BOOST_TEST_REQUIRE(threads.back()->comes_to_sleep());
        for (const auto& thread : threads) thread->cancel();
        for (const auto& thread : threads) BOOST_TEST(thread->ends_by_unwinding());
    }
    expect_pristine();
}

BOOST_AUTO_TEST_SUITE_END()
