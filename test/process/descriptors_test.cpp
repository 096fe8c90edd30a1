#include "support/started_pool.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Programs close descriptors that they do not own, open other files under the same numbers, and
/// run out of descriptors. A process in the pool must not depend on any of them to be known as
/// alive.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr int first_foreign = 3;

/// Closes all descriptors, as daemons and launchers do. (Old kernels have no close_range.)
void close_all_descriptors() {
    for (int fd = first_foreign; fd < 1024; ++fd) close(fd);
}

/// Files of the program, under all the numbers that the pool's files may have had.
class foreign_files {
public:
    foreign_files() {
        char path[] = "/tmp/valpool_foreign_XXXXXX";
        const int temporary = mkstemp(path);
        unlink(path);
        const int null = open("/dev/null", O_RDWR);
        // Both kinds of file under the old numbers: a file that supports locks, and one that does
        // not.
        for (int i = 0; i < 20; ++i) open_.push_back(of(fcntl(temporary, F_DUPFD, first_foreign)));
        for (int i = 0; i < 20; ++i) open_.push_back(of(fcntl(null, F_DUPFD, first_foreign)));
        open_.push_back(of(temporary));
        open_.push_back(of(null));
    }
    bool are_untouched() const {
        return std::all_of(open_.begin(), open_.end(), [](const file& f) {
            const file now = of(f.fd);
            return fcntl(f.fd, F_GETFD) >= 0 && now.device == f.device && now.inode == f.inode;
        });
    }

private:
    struct file {
        int fd;
        dev_t device;
        ino_t inode;
    };
    static file of(int fd) {
        struct stat status {};
        if (fstat(fd, &status) != 0) return {fd, 0, 0};
        return {fd, status.st_dev, status.st_ino};
    }
    std::vector<file> open_;
};

void use_up_all_descriptors() {
    const rlimit few{64, 64};
    setrlimit(RLIMIT_NOFILE, &few);
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
}

bool is_living(const StreamingPool* pool, pid_t pid) {
    const auto living = check(pool).living_processes;
    return std::find(living.begin(), living.end(), pid) != living.end();
}

/// A pool with two pipes, and a process that attached to it by name and closes all its descriptors.
struct fixture {
    const watchdog dog{60};
    const phases now;
    std::optional<started_pool> p;
    std::optional<ServerSide> to;
    std::optional<ServerSide> from;

    /// When this returns, the process is attached, has taken a packet, and keeps it.
    template <class Body>
    child start_careless(const Body& body) {
        // Forked before the pool exists, so it opens its own descriptors.
        const phases named;
        shared<char[64]> name;
        child careless([&] {
            named.await(1);
            auto client = std::make_unique<ClientSide>(*name, "to");
            client->start();
            ServerSide server(*name, "from", 4);
            server.start();
            const Val mine = client->pipe().deq();
            close_all_descriptors();
            now.reach(1);
            return body(client, server, mine);
        });
        p.emplace("careless");
        p->name.str().copy(*name, sizeof *name - 1);
        to.emplace(p->name, "to", 4);
        to->start();
        from.emplace(p->name, "from", 4);
        from->start();
        to->pipe().enq(Tab{{"text", "the other's own"}});
        named.reach(1);
        BOOST_REQUIRE(now.is_reached(1));
        return careless;
    }
    /// Looks for dead processes, then takes memory that would include a living process's memory if
    /// that had been freed.
    void look_and_use_memory() const {
        ServerSide looks(p->name, "looks", 1);
        looks.start();
        Val nothing;
        looks.pipe().dequeue(0.25, nothing);
        p->put_under_pressure();
        looks.pipe().dequeue(0.12, nothing);
        p->expect_sound();
    }
    void expect_all_back() {
        to.reset();
        from.reset();
        p->expect_pristine();
    }
};

using client_ptr = std::unique_ptr<ClientSide>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(closed_descriptors, fixture)

BOOST_AUTO_TEST_CASE(a_process_without_descriptors_counts_as_alive_and_keeps_what_it_has) {
    child careless = start_careless([&](client_ptr& client, ServerSide& server, const Val& mine) {
        now.await(2);
        if (mine("text") != "the other's own") return 1;
        for (int i = 0; i < 100; ++i) server.pipe().enq(client->pipe().deq());
        return 0;
    });
    look_and_use_memory();
    BOOST_TEST(is_living(p->pool(), careless.pid()));
    now.reach(2);
    for (int i = 0; i < 100; ++i) {
        to->pipe().enq(p->share(i));
        BOOST_REQUIRE(from->pipe().deq()("i") == i);
    }
    BOOST_TEST(careless.wait() == 0);
    expect_all_back();
}

