#include "support/child.hpp"

#include "object/box_lock.hpp"
#include "recovery/recovery.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

/// The lock of a shared value between processes: who gets it, how waiters wait, and how deaths,
/// stops and forks affect it.

using namespace valpool;
using namespace valpool::test;

namespace {

using steady = std::chrono::steady_clock;

struct fixture {
    const watchdog dog{120};
    pool_name name{"lock"};
    SHMMain main{name, 1000000};
    Val table;

    fixture() {
        main.start();
        table = Shared(main.pool(), Tab{{"n", 0}, {"hosts", Tab()}});
    }

    void add_one() const {
        const TransactionLock lock(table);
        table("n") = static_cast<int>(table("n")) + 1;
    }
    /// A process that takes the lock, reports that, and keeps it.
    child start_holder() {
        *holds = false;
        child holder([this] {
            const TransactionLock lock(table);
            *holds = true;
            for (;;) pause();
            return 0;
        });
        BOOST_REQUIRE(eventually([this] { return holds->load(); }));
        return holder;
    }
    /// A process that waits for the lock. When this returns, it sleeps or has reserved the lock.
    child start_waiter() {
        child waiter([this] {
            add_one();
            return 0;
        });
        const auto& word = valpool::detail::value_access::target(table)->lock_word;
        BOOST_REQUIRE(eventually([&] { return (word & valpool::detail::lock_reserved) != 0; }));
        return waiter;
    }
    /// A process that has the lock all the time, except for some nanoseconds each millisecond.
    child start_greedy() {
        return child([this] {
            for (;;) {
                const TransactionLock lock(table);
                table("n") = static_cast<int>(table("n")) + 1;
                const auto start = steady::now();
                while (steady::now() - start < std::chrono::milliseconds(1)) {
                }
            }
            return 0;
        });
    }
    /// How often this process gets the lock in that time; the last turn may end later.
    int turns_in(std::chrono::milliseconds time) const {
        int turns = 0;
        for (const auto start = steady::now(); steady::now() - start < time; ++turns) {
            const TransactionLock lock(table, 10.0);
        }
        return turns;
    }

