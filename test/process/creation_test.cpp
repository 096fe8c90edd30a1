#include "support/abandoned_files.hpp"
#include "support/started_pool.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/// Creating a pool while others create theirs, and where the system has too little memory or too
/// few resources for one.

using namespace valpool;
using namespace valpool::test;

namespace {

constexpr std::size_t megabyte = 1000000;

/// A sanitizer maps terabytes for itself, disables mlockall, and checks objects by way of pipes,
/// which need descriptors.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool can_limit_all = false;
#else
constexpr bool can_limit_all = true;
#endif

std::size_t count_descriptors() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        if (!entry.path().empty()) ++count;
    return count;
}

struct fixture {
    watchdog dog{180};
    pool_name name{"creation"};

    /// Runs start() in a process in which `limit` has been called. The exit code is 0 when the
    /// message contains `expected` and nothing was left over.
    void expect_error(const std::function<void()>& limit, std::size_t bytes,
                      const std::vector<std::string>& expected) const {
        child limited([&] {
            limit();
            SHMMain main(name, bytes);
            try {
                main.start();
            } catch (const std::runtime_error& e) {
                const std::string what = e.what();
                for (const std::string& part : expected)
                    if (what.find(part) == std::string::npos) {
                        std::fprintf(stderr, "%s: has no %s\n", what.c_str(), part.c_str());
                        return 1;
                    }
                return 0;
            }
            return 2;
        });
        BOOST_TEST(limited.wait() == 0);
        BOOST_TEST(access(name.path().c_str(), F_OK) != 0);
        BOOST_TEST(eventually([] { return count_abandoned_files() == 0; }));
    }
};

