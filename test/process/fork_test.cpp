#include "support/started_pool.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <grp.h>
#include <unistd.h>

using namespace valpool;
using namespace valpool::test;

BOOST_AUTO_TEST_SUITE(forking)

BOOST_AUTO_TEST_CASE(parent_and_child_may_drop_inherited_values_in_any_order) {
    const watchdog dog(120);
    started_pool p("drop");
    for (const bool child_first : {true, false}) {
        auto values = std::make_unique<std::vector<Val>>();
        for (int i = 0; i < 200; ++i) values->push_back(Shared(p.pool(), Tab{{"i", i}}));
        shared<std::atomic<int>> phase;
        child other([&] {
            while (*phase == 0) usleep(200);
            for (int i = 0; i < 200; ++i)
                if ((*values)[static_cast<std::size_t>(i)]("i") != i) return 1;
            values.reset();
            *phase = 2;
            return 0;
        });
        if (child_first) {
            *phase = 1;
            BOOST_TEST(other.wait() == 0);
            BOOST_TEST((*values)[199]("i") == 199);
            values.reset();
        } else {
            values.reset();
            *phase = 1;
            BOOST_TEST(other.wait() == 0);
        }
    }
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_child_that_is_killed_or_exits_gives_its_values_back) {
    const watchdog dog(120);
    started_pool p("killed");
    for (int round = 0; round < 10; ++round) {
        Val mine = Shared(p.pool(), Tab{{"a", Arr{1, 2, 3}}});
        child other([&]() -> int {
            std::vector<Val> more;
            for (int i = 0; i < 50; ++i) more.push_back(Shared(p.pool(), Tab{{"i", i}}));
            char* const raw = p.pool()->allocate(1000);
            static_cast<void>(raw);
            if (round % 2 == 0) raise(SIGKILL);
            _exit(3);  // no destructors
        });
        BOOST_TEST(other.wait() == (round % 2 == 0 ? -SIGKILL : 3));
        BOOST_TEST(mine("a").length() == 3u);
    }
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(what_a_killed_process_was_changing_is_poisoned_however_it_was_shared) {
    const watchdog dog(60);
    started_pool p("poison");
    const auto die_changing = [](const Val& v) {
        const valpool::detail::mutation guard(valpool::detail::value_access::target(v));
        kill(getpid(), SIGKILL);
    };
    auto kept = std::make_unique<CQ>(4, p.pool(), true);
    CQ& queue = *kept;
    {
        Val inherited = Shared(p.pool(), Tab{{"i", 1}});
        child other([&] {
            die_changing(inherited);
            return 0;
        });
        other.wait();
        BOOST_CHECK_THROW(inherited["i"] = 2, PoisonedError);
    }
    {
        child other([&] {
            const Val queued = Shared(p.pool(), Tab{{"i", 1}});
            queue.enq(queued);
            die_changing(queued);
            return 0;
        });
        other.wait();
        Val taken = queue.deq();
        BOOST_CHECK_THROW(taken["i"] = 2, PoisonedError);
    }
    {
        child other([&] {
            queue.enq(Shared(p.pool(), Tab{{"i", 1}}).val());
            Val back = queue.deq();
            Val outer = Shared(p.pool(), Tab{{"back", back}});
            queue.enq(std::move(outer));
            die_changing(back);
            return 0;
        });
        other.wait();
        Val taken = queue.deq();
        BOOST_CHECK_THROW(taken["back"]["i"] = 2, PoisonedError);
    }
    {
        Val outer = Shared(p.pool(), Tab());
        child other([&] {
            outer["in"] = Shared(p.pool(), Tab{{"i", 1}}).val();
            die_changing(outer["in"]);
            return 0;
        });
        other.wait();
        BOOST_CHECK_THROW(outer["in"]["i"] = 2, PoisonedError);
        BOOST_TEST(outer.length() == 1u);
    }
    kept.reset();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_child_inherits_the_pipes_of_its_parent) {
    const watchdog dog(60);
    started_pool p("pipes");
    ServerSide server(p.name, "pipe", 2);
    server.start();
    CQ unnamed(2, p.pool(), true);
    child other([&] {
        for (int i = 0; i < 1000; ++i) server.pipe().enq(i);
        for (int i = 0; i < 1000; ++i) unnamed.enq(Tab{{"i", i}});
        return 0;
    });
    for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(server.pipe().deq() == i);
    for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(unnamed.deq()("i") == i);
    BOOST_TEST(other.wait() == 0);
}

BOOST_AUTO_TEST_CASE(an_unnamed_queue_outlives_the_parent_that_made_it) {
    const watchdog dog(60);
    started_pool p("orphaned");
    shared<std::atomic<int>> phase;
    child parent([&] {
        CQ unnamed(4, p.pool(), true);
        child grandchild([&] {
            while (*phase == 0) usleep(200);
            usleep(20000);
            for (int i = 0; i < 4; ++i)
                if (unnamed.deq()("i") != i) return 1;
            *phase = 2;
            return 0;
        });
        for (int i = 0; i < 4; ++i) unnamed.enq(Tab{{"i", i}});
        *phase = 1;
        raise(SIGKILL);
        return 0;
    });
    BOOST_TEST(parent.wait() == -SIGKILL);
    BOOST_TEST(eventually([&] { return *phase == 2; }));
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_childs_copy_of_the_main_does_not_remove_the_pool) {
    started_pool p("main");
    child other([&]() -> int {
        p.main.~SHMMain();
        _exit(0);
    });
    BOOST_TEST(other.wait() == 0);
    BOOST_TEST(access(p.name.path().c_str(), F_OK) == 0);
}

BOOST_AUTO_TEST_CASE(a_child_of_a_fork_in_a_full_pool_has_its_share) {
    const watchdog dog(60);
    started_pool p("full");
    std::vector<Val> values;
    for (int i = 0; i < 300; ++i) values.push_back(Shared(p.pool(), Tab{{"i", i}}));
    std::vector<char*> filling;
    while (!p.pool()->isFull()) filling.push_back(p.pool()->allocate(p.pool()->biggestFree()));
    child other([&] {
        if (values[299]("i") != 299) return 1;
        values.clear();
        try {
            Shared(p.pool(), Tab());
        } catch (const PoolExhausted&) {
            return 0;  // the parent still holds them
        }
        return 2;
    });
    BOOST_TEST(other.wait() == 0);
    BOOST_TEST(values[299]("i") == 299);
    for (char* memory : filling) p.pool()->deallocate(memory);
    values.clear();
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_child_without_a_share_in_the_pool_can_neither_use_nor_harm_it) {
    const watchdog dog(120);
    started_pool p("crowded");
    ServerSide server(p.name, "pipe", 4);
    server.start();
    // Processes that use the pool take all slots, until one of them finds none.
    Val v = Shared(p.pool(), Tab{{"mine", 1}});
    const shared<std::atomic<bool>> stop;
    const shared<std::atomic<int>> ready;
    std::vector<child> crowd;
    for (int i = 0; i < 80; ++i)
        crowd.push_back(child([&] {
            try {
                Shared(p.pool(), Tab());
            } catch (const std::runtime_error&) {  // the last processes find no slot
            }
            ++*ready;
            while (!*stop) usleep(1000);
            return 0;
        }));
    BOOST_REQUIRE(eventually([&] { return *ready == 80; }));
    child late([&] {
        const auto is_refused = [](const auto& action) {
            try {
                action();
            } catch (const std::runtime_error&) {
                return true;
            }
            return false;
        };
        const bool shares = !is_refused([&] { Shared(p.pool(), Tab()); });
        const bool puts = !is_refused([&] { server.pipe().enqueue(std::move(v), 0.0); });
        const bool takes = !is_refused([&] {
            Val out;
            server.pipe().dequeue(0.0, out);
        });
        const bool reads = v("mine") == 1;
        return (shares ? 1 : 0) + (puts ? 2 : 0) + (takes ? 4 : 0) + (reads ? 0 : 8);
    });
    BOOST_TEST(late.wait() == 0);
    BOOST_TEST(server.pipe().empty());
    BOOST_TEST(v["mine"] == 1);
    *stop = true;
    for (child& c : crowd) BOOST_TEST(c.wait() == 0);
    v.reset();
    BOOST_TEST(check(p.pool()).is_sound());
}

BOOST_AUTO_TEST_CASE(a_thread_may_fork_beside_others_that_are_busy) {
    const watchdog dog(60);
    // Room for all that dead processes have held: repairs may be deferred, which this test is not
    // about.
    started_pool p("busy", 16000000);
    ServerSide server(p.name, "pipe", 4);
    server.start();
    std::atomic<bool> stop{false};
    std::vector<std::thread> busy;
    for (int t = 0; t < 3; ++t)
        busy.emplace_back([&] {
            std::vector<Val> mine;
            while (!stop) {
                mine.push_back(p.share(static_cast<int>(mine.size())));
                Val taken;
                if (!server.pipe().try_enqueue(mine.back())) server.pipe().try_dequeue(taken);
                if (mine.size() == 150) mine.clear();
            }
        });
    int good = 0;
    constexpr int rounds = 60;
    std::thread([&] {
        const Val own = p.share(7);
        for (int round = 0; round < rounds; ++round) {
            child other([&, round] {
                if (round % 2 == 1 && p.share(8)("i") != 8) return 1;
                return own("i") == 7 ? 0 : 2;
            });
            good += other.wait() == 0;
        }
    }).join();
    BOOST_TEST(good == rounds);
    stop = true;
    for (std::thread& t : busy) t.join();
    Val taken;
    while (server.pipe().try_dequeue(taken)) taken.reset();
    p.expect_pristine();
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// Acts like a daemon started by root: it makes its pool, and then becomes a user who could not
/// open the pool's file any more.
class daemon_of_nobody {
public:
    daemon_of_nobody(const std::string& name, const char* jail) : main_(name, 1000000) {
        main_.warning(false);  // the name stays, because the user nobody may not remove it
        main_.start();
        server_.emplace(name, "pipe", 8);
        server_->start();
        constexpr unsigned nobody = 65534;
        if (jail && (chroot(jail) != 0 || chdir("/") != 0)) throw std::runtime_error("chroot");
        if (setgroups(0, nullptr) != 0 || setgid(nobody) != 0 || setuid(nobody) != 0)
            throw std::runtime_error("setuid");
    }
    StreamingPool* pool() const { return main_.pool(); }
    CQ& pipe() const { return server_->pipe(); }
    Val share(int i) const { return Shared(pool(), Tab{{"i", i}}); }
    bool comes_to_be_pristine() const {
        return eventually([&] { return pool()->isPristine() && check(pool()).is_sound(); });
    }

private:
    SHMMain main_;
    std::optional<ServerSide> server_;
};

/// An empty directory for chroot.
class empty_jail {
public:
    empty_jail() {
        if (!mkdtemp(path_)) throw std::runtime_error("mkdtemp");
    }
    ~empty_jail() { rmdir(path_); }
    empty_jail(const empty_jail&) = delete;
    empty_jail& operator=(const empty_jail&) = delete;
    const char* path() const noexcept { return path_; }

private:
    char path_[32] = "/tmp/valpool_jail_XXXXXX";
};

struct without_privileges {
    const watchdog dog{60};
    const empty_jail jail;

    /// Runs `body` in a daemon outside of a chroot and in one inside; it returns 0 if all is well.
    void expect_of_daemons(const std::function<int(daemon_of_nobody&)>& body) const {
        if (getuid() != 0) return;
        for (const char* const where : {static_cast<const char*>(nullptr), jail.path()}) {
            const pool_name name("nobody");
            child daemon([&] {
                daemon_of_nobody self(name, where);
                return body(self);
            });
            BOOST_TEST_CONTEXT((where ? "in a chroot" : "outside")) BOOST_TEST(daemon.wait() == 0);
        }
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(forking_without_privileges, without_privileges)

BOOST_AUTO_TEST_CASE(workers_of_a_daemon_that_is_nobody_use_its_pool) {
    expect_of_daemons([](daemon_of_nobody& self) {
        Val v = self.share(7);
        std::vector<child> workers;
        for (int i = 0; i < 4; ++i)
            workers.emplace_back([&] {
                if (v("i") != 7) return 1;
                self.pipe().enq(self.share(8));
                return 0;
            });
        for (int i = 0; i < 4; ++i)
            if (self.pipe().deq()("i") != 8) return 1;
        for (child& worker : workers)
            if (worker.wait() != 0) return 2;
        v.reset();
        return self.comes_to_be_pristine() ? 0 : 3;
    });
}

BOOST_AUTO_TEST_CASE(what_a_killed_worker_of_one_held_comes_back) {
    expect_of_daemons([](daemon_of_nobody& self) {
        Val v = self.share(7);
        const phases now;
        child worker([&] {
            std::vector<Val> more;
            for (int i = 0; i < 200; ++i) more.push_back(self.share(i));
            now.reach(1);
            for (;;) pause();
            return 0;
        });
        if (!now.is_reached(1)) return 1;
        // Living processes are not taken for dead.
        for (int i = 0; i < 300; ++i) self.share(i);
        if (check(self.pool()).living_processes.size() != 2) return 2;
        worker.kill_and_wait();
        v.reset();
        return self.comes_to_be_pristine() ? 0 : 3;
    });
}

BOOST_AUTO_TEST_CASE(workers_of_one_notice_each_others_deaths) {
    expect_of_daemons([](daemon_of_nobody& self) {
        const phases now;
        child victim([&] {
            const Val v = self.share(7);
            now.reach(1);
            for (;;) pause();
            return 0;
        });
        if (!now.is_reached(1)) return 1;
        child witness([&] {
            self.share(8);
            now.reach(2);
            now.await(3);
            return eventually([&] { return self.pool()->isPristine(); }) ? 0 : 1;
        });
        if (!now.is_reached(2)) return 2;
        victim.kill_and_wait();
        now.reach(3);
        return witness.wait() == 0 ? 0 : 3;
    });
}

BOOST_AUTO_TEST_CASE(one_that_forks_again_and_again_does_not_keep_more_and_more) {
    expect_of_daemons([](daemon_of_nobody& self) {
        std::size_t most_at_first = 0;
        for (int round = 0; round < 150; ++round) {
            std::vector<Val> values;
            for (int i = 0; i < 100; ++i) values.push_back(self.share(i));
            child worker([&] { return self.share(1)("i") == 1 && values[99]("i") == 99 ? 0 : 1; });
            if (worker.wait() != 0) return 1;
            const auto used = [&] { return self.pool()->usedBytes(); };
            if (round < 10) most_at_first = std::max(most_at_first, used());
            // A recovery can be late, on a busy machine by many rounds; but it comes.
            if (!eventually([&] { return used() <= 4 * most_at_first; })) return 2;
        }
        return self.comes_to_be_pristine() ? 0 : 3;
    });
}

BOOST_AUTO_TEST_SUITE_END()