BOOST_AUTO_TEST_CASE(one_notices_the_deaths_of_others) {
    child careless = start_careless([&](client_ptr& client, ServerSide&, const Val&) {
        now.await(2);
        const auto are_dead = [&] { return !check(client->pool()).dead_processes.empty(); };
        // No other thread looks for dead processes meanwhile.
        if (!eventually([&] { return client->pool()->usedBytes() > 0 && !are_dead(); })) return 1;
        return check(client->pool()).is_sound() ? 0 : 2;
    });
    child victim([&] {
        std::vector<Val> mine;
        for (int i = 0; i < 100; ++i) mine.push_back(p->share(i));
        raise(SIGKILL);
        return 0;
    });
    BOOST_TEST(victim.wait() == -SIGKILL);
    BOOST_TEST(check(p->pool()).dead_processes.size() == 1u);
    now.reach(2);
    BOOST_TEST(careless.wait() == 0);
    expect_all_back();
}

BOOST_AUTO_TEST_CASE(one_that_is_killed_gives_everything_back) {
    child careless = start_careless([&](client_ptr&, ServerSide& server, const Val& mine) {
        std::vector<Val> more(3, mine);
        for (const Val& v : more) server.pipe().enq(v);
        for (int i = 0; i < 300; ++i) more.push_back(Shared(server.pool(), Tab{{"i", i}}));
        now.reach(2);
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(now.is_reached(2));
    look_and_use_memory();
    careless.kill_and_wait();
    for (int i = 0; i < 3; ++i) BOOST_TEST(from->pipe().deq()("text") == "the other's own");
    expect_all_back();
}

BOOST_AUTO_TEST_CASE(other_files_under_its_numbers_deceive_nobody_and_stay_open) {
    child careless = start_careless([&](client_ptr& client, ServerSide& server, const Val& mine) {
        const foreign_files files;
        now.reach(2);
        now.await(3);
        // It looks by itself, and must not find any process dead.
        for (int i = 0; i < 50; ++i) {
            Val nothing;
            client->pipe().dequeue(0.01, nothing);
            if (!check(client->pool()).dead_processes.empty()) return 1;
        }
        if (mine("text") != "the other's own") return 2;
        server.pipe().enq(mine);
        client.reset();
        return files.are_untouched() ? 0 : 3;
    });
    child bystander([&] {
        const Val own = p->share(7);
        now.reach(2);
        now.await(4);
        return own("i") == 7 && p->share(8)("i") == 8 ? 0 : 1;
    });
    BOOST_REQUIRE(now.is_reached(2));
    now.reach(3);
    BOOST_TEST(careless.wait() == 0);
    look_and_use_memory();
    now.reach(4);
    BOOST_TEST(bystander.wait() == 0);
    Val taken;
    while (from->pipe().try_dequeue(taken)) taken.reset();
    expect_all_back();
}

BOOST_AUTO_TEST_CASE(its_files_stay_open_when_it_detaches) {
    const pool_name name("detaches");
    const phases made;
    child careless([&] {
        made.await(1);
        auto client = std::make_unique<ClientSide>(name, "pipe");
        client->start();
        client->pipe().enq(Tab{{"i", 7}});
        close_all_descriptors();
        const foreign_files files;
        client.reset();  // this process holds nothing else of the pool
        return files.are_untouched() ? 0 : 1;
    });
    SHMMain main(name, 1000000);
    main.start();
    ServerSide server(name, "pipe", 4);
    server.start();
    made.reach(1);
    BOOST_TEST(careless.wait() == 0);
    BOOST_TEST(check(main.pool()).living_processes.size() == 1u);
    BOOST_TEST(check(main.pool()).dead_processes.empty());
    BOOST_TEST(server.pipe().deq()("i") == 7);
    BOOST_TEST(main.pool()->isPristine());
}

BOOST_AUTO_TEST_CASE(children_of_one_use_the_pool_as_those_of_others) {
    child careless = start_careless([&](client_ptr& client, ServerSide& server, const Val& mine) {
        const foreign_files files;
        child grandchild([&] {
            if (mine("text") != "the other's own") return 1;
            server.pipe().enq(Shared(client->pool(), Tab{{"i", 7}}));
            return mine("text") == "the other's own" && files.are_untouched() ? 0 : 2;
        });
        const int end = grandchild.wait();
        return files.are_untouched() ? end : 3;
    });
    BOOST_TEST(from->pipe().deq()("i") == 7);
    BOOST_TEST(careless.wait() == 0);
    expect_all_back();
}

BOOST_AUTO_TEST_CASE(one_with_the_main_keeps_that_and_removes_the_name_at_the_end) {
    const pool_name name("main");
    child owner([&] {
        auto main = std::make_unique<SHMMain>(name, 1000000);
        main->start();
        Val mine = Shared(main->pool(), Tab{{"i", 7}});
        close_all_descriptors();
        const foreign_files files;
        now.reach(1);
        now.await(2);
        if (mine("i") != 7 || Shared(main->pool(), Tab{{"i", 8}})("i") != 8) return 1;
        mine.reset();
        main.reset();
        return files.are_untouched() ? 0 : 2;
    });
    BOOST_REQUIRE(now.is_reached(1));
    {
        ServerSide server(name, "pipe", 4);
        server.start();
        SHMMain second(name, 1000000);
        BOOST_CHECK_THROW(second.start(), std::runtime_error);
        Val nothing;
        server.pipe().dequeue(0.25, nothing);
        BOOST_TEST(is_living(server.pool(), owner.pid()));
        BOOST_TEST(check(server.pool()).is_sound());
    }
    now.reach(2);
    BOOST_TEST(owner.wait() == 0);
    BOOST_TEST(access(name.path().c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(the_main_of_one_that_is_killed_can_be_taken_over) {
    const pool_name name("killed_main");
    child owner([&] {
        SHMMain main(name, 1000000);
        main.start();
        const Val mine = Shared(main.pool(), Tab{{"i", 7}});
        close_all_descriptors();
        const foreign_files files;
        now.reach(1);
        for (;;) pause();
        return 0;
    });
    BOOST_REQUIRE(now.is_reached(1));
    ServerSide server(name, "pipe", 4);
    server.start();
    owner.kill_and_wait();
    SHMMain next(name, 1000000);
    BOOST_TEST(next.start() == STARTED);
    BOOST_TEST(eventually([&] { return next.pool()->isPristine(); }));
    BOOST_TEST(check(next.pool()).is_sound());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(exhausted_descriptors)

BOOST_AUTO_TEST_CASE(a_process_that_has_none_left_can_fork_and_its_child_use_the_pool) {
    const watchdog dog(60);
    started_pool p("none_left");
    ServerSide server(p.name, "pipe", 4);
    server.start();
    child poor([&] {
        Val v = p.share(7);
        use_up_all_descriptors();
        child grandchild([&] {
            if (v("i") != 7) return 1;
            server.pipe().enq(v);
            return p.share(8)("i") == 8 ? 0 : 2;
        });
        return grandchild.wait();
    });
    BOOST_TEST(server.pipe().deq()("i") == 7);
    BOOST_TEST(poor.wait() == 0);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_child_that_comes_to_the_pool_when_none_is_left_stays_alive_for_others) {
    const watchdog dog(60);
    started_pool p("came_late");
    ServerSide server(p.name, "pipe", 4);
    server.start();
    const phases now;
    // It inherited a descriptor, but can open no further one at its first use of the pool.
    child poor([&] {
        use_up_all_descriptors();
        const Val mine = p.share(9);
        now.reach(1);
        now.await(2);
        return mine("i") == 9 ? 0 : 1;
    });
    BOOST_TEST(now.is_reached(1));
    Val nothing;
    for (int i = 0; i < 5; ++i) server.pipe().dequeue(0.2, nothing);
    BOOST_TEST(is_living(p.pool(), poor.pid()));
    p.put_under_pressure();
    now.reach(2);
    BOOST_TEST(poor.wait() == 0);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(a_second_side_needs_none) {
    const watchdog dog(60);
    started_pool p("second");
    ServerSide server(p.name, "pipe", 4);
    server.start();
    child poor([&] {
        p.share(7);
        use_up_all_descriptors();
        ClientSide client(p.name, "pipe");
        client.start();
        client.pipe().enq(p.share(8));
        return 0;
    });
    BOOST_TEST(server.pipe().deq()("i") == 8);
    BOOST_TEST(poor.wait() == 0);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(the_main_removes_its_name_without_one) {
    const watchdog dog(60);
    const pool_name name("name");
    child owner([&] {
        SHMMain main(name, 1000000);
        main.start();
        use_up_all_descriptors();
        return 0;
    });
    BOOST_TEST(owner.wait() == 0);
    BOOST_TEST(access(name.path().c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(one_that_has_closed_the_pools_and_finds_no_other_takes_nobody_for_dead) {
    const watchdog dog(60);
    started_pool p("blind");
    ServerSide server(p.name, "pipe", 4);
    server.start();
    const phases now;
    child bystander([&] {
        const Val own = p.share(7);
        now.reach(1);
        now.await(2);
        return own("i") == 7 && p.share(8)("i") == 8 ? 0 : 1;
    });
    BOOST_REQUIRE(now.is_reached(1));
    child poor([&] {
        const Val mine = p.share(9);
        close_all_descriptors();
        use_up_all_descriptors();
        Val nothing;
        server.pipe().dequeue(0.3, nothing);
        for (int i = 0; i < 1000; ++i) p.share(i);
        return mine("i") == 9 && check(p.pool()).dead_processes.empty() ? 0 : 1;
    });
    BOOST_TEST(poor.wait() == 0);
    p.put_under_pressure();
    now.reach(2);
    BOOST_TEST(bystander.wait() == 0);
    p.expect_pristine();
}

BOOST_AUTO_TEST_CASE(what_a_program_without_standard_streams_prints_does_not_go_into_a_pool) {
    const watchdog dog(60);
    started_pool p("streams");
    const pool_name own("own");
    child careless([&] {
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
        ServerSide side(p.name, "pipe", 4);
        side.start();
        SHMMain main(own, 1000000);
        main.start();
        const std::string complaint(10000, 'x');
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            static_cast<void>(!write(fd, complaint.data(), complaint.size()));
        // Each reads the file's beginning, and its checksum.
        return Monitor(own).pool().has_main && Monitor(p.name).pool().has_main ? 0 : 1;
    });
    BOOST_TEST(careless.wait() == 0);
    BOOST_TEST(Monitor(p.name).pool().has_main);
    p.expect_pristine();
}

BOOST_AUTO_TEST_SUITE_END()