void set_limit(__rlimit_resource_t resource, rlim_t most) {
    const struct rlimit limit { most, most };
    setrlimit(resource, &limit);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(creation, fixture)

BOOST_AUTO_TEST_CASE(small_pools_that_come_and_go_do_not_keep_a_large_one_from_being_made) {
    std::vector<child> others;
    for (int other = 0; other < 3; ++other)
        others.emplace_back([&, other] {
            const std::string small = name.str() + "_small_" + std::to_string(other);
            for (;;) {
                SHMMain main(small, 100000);
                main.start();
            }
            return 0;
        });
    for (int i = 0; i < 5; ++i) {
        SHMMain large(name, 100 * megabyte);
        BOOST_TEST(large.start() == STARTED);
        BOOST_TEST(large.hasName());
    }
    for (auto& other : others) other.kill_and_wait();
    for (int other = 0; other < 3; ++other)
        unlink((name.path() + "_small_" + std::to_string(other)).c_str());
}

BOOST_AUTO_TEST_CASE(many_who_want_the_same_name_get_one_pool) {
    for (int round = 0; round < 10; ++round) {
        shared<std::array<std::atomic<int>, 4>> results;
        phases at;
        std::vector<child> makers;
        for (std::size_t i = 0; i < 4; ++i)
            makers.emplace_back([&, i] {
                SHMMain main(name, megabyte);
                at.await(1);
                try {
                    main.start();
                    (*results)[i] = 1;
                    // The name leads to the child's own pool.
                    ServerSide side(name, "pipe", 1);
                    side.start();
                    if (side.pool() != main.pool()) (*results)[i] = 3;
                } catch (const std::runtime_error&) {
                    (*results)[i] = 2;
                }
                at.await(2);
                return 0;
            });
        at.reach(1);
        BOOST_TEST(eventually([&] {
            return std::none_of(results->begin(), results->end(), [](auto& r) { return r == 0; });
        }));
        BOOST_TEST(std::count(results->begin(), results->end(), 1) == 1);
        BOOST_TEST(std::count(results->begin(), results->end(), 2) == 3);
        at.reach(2);
    }
}

namespace {
/// Runs `body` as process 1 of a new pid namespace; 77 where that is not allowed.
int in_container(const std::function<int()>& body) {
    if (unshare(CLONE_NEWPID) != 0) return 77;
    const pid_t inner = fork();
    if (inner == 0) _exit(body());
    int status = 0;
    waitpid(inner, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}
}  // namespace

BOOST_AUTO_TEST_CASE(containers_with_the_same_pids_make_their_own_pools) {
    const pool_name names[] = {pool_name("creation_a"), pool_name("creation_b")};
    for (int round = 0; round < 5; ++round) {
        std::vector<child> containers;
        for (const pool_name& its : names)
            containers.emplace_back([&] {
                return in_container([&] {
                    SHMMain main(its, 100 * megabyte);
                    main.start();
                    ServerSide side(its, "pipe", 1);
                    side.start();
                    return side.pool() == main.pool() ? 0 : 3;
                });
            });
        for (auto& container : containers) {
            const int result = container.wait();
            if (result == 77) {
                BOOST_TEST_MESSAGE("needs the right to make namespaces");
                return;
            }
            BOOST_TEST(result == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_a_killed_creator_leaves_goes_with_the_next_creation) {
    for (int round = 0; round < 10; ++round) {
        child creator([&] {
            for (;;) {
                SHMMain main(name, 20 * megabyte);
                main.start();
            }
            return 0;
        });
        usleep(3000 + 1000 * static_cast<unsigned>(round));
        creator.kill_and_wait();
    }
    SHMMain main(name, megabyte);
    BOOST_TEST(main.start() == STARTED);
    BOOST_TEST(count_abandoned_files() == 0u);
}

BOOST_AUTO_TEST_CASE(a_temporary_file_that_is_being_filled_is_left_alone) {
    // Its creator is still at work: it holds the lock of its number in the directory.
    const std::string path = "/dev/shm/.valpool-making.0000000000001234";
    const int file = open(path.c_str(), O_CREAT | O_RDWR, 0600);
    const int directory = open("/dev/shm", O_RDONLY | O_DIRECTORY);
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x1234;
    lock.l_len = 1;
    BOOST_TEST(fcntl(directory, F_OFD_SETLK, &lock) == 0);
    const auto make_another = [&] { SHMMain(name, megabyte).start(); };
    make_another();
    BOOST_TEST(access(path.c_str(), F_OK) == 0);
    close(directory);  // as if the creator had died
    make_another();
    BOOST_TEST(access(path.c_str(), F_OK) != 0);
    close(file);
    unlink(path.c_str());
}

namespace {
/// Forks children that live on, again and again, as other threads of a program may do.
class forking_thread {
public:
    forking_thread() {
        thread_ = std::thread([this] {
            while (!stop_) {
                children_.emplace_back([] {
                    for (;;) pause();
                    return 0;
                });
                if (children_.size() > 20) children_.erase(children_.begin());
            }
        });
    }
    ~forking_thread() {
        stop_ = true;
        thread_.join();
    }
    forking_thread(const forking_thread&) = delete;
    forking_thread& operator=(const forking_thread&) = delete;

private:
    std::atomic<bool> stop_{false};
    std::vector<child> children_;
    std::thread thread_;
};
}  // namespace

BOOST_AUTO_TEST_CASE(children_that_are_forked_meanwhile_hold_nothing_up) {
    for (int round = 0; round < 10; ++round) {
        child program([&] {
            const forking_thread forks;
            for (int i = 0; i < 20; ++i) {
                SHMMain main(name, megabyte);
                main.keep(i % 2 == 0);
                main.start();
                ServerSide side(name, "pipe", 1);
                side.start();
            }
            return 0;
        });
        BOOST_TEST(program.wait() == 0);
        // A child that outlives them would inherit the roles, and dead processes would seem alive.
        SHMMain next(name, megabyte);
        BOOST_TEST(next.start() == STARTED);
    }
    BOOST_TEST(eventually([] { return count_abandoned_files() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_dead_pools_memory_is_there_for_the_next_one) {
    // A private /dev/shm, with room for one of the two pools.
    child alone([&] {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64m") != 0)
            return 77;
        child killed([&] {
            SHMMain main(name, 40 * megabyte);
            main.start();
            raise(SIGKILL);
            return 0;
        });
        killed.wait();
        SHMMain next(name, 40 * megabyte);
        return next.start() == STARTED ? 0 : 1;
    });
    const int result = alone.wait();
    if (result == 77) BOOST_TEST_MESSAGE("needs the right to make namespaces");
    BOOST_TEST((result == 0 || result == 77));
}

// --- limits ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_limit_of_file_sizes_is_an_error_not_a_signal) {
    expect_error([] { set_limit(RLIMIT_FSIZE, megabyte); }, 10 * megabyte,
                 {name.str(), "ulimit -f", "1000000"});
}

BOOST_AUTO_TEST_CASE(a_limit_of_addresses_is_an_error) {
    if (!can_limit_all) return;
    expect_error([] { set_limit(RLIMIT_AS, 2000 * megabyte); }, 3000 * megabyte,
                 {name.str(), "ulimit -v", "2000000000"});
}

BOOST_AUTO_TEST_CASE(a_limit_of_locked_memory_is_an_error_for_who_makes_and_who_attaches) {
    if (!can_limit_all) return;
    const auto lock_all = [] {
        set_limit(RLIMIT_MEMLOCK, 5 * megabyte);
        // Root may lock as much as it likes.
        if (geteuid() == 0 && setuid(65534) != 0) _exit(77);
        mlockall(MCL_FUTURE);
    };
    expect_error(lock_all, 40 * megabyte, {name.str(), "ulimit -l", "5000000"});
    phases at;
    child maker([&] {
        SHMMain main(name, 40 * megabyte);
        main.start();
        chmod(name.path().c_str(), 0666);
        at.reach(1);
        at.await(2);
        return 0;
    });
    BOOST_TEST(at.is_reached(1));
    child client([&] {
        lock_all();
        ServerSide side(name, "pipe", 1);
        try {
            side.start();
        } catch (const std::runtime_error& e) {
            return std::string(e.what()).find("ulimit -l") != std::string::npos ? 0 : 1;
        }
        return 2;
    });
    BOOST_TEST(client.wait() == 0);
    at.reach(2);
}

BOOST_AUTO_TEST_CASE(with_no_descriptor_left_there_is_an_error_and_the_end_is_in_order) {
    if (!can_limit_all) return;
    const auto use_all = [] {
        set_limit(RLIMIT_NOFILE, 64);
        while (open("/dev/null", O_RDONLY) >= 0) {
        }
    };
    expect_error(use_all, megabyte, {name.str(), "ulimit -n", "64"});
    child full([&] {
        SHMMain main(name, megabyte);
        main.start();
        use_all();
        return 0;
    });
    BOOST_TEST(full.wait() == 0);
    child attached([&] {
        {
            SHMMain main(name, megabyte);
            main.start();
            use_all();
        }
        return access(name.path().c_str(), F_OK) == 0 ? 1 : 0;
    });
    BOOST_TEST(attached.wait() == 0);
}

namespace {
/// A control group with little memory; empty where this process may not create one.
class small_group {
public:
    explicit small_group(const std::string& name) {
        for (const auto& [root, limit] :
             {std::pair{"/sys/fs/cgroup/memory/", "/memory.limit_in_bytes"},
              std::pair{"/sys/fs/cgroup/", "/memory.max"}}) {
            const std::string path = root + name;
            if (access(root, W_OK) != 0 || mkdir(path.c_str(), 0700) != 0) continue;
            path_ = path;
            if (write(limit, "50000000")) return;
            rmdir(std::exchange(path_, {}).c_str());
        }
    }
    ~small_group() {
        if (!path_.empty()) rmdir(path_.c_str());
    }
    small_group(const small_group&) = delete;
    small_group& operator=(const small_group&) = delete;

    explicit operator bool() const noexcept { return !path_.empty(); }
    bool enter() const { return write("/cgroup.procs", "0"); }

private:
    bool write(const char* file, const char* text) const {
        std::ofstream out(path_ + file);
        out << text << std::flush;
        return out.good();
    }
    std::string path_;
};
}  // namespace

BOOST_AUTO_TEST_CASE(more_than_its_control_group_may_have_is_an_error_not_a_kill) {
    const small_group group(name.str());
    if (!group) {
        BOOST_TEST_MESSAGE("needs the right to make control groups");
        return;
    }
    expect_error(
        [&] {
            if (!group.enter()) _exit(77);
        },
        100 * megabyte, {name.str(), "are available"});
    child enough([&] {
        if (!group.enter()) return 77;
        SHMMain main(name, 10 * megabyte);
        return main.start() == STARTED ? 0 : 1;
    });
    BOOST_TEST(enough.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_size_below_zero_is_shown_as_that) {
    try {
        SHMMain main(name, static_cast<std::size_t>(-5));
        BOOST_ERROR("nothing was thrown");
    } catch (const std::logic_error& e) {
        BOOST_TEST(std::string(e.what()).find("-5 bytes") != std::string::npos, e.what());
    }
}

BOOST_AUTO_TEST_CASE(errors_have_the_pools_name_not_the_temporary_files) {
    expect_error([] {}, std::size_t{1} << 44, {"memory pool \"" + name.str() + "\"", "are available"});
    SHMMain main(name, megabyte);
    main.start();
    std::vector<Val> filling;
    try {
        for (;;) filling.push_back(Shared(main.pool(), Tab{{"a", std::string(1000, 'x')}}));
    } catch (const PoolExhausted& e) {
        BOOST_TEST(std::string(e.what()).find(name.str()) != std::string::npos, e.what());
    }
}

BOOST_AUTO_TEST_CASE(a_refused_start_leaves_no_descriptor) {
    const std::size_t before = count_descriptors();
    for (int i = 0; i < 10; ++i)
        BOOST_CHECK_THROW(SHMMain(name, std::size_t{1} << 44).start(), std::runtime_error);
    SHMMain main(name, megabyte);
    main.start();
    const std::size_t with_pool = count_descriptors();
    for (int i = 0; i < 10; ++i)
        BOOST_CHECK_THROW(SHMMain(name, megabyte).start(), std::runtime_error);
    BOOST_TEST(count_descriptors() == with_pool);
    BOOST_TEST(before <= with_pool);
}

BOOST_AUTO_TEST_CASE(another_users_dead_pool_is_an_error_that_says_who_can_remove_it) {
    if (geteuid() != 0) {
        BOOST_TEST_MESSAGE("needs to be root");
        return;
    }
    const auto be = [](uid_t user) {
        if (setgid(2000) != 0 || setuid(user) != 0) _exit(77);
    };
    child first([&] {
        be(1001);
        SHMMain main(name, megabyte);
        main.shareWithGroup(true);
        main.start();
        raise(SIGKILL);
        return 0;
    });
    first.wait();
    child second([&] {
        be(1002);
        SHMMain main(name, megabyte);
        try {
            main.start();
        } catch (const std::runtime_error& e) {
            return std::string(e.what()).find("has to remove " + name.path()) != std::string::npos
                       ? 0
                       : 1;
        }
        return 2;
    });
    BOOST_TEST(second.wait() == 0);
}

BOOST_AUTO_TEST_CASE(a_second_copy_of_the_library_in_a_process_is_refused) {
    // As far as this copy of the library can tell, the file is mapped, but not by this copy.
    phases at;
    child other([&] {
        SHMMain main(name, megabyte);
        main.start();
        at.reach(1);
        at.await(2);
        return 0;
    });
    BOOST_TEST(at.is_reached(1));
    const int fd = open(name.path().c_str(), O_RDWR);
    void* const theirs = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ServerSide side(name, "pipe", 1);
    try {
        side.start();
        BOOST_ERROR("nothing was thrown");
    } catch (const std::runtime_error& e) {
        BOOST_TEST(std::string(e.what()).find("another copy") != std::string::npos, e.what());
    }
    munmap(theirs, 4096);
    BOOST_TEST(side.start() == STARTED);
    close(fd);
    at.reach(2);
}

BOOST_AUTO_TEST_CASE(a_core_dump_has_no_pool_in_it_unless_asked) {
    const auto dumps = [&](bool on) {
        SHMMain main(name, megabyte);
        main.coreDumps(on);
        main.start();
        // The flags of the pool's mapping: "dd" means that it is not dumped.
        std::FILE* const maps = std::fopen("/proc/self/smaps", "r");
        char line[512];
        bool is_pools = false;
        bool is_left_out = false;
        const auto wanted = reinterpret_cast<std::uintptr_t>(main.pool());
        while (std::fgets(line, sizeof line, maps)) {
            unsigned long first = 0;
            unsigned long end = 0;
            if (std::sscanf(line, "%lx-%lx ", &first, &end) == 2)
                is_pools = wanted >= first && wanted < end;
            if (is_pools && std::string(line).rfind("VmFlags:", 0) == 0)
                is_left_out = std::string(line).find(" dd") != std::string::npos;
        }
        std::fclose(maps);
        return !is_left_out;
    };
    BOOST_TEST(!dumps(false));
    BOOST_TEST(dumps(true));
}

BOOST_AUTO_TEST_SUITE_END()
