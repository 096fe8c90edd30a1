#include "support/started_pool.hpp"

#include <cstdio>
#include <fstream>
#include <optional>
#include <thread>

#include <sys/stat.h>

/// Other processes remove a running pool's name and put something else in its place; and a process
/// passes the SHMMain's role to its child.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr std::size_t megabyte = 1000000;

struct fixture {
    watchdog dog{120};
    pool_name name{"naming"};
    std::optional<SHMMain> main;

    fixture() {
        main.emplace(name, megabyte);
        main->start();
    }
    void delete_name() const { BOOST_TEST(unlink(name.path().c_str()) == 0); }
    bool exists() const {
        struct stat status {};
        return lstat(name.path().c_str(), &status) == 0;
    }
    /// Whether another process can attach to the pool that this one has.
    bool can_be_found() const {
        ServerSide here(name, "found", 1);
        here.start();
        Val packet;
        here.pipe().dequeue(0.0, packet);
        child other([&] {
            ServerSide there(
                name, "found", 1, false, nullptr,
                [] {
                    static int looks = 0;
                    return ++looks > 10;
                },
                10000);
            if (there.start() != STARTED) return 1;
            there.pipe().enq(1);
            return 0;
        });
        return other.wait() == 0 && here.pipe().dequeue(0.0, packet);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(naming, fixture)

BOOST_AUTO_TEST_CASE(a_pool_that_has_lost_its_name_says_so) {
    BOOST_TEST(main->hasName());
    delete_name();
    BOOST_TEST(!main->hasName());
    BOOST_TEST(main->state() == STARTED);
}

BOOST_AUTO_TEST_CASE(who_is_attached_goes_on_and_opens_pipes) {
    ServerSide first(name, "first", 4);
    first.start();
    delete_name();
    first.pipe().enq(1);
    ServerSide second(name, "second", 4);
    BOOST_TEST(second.start() == STARTED);
    ClientSide client(name, "first");
    BOOST_TEST(client.start() == STARTED);
    BOOST_TEST(client.pipe().deq() == 1);
    Val packet;
    BOOST_TEST(!client.pipe().dequeue(0.3, packet));
}

BOOST_AUTO_TEST_CASE(start_gives_the_name_back_and_others_find_it) {
    delete_name();
    BOOST_TEST(main->start() == STARTED);
    BOOST_TEST(main->hasName());
    BOOST_TEST(can_be_found());
    main.reset();
    BOOST_TEST(!exists());
}

BOOST_AUTO_TEST_CASE(it_can_be_lost_and_given_back_again_and_again) {
    for (int i = 0; i < 5; ++i) {
        delete_name();
        main->start();
        BOOST_TEST(can_be_found());
    }
    SHMMain second(name, megabyte);
    BOOST_CHECK_THROW(second.start(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_only_renamed_gets_its_own_name_back) {
    const pool_name elsewhere("naming_elsewhere");
    std::rename(name.path().c_str(), elsewhere.path().c_str());
    main->start();
    struct stat status {};
    lstat(name.path().c_str(), &status);
    BOOST_TEST(S_ISREG(status.st_mode));
    BOOST_TEST(can_be_found());
}

BOOST_AUTO_TEST_CASE(a_name_that_another_pool_has_is_left_to_that) {
    ServerSide old(name, "pipe", 4);
    old.start();
    delete_name();
    child other([&] {
        phases at;
        SHMMain next(name, megabyte);
        next.start();
        ServerSide server(name, "pipe", 4);
        server.start();
        server.pipe().enq("new");
        Val packet;
        server.pipe().enq("last");
        while (server.pipe().length() != 0) usleep(1000);
        return 0;
    });
    ClientSide client(name, "pipe");
    BOOST_TEST(eventually([&] { return exists(); }));
    BOOST_CHECK_THROW(main->start(), std::runtime_error);
    BOOST_TEST(!main->hasName());
    client.start();
    BOOST_TEST(client.pipe().deq() == "new");
    main.reset();
    BOOST_TEST(exists());
    BOOST_TEST(client.pipe().deq() == "last");
    BOOST_TEST(other.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_name_that_something_else_has_is_left_alone) {
    delete_name();
    std::ofstream(name.path()) << "a note";
    BOOST_CHECK_THROW(main->start(), std::runtime_error);
    main.reset();
    BOOST_TEST(exists());
}

BOOST_AUTO_TEST_CASE(what_stood_in_for_the_name_of_a_dead_pool_is_removed) {
    main.reset();
    child killed([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        unlink(name.path().c_str());
        pool.start();
        raise(SIGKILL);
        return 0;
    });
    killed.wait();
    BOOST_TEST(exists());
    main.emplace(name, megabyte);
    BOOST_TEST(main->start() == STARTED);
    BOOST_TEST(can_be_found());
}

BOOST_AUTO_TEST_CASE(a_link_of_somebody_elses_that_leads_nowhere_is_left_alone) {
    main.reset();
    BOOST_TEST(symlink("/there/is/nothing", name.path().c_str()) == 0);
    SHMMain pool(name, megabyte);
    BOOST_CHECK_THROW(pool.start(), std::runtime_error);
    BOOST_TEST(exists());
}

BOOST_AUTO_TEST_CASE(another_users_link_that_leads_nowhere_is_an_error) {
    if (geteuid() != 0) {
        BOOST_TEST_MESSAGE("needs to be root");
        return;
    }
    main.reset();
    BOOST_TEST(symlink("/proc/1073741824/fd/3", name.path().c_str()) == 0);
    child other([&] {
        if (setuid(65534) != 0) return 77;
        SHMMain pool(name, megabyte);
        try {
            pool.start();
        } catch (const std::runtime_error& e) {
            return std::string(e.what()).find("has to remove") == std::string::npos ? 1 : 0;
        }
        return 2;
    });
    BOOST_TEST(other.wait() == 0);
}

BOOST_AUTO_TEST_CASE(waits_in_a_pool_without_a_name_end_with_its_main) {
    main.reset();
    for (const bool is_killed : {true, false}) {
        phases at;
        child main_process([&] {
            SHMMain pool(name, megabyte);
            pool.start();
            at.reach(1);
            at.await(is_killed ? 9 : 2);
            return 0;
        });
        BOOST_TEST(at.is_reached(1));
        ServerSide side(name, "pipe", 4);
        side.start();
        delete_name();
        std::thread end([&] {
            usleep(50000);
            at.reach(2);
            if (is_killed) main_process.signal(SIGKILL);
        });
        BOOST_CHECK_THROW(side.pipe().deq(), PoolRetired);
        end.join();
        main_process.wait();
    }
}

// --- the role and fork -------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_child_has_the_pool_but_not_the_role) {
    child worker([&] {
        if (main->state() != STOPPED || main->hasName()) return 1;
        ServerSide side(name, "pipe", 4);
        side.start();
        side.pipe().enq(Shared(main->pool(), Tab{{"a", 1}}));
        main.reset();
        return 0;
    });
    BOOST_TEST(worker.wait() == 0);
    BOOST_TEST(main->state() == STARTED);
    BOOST_TEST(exists());
}

BOOST_AUTO_TEST_CASE(a_child_is_refused_the_role_while_its_parent_lives) {
    child worker([&] {
        try {
            main->start();
        } catch (const std::runtime_error& e) {
            return std::string(e.what()).find(std::to_string(getppid())) == std::string::npos ? 1
                                                                                              : 0;
        }
        return 2;
    });
    BOOST_TEST(worker.wait() == 0);
}

namespace {
/// As daemon(3) does: the parent exits, and a child continues.
void become_a_daemon() {
    if (fork() != 0) _exit(0);
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_daemon_takes_the_role_by_start_and_removes_the_pool_at_its_end) {
    main.reset();
    phases at;
    family starter([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        become_a_daemon();
        const bool is_right = pool.state() == STOPPED && pool.start() == STARTED &&
                              pool.state() == STARTED && pool.hasName();
        at.reach(is_right ? 1 : 8);
        at.await(2);
        return 0;
    });
    BOOST_TEST(at.is_reached(1));
    BOOST_TEST(!at.has_reached(8));
    {
        SHMMain second(name, megabyte);
        BOOST_CHECK_THROW(second.start(), std::runtime_error);
    }
    BOOST_TEST(can_be_found());
    at.reach(2);
    starter.wait();
}

BOOST_AUTO_TEST_CASE(a_daemon_that_is_not_asked_removes_the_pool_that_nobody_else_uses) {
    main.reset();
    phases at;
    family starter([&] {
        {
            SHMMain pool(name, megabyte);
            pool.start();
            become_a_daemon();
            while (getppid() != 1 && kill(getppid(), 0) == 0 && !at.has_reached(1)) usleep(1000);
        }
        at.reach(2);
        return 0;
    });
    usleep(100000);  // by then the parent has exited; otherwise this tests nothing
    at.reach(1);
    BOOST_TEST(at.is_reached(2));
    starter.wait();
    BOOST_TEST(eventually([&] { return !exists(); }));
}

BOOST_AUTO_TEST_CASE(a_worker_that_outlives_its_main_leaves_the_pool_to_others) {
    main.reset();
    phases at;
    family starter([&] {
        SHMMain pool(name, megabyte);
        pool.start();
        ServerSide side(name, "pipe", 4);
        side.start();
        side.pipe().enq(1);
        if (fork() != 0) {
            at.await(1);
            raise(SIGKILL);
        }
        at.reach(1);
        at.await(2);
        return 0;
    });
    BOOST_TEST(at.is_reached(1));
    ServerSide other(name, "pipe", 4);
    other.start();
    at.reach(2);
    starter.wait();
    BOOST_TEST(exists());
    BOOST_TEST(other.pipe().deq() == 1);
    main.emplace(name, megabyte);
    BOOST_TEST(main->start() == STARTED);
    BOOST_TEST(main->pool() == other.pool());
}

BOOST_AUTO_TEST_CASE(a_child_makes_the_next_pool_when_its_parents_has_been_retired) {
    phases at;
    child worker([&] {
        at.reach(1);
        at.await(2);
        if (main->start() != STARTED) return 1;
        return main->pool()->isPristine() ? 0 : 2;
    });
    BOOST_TEST(at.is_reached(1));
    main.reset();
    at.reach(2);
    BOOST_TEST(worker.wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
