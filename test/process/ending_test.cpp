#include "support/child.hpp"

#include "recovery/recovery.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <stdexcept>

#include <unistd.h>

/// However a process ends (with values alive, while it waits in a pipe, or in the middle of a
/// transaction), what it held is freed.

using namespace valpool;
using namespace valpool::test;

namespace {

/// Holds one object of every kind, then ends as it was told.
int hold_and_end(const std::string& name, const std::function<void()>& end) {
    ServerSide server(name, "pipe", 4);
    server.start();
    static Val in_static_storage;
    in_static_storage = Shared(server.pool(), Tab{{"static", std::string(1000, 'x')}});
    Val value = Shared(server.pool(), Tab{{"a", Arr{1, 2}}, {"other", in_static_storage}});
    auto* const leaked = new Val(value);
    leaked->append(1);
    server.pool()->allocate(5000);
    Val packet = Shared(server.pool(), Tab{{"p", 1}});
    server.pipe().enq(packet);
    server.pipe().deq();
    end();
    return 0;
}

/// A process that takes a value out of the pipe "table", locks it, and is killed.
void die_holding_what_comes(const std::string& name) {
    shared<std::atomic<bool>> is_locked;
    child other([&] {
        ClientSide client(name, "table");
        client.start();
        Val mine = client.pipe().deq();
        const TransactionLock lock(mine);
        *is_locked = true;
        for (;;) pause();
        return 0;
    });
    BOOST_TEST(eventually([&] { return is_locked->load(); }));
    other.kill_and_wait();
}

struct fixture {
    watchdog dog{60};
    pool_name name{"ending"};
    SHMMain main{name, 1000000};

    fixture() { main.start(); }

    void everything_came_back() const {
        BOOST_TEST(eventually([&] {
            // A thread that waits or allocates looks for deaths; this thread does so explicitly.
            auto user = detail::find_attachment(detail::arena_of(*main.pool()));
            detail::recover_if_needed(*user.get());
            return main.pool()->isPristine();
        }));
        const pool_report report = check(main.pool());
        BOOST_TEST(report.is_sound(), report);
        BOOST_TEST(report.living_processes.size() == 1u);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ending, fixture)

BOOST_AUTO_TEST_CASE(a_return_from_main_with_values_alive) {
    child other([&] { return hold_and_end(name, [] {}); });
    BOOST_TEST(other.wait() == 0);
    everything_came_back();
}

BOOST_AUTO_TEST_CASE(an_exit_that_runs_the_destructors_of_static_objects) {
    child other([&] { return hold_and_end(name, [] { std::exit(3); }); });
    BOOST_TEST(other.wait() == 3);
    everything_came_back();
}

BOOST_AUTO_TEST_CASE(an_exit_that_runs_no_destructors) {
    child other([&] { return hold_and_end(name, [] { _exit(4); }); });
    BOOST_TEST(other.wait() == 4);
    everything_came_back();
}

BOOST_AUTO_TEST_CASE(an_abort) {
    child other([&] {
        return hold_and_end(name, [] {
            std::signal(SIGABRT, SIG_DFL);
            std::abort();
        });
    });
    BOOST_TEST(other.wait() == -SIGABRT);
    everything_came_back();
}

BOOST_AUTO_TEST_CASE(the_usual_signals) {
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGKILL, SIGQUIT}) {
        // Not earlier: packets that it had enqueued and not dequeued would stay in the pipe.
        shared<std::atomic<bool>> holds_all;
        child other([&] {
            std::signal(number, SIG_DFL);
            return hold_and_end(name, [&] {
                *holds_all = true;
                for (;;) pause();
            });
        });
        BOOST_TEST(eventually([&] { return holds_all->load(); }));
        BOOST_TEST(!main.pool()->isPristine());
        other.signal(number);
        BOOST_TEST(other.wait() == -number);
        everything_came_back();
    }
}

BOOST_AUTO_TEST_CASE(a_signal_while_it_waits_for_a_packet) {
    shared<std::atomic<bool>> is_about_to_wait;
    child other([&] {
        return hold_and_end(name, [&] {
            ClientSide client(name, "pipe");
            client.start();
            *is_about_to_wait = true;
            client.pipe().deq();
        });
    });
    BOOST_TEST(eventually([&] { return is_about_to_wait->load(); }));
    usleep(20000);
    other.signal(SIGTERM);
    BOOST_TEST(other.wait() == -SIGTERM);
    everything_came_back();
}

BOOST_AUTO_TEST_CASE(a_death_inside_a_transaction_poisons_and_the_next_one_can_repair) {
    ServerSide server(name, "table", 4);
    server.start();
    Val table = Shared(server.pool(), Tab{{"a", 1}});
    server.pipe().enq(table);
    die_holding_what_comes(name);
    BOOST_CHECK_THROW(TransactionLock{table}, PoisonedError);
    BOOST_CHECK_THROW(table["a"] = 2, PoisonedError);
    BOOST_CHECK_THROW(table("a").text(), PoisonedError);
    const Val another_handle = table;
    Proxy(table).clear();
    {
        const TransactionLock lock(table);
        table["a"] = 3;
    }
    BOOST_TEST(static_cast<int>(another_handle("a")) == 3);
    table.reset();
    const_cast<Val&>(another_handle).reset();
    everything_came_back();
}

BOOST_AUTO_TEST_CASE(a_poisoned_value_can_be_let_go_and_replaced) {
    ServerSide server(name, "table", 4);
    server.start();
    Val parent = Shared(server.pool(), Tab{{"part", Shared(server.pool(), Tab{{"a", 1}})}});
    server.pipe().enq(parent("part"));
    die_holding_what_comes(name);
    BOOST_CHECK_THROW(TransactionLock{parent("part")}, PoisonedError);
    parent["part"] = Shared(server.pool(), Tab{{"a", 2}});
    BOOST_TEST(static_cast<int>(parent("part")("a")) == 2);
    parent.reset();
    everything_came_back();
}

BOOST_AUTO_TEST_SUITE_END()