    shared<std::atomic<bool>> holds;
};

bool is_poisoned(const Val& v) {
    try {
        const TransactionLock lock(v);
        return false;
    } catch (const PoisonedError&) {
        return true;
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(locking, fixture)

BOOST_AUTO_TEST_CASE(a_waiter_gets_its_turns_beside_one_that_locks_all_the_time) {
    child greedy = start_greedy();
    const auto& word = valpool::detail::value_access::target(table)->lock_word;
    BOOST_REQUIRE(eventually([&] { return word != 0; }));
    int turns = 0;
    for (const auto start = steady::now(); steady::now() - start < std::chrono::seconds(1);
         ++turns) {
        usleep(100);
        const TransactionLock lock(table);
    }
    greedy.kill_and_wait();
    BOOST_TEST_MESSAGE(turns << " turns");
    BOOST_TEST(turns >= 50);  // 1000 on idle processors
}

BOOST_AUTO_TEST_CASE(no_change_is_lost_among_many_processes) {
    std::vector<child> all;
    for (int i = 0; i < 4; ++i)
        all.emplace_back([this] {
            for (int j = 0; j < 2000; ++j) {
                add_one();
                if (j % 100 == 0) {
                    const TransactionLock lock(table);
                    usleep(300);  // long enough for the others to sleep and to reserve
                    const TransactionLock again(table);
                }
            }
            return 0;
        });
    for (child& c : all) BOOST_TEST(c.wait() == 0);
    BOOST_TEST(static_cast<int>(table("n")) == 8000);
    BOOST_TEST(valpool::detail::value_access::target(table)->lock_depth == 0);
}

BOOST_AUTO_TEST_CASE(a_lock_that_does_not_come_in_time_says_who_has_it) {
    child holder = start_holder();
    const auto names_holder = [&](const LockTimeout& e) {
        return std::string(e.what()).find("process " + std::to_string(holder.pid())) !=
               std::string::npos;
    };
    for (const double timeout_s : {0.0, -1.0, 0.05}) {
        const auto start = steady::now();
        BOOST_CHECK_EXCEPTION(TransactionLock(table, timeout_s), LockTimeout, names_holder);
        const std::chrono::duration<double> waited = steady::now() - start;
        BOOST_TEST(waited.count() >= timeout_s);
    }
    BOOST_CHECK_THROW(TransactionLock(table, std::numeric_limits<double>::quiet_NaN()),
                      std::logic_error);
    holder.kill_and_wait();
    for (const double timeout_s : {0.0, 1.0, std::numeric_limits<double>::infinity()}) {
        table = Shared(main.pool(), Tab());
        const TransactionLock lock(table, timeout_s);
        const TransactionLock again(table, timeout_s);
    }
}

BOOST_AUTO_TEST_CASE(a_holder_that_is_killed_poisons_the_value_for_the_next_one) {
    for (const double timeout_s : {0.0, 0.005, 10.0}) {
        child holder = start_holder();
        holder.kill_and_wait();
        BOOST_CHECK_THROW(TransactionLock(table, timeout_s), PoisonedError);
        BOOST_CHECK_THROW(table("n").text(), PoisonedError);
        Proxy(table).clear();
        table["n"] = 0;
        add_one();
        BOOST_TEST(static_cast<int>(table("n")) == 1);
    }
}

BOOST_AUTO_TEST_CASE(those_who_wait_for_a_holder_that_is_killed_learn_of_it) {
    child holder = start_holder();
    std::vector<child> waiters;
    for (int i = 0; i < 3; ++i) waiters.emplace_back([this] { return is_poisoned(table) ? 7 : 1; });
    usleep(20000);
    holder.kill_and_wait();
    for (child& waiter : waiters) BOOST_TEST(waiter.wait() == 7);
}

BOOST_AUTO_TEST_CASE(a_holder_that_is_killed_while_recovery_is_put_off_keeps_nobody_waiting) {
    shared<std::atomic<bool>> is_inside;
    child stopped([&] {
        valpool::detail::lane_of_thread(valpool::detail::arena_of(*main.pool())).say_inside();
        *is_inside = true;
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return is_inside->load(); }));
    child holder = start_holder();
    holder.kill_and_wait();
    BOOST_TEST(is_poisoned(table));
    Proxy(table).clear();
    table["n"] = 0;
    add_one();
    stopped.kill_and_wait();
    BOOST_TEST(eventually([&] {
        auto user = valpool::detail::find_attachment(valpool::detail::arena_of(*main.pool()));
        using valpool::detail::recovery_result;
        return valpool::detail::recover_if_needed(*user.get()) == recovery_result::nothing_dead;
    }));
    BOOST_TEST(!is_poisoned(table));
    BOOST_TEST(static_cast<int>(table("n")) == 1);
}

BOOST_AUTO_TEST_CASE(waiters_that_are_stopped_or_killed_delay_nobody) {
    for (const int number : {SIGSTOP, SIGKILL}) {
        const auto before = static_cast<int>(table("n"));
        auto lock = std::make_unique<TransactionLock>(table);
        child waiter = start_waiter();
        waiter.signal(number);
        if (number == SIGKILL) waiter.wait();
        lock.reset();
        BOOST_TEST(turns_in(std::chrono::milliseconds(500)) > 1000);  // at first it is reserved
        BOOST_TEST(static_cast<int>(table("n")) == before);
        if (number == SIGKILL) continue;
        waiter.signal(SIGCONT);
        BOOST_TEST(waiter.wait() == 0);
        BOOST_TEST(static_cast<int>(table("n")) == before + 1);
    }
}

BOOST_AUTO_TEST_CASE(a_newcomer_does_not_take_what_is_kept_for_one_who_has_waited) {
    auto lock = std::make_unique<TransactionLock>(table);
    child waiter = start_waiter();
    waiter.signal(SIGSTOP);
    waitpid(waiter.pid(), nullptr, WUNTRACED);
    lock.reset();
    BOOST_CHECK_THROW(TransactionLock(table, 0.0), LockTimeout);
    waiter.signal(SIGCONT);
    BOOST_TEST(waiter.wait() == 0);
    BOOST_TEST(static_cast<int>(table("n")) == 1);
    BOOST_CHECK_NO_THROW(TransactionLock(table, 0.0));
}

BOOST_AUTO_TEST_CASE(a_waiter_that_gives_up_takes_nothing_with_it) {
    child holder = start_holder();
    BOOST_CHECK_THROW(TransactionLock(table, 0.05), LockTimeout);
    const auto& word = valpool::detail::value_access::target(table)->lock_word;
    BOOST_TEST((word & valpool::detail::lock_reserved) == 0u);
}

BOOST_AUTO_TEST_CASE(the_death_of_a_writer_without_the_lock_is_seen_by_the_first_one_to_look) {
    const auto die_changing = [this] {
        const valpool::detail::mutation guard(valpool::detail::value_access::target(table));
        kill(getpid(), SIGKILL);
        return 0;
    };
    const std::vector<std::function<void()>> looks = {
        [this] { const TransactionLock lock(table); },
        [this] { const TransactionLock lock(table, 0.0); },
        [this] { table("n").text(); },
        [this] { static_cast<void>(table.length()); },
        [this] { static_cast<void>(static_cast<Tab&>(table)); },
        [this] { table["n"] = 1; },
        [this] { table["new"] = 1; },
        [this] {  // a thread that has not used the pool yet
            std::exception_ptr thrown;
            std::thread([&] {
                try {
                    table("n").text();
                } catch (...) {
                    thrown = std::current_exception();
                }
            }).join();
            if (thrown) std::rethrow_exception(thrown);
        }};
    for (std::size_t i = 0; i < looks.size(); ++i) {
        table = Shared(main.pool(), Tab{{"n", 1}});
        child writer(die_changing);
        writer.wait();
        BOOST_TEST_CONTEXT(i) BOOST_CHECK_THROW(looks[i](), PoisonedError);
        Proxy(table).clear();
        table["n"] = 2;
        BOOST_TEST(static_cast<int>(table("n")) == 2);
    }
}

BOOST_AUTO_TEST_CASE(a_value_that_a_living_process_is_changing_is_not_poisoned) {
    shared<std::atomic<bool>> is_changing;
    child writer([&] {
        const valpool::detail::mutation guard(valpool::detail::value_access::target(table));
        *is_changing = true;
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(eventually([&] { return is_changing->load(); }));
    BOOST_TEST(static_cast<int>(table("n")) == 0);
    BOOST_TEST(!is_poisoned(table));
}

BOOST_AUTO_TEST_CASE(the_child_of_a_fork_leaves_its_parents_lock_alone) {
    auto outer = std::make_unique<TransactionLock>(table);
    auto inner = std::make_unique<TransactionLock>(table);
    child other([&] {
        inner.reset();
        outer.reset();
        return 0;
    });
    BOOST_TEST(other.wait() == 0);
    child intruder([this] {
        try {
            const TransactionLock lock(table, 0.0);
            return 1;
        } catch (const LockTimeout&) {
            return 0;
        }
    });
    BOOST_TEST(intruder.wait() == 0);
    inner.reset();
    outer.reset();
    BOOST_TEST(valpool::detail::value_access::target(table)->lock_word == 0u);
    BOOST_TEST(valpool::detail::value_access::target(table)->lock_depth == 0);
    add_one();
}

BOOST_AUTO_TEST_CASE(the_child_of_a_fork_leaves_its_parents_mark_alone) {
    auto* const b = valpool::detail::value_access::target(table);
    auto guard = std::make_unique<valpool::detail::mutation>(b);
    valpool::detail::publish(*b);
    guard = std::make_unique<valpool::detail::mutation>(b);
    child other([&] {
        guard.reset();
        return 0;
    });
    BOOST_TEST(other.wait() == 0);
    BOOST_TEST(b->mutator != 0);
    guard.reset();
    BOOST_TEST(b->mutator == 0);
}

BOOST_AUTO_TEST_CASE(the_child_of_a_fork_can_lock_its_copy_of_a_value_on_the_heap) {
    const Proxy p = Locked(new Tab());
    auto lock = std::make_unique<TransactionLock>(p);
    child other([&] {
        lock.reset();
        const TransactionLock first(p);
        const TransactionLock second(p, 0.0);
        bool has_it = true;
        std::thread([&] {
            try {
                const TransactionLock third(p, 0.01);
            } catch (const LockTimeout&) {
                has_it = false;
            }
        }).join();
        return has_it ? 1 : 0;
    });
    BOOST_TEST(other.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_thread_that_is_cancelled_while_it_waits_ends) {
    if (!can_cancel_threads) return;
    for (const Proxy& p : {Proxy(table), Locked(new Tab())}) {
        auto lock = std::make_unique<TransactionLock>(p);
        struct waiting_thread {
            const Proxy* value;
            std::atomic<bool> is_about_to_wait{false};
        } waiting{&p};
        for (int i = 0; i < 3; ++i) {
            waiting.is_about_to_wait = false;
            pthread_t id{};
            pthread_create(
                &id, nullptr,
                [](void* context) -> void* {
                    auto& here = *static_cast<waiting_thread*>(context);
                    here.is_about_to_wait = true;
                    const TransactionLock mine(*here.value);
                    return nullptr;
                },
                &waiting);
            eventually([&] { return waiting.is_about_to_wait.load(); });
            usleep(3000);
            pthread_cancel(id);
            void* result = nullptr;
            pthread_join(id, &result);
            BOOST_TEST((result == PTHREAD_CANCELED));
        }
        lock.reset();
        BOOST_CHECK_NO_THROW(TransactionLock(p, 0.0));
    }
    table.reset();
    BOOST_TEST(check(main.pool()).is_sound());
    BOOST_TEST(main.pool()->isPristine());
}

BOOST_AUTO_TEST_SUITE_END()
