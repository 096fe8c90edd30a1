#include "support/abandoned_files.hpp"
#include "support/child.hpp"

#include <valpool/valpool.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/// Every system call that is made when a pool is created, opened, kept, taken over and removed
/// fails once, with every error that its manual page lists. This program defines functions with the
/// names of the system's, so the library's calls arrive here.

using namespace valpool;
using namespace valpool::test;

namespace {

/// The state of this process; off except during a trial.
struct refusal {
    bool is_on = false;
    // The call that fails is the n-th of that name. Its position among all calls would depend on
    // what other processes leave in the directory meanwhile.
    std::string name = {};
    long countdown = 0;
    int error = 0;
    std::vector<std::string>* names = nullptr;  // names of the calls that were made

    /// Whether this call fails.
    bool falls_on(const char* call) noexcept {
        if (!is_on) return false;
        if (names) names->emplace_back(call);
        if (name != call || --countdown != 0) return false;
        errno = error;
        return true;
    }
};
refusal calls;

template <class Function>
Function* real(const char* name) noexcept {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// NOLINTBEGIN: these are the declarations of the system.
extern "C" {

int open(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (calls.falls_on("open")) return -1;
    static auto* const next = real<int(const char*, int, ...)>("open");
    return next(path, flags, mode);
}
int shm_open(const char* name, int flags, mode_t mode) {
    if (calls.falls_on("shm_open")) return -1;
    static auto* const next = real<int(const char*, int, mode_t)>("shm_open");
    return next(name, flags, mode);
}
int fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    if (calls.falls_on("fcntl")) return -1;
    static auto* const next = real<int(int, int, ...)>("fcntl");
    return next(fd, command, argument);
}
int close(int fd) {
    static auto* const next = real<int(int)>("close");
    const int result = next(fd);  // closed in any case
    return calls.falls_on("close") ? -1 : result;
}
int fstat(int fd, struct stat* status) noexcept {
    if (calls.falls_on("fstat")) return -1;
    static auto* const next = real<int(int, struct stat*)>("fstat");
    return next(fd, status);
}
int stat(const char* path, struct stat* status) noexcept {
    if (calls.falls_on("stat")) return -1;
    static auto* const next = real<int(const char*, struct stat*)>("stat");
    return next(path, status);
}
int lstat(const char* path, struct stat* status) noexcept {
    if (calls.falls_on("lstat")) return -1;
    static auto* const next = real<int(const char*, struct stat*)>("lstat");
    return next(path, status);
}
int statvfs(const char* path, struct statvfs* status) noexcept {
    if (calls.falls_on("statvfs")) return -1;
    static auto* const next = real<int(const char*, struct statvfs*)>("statvfs");
    return next(path, status);
}
int fchmod(int fd, mode_t mode) noexcept {
    if (calls.falls_on("fchmod")) return -1;
    static auto* const next = real<int(int, mode_t)>("fchmod");
    return next(fd, mode);
}
int posix_fallocate(int fd, off_t offset, off_t length) {
    if (calls.falls_on("posix_fallocate")) return calls.error;
    static auto* const next = real<int(int, off_t, off_t)>("posix_fallocate");
    return next(fd, offset, length);
}
int ftruncate(int fd, off_t length) noexcept {
    if (calls.falls_on("ftruncate")) return -1;
    static auto* const next = real<int(int, off_t)>("ftruncate");
    return next(fd, length);
}
void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t at) noexcept {
    if (fd >= 0 && calls.falls_on("mmap")) return MAP_FAILED;
    static auto* const next = real<void*(void*, size_t, int, int, int, off_t)>("mmap");
    return next(address, length, protection, flags, fd, at);
}
int madvise(void* address, size_t length, int advice) noexcept {
    if (calls.falls_on("madvise")) return -1;
    static auto* const next = real<int(void*, size_t, int)>("madvise");
    return next(address, length, advice);
}
int linkat(int from, const char* old_path, int to, const char* new_path, int flags) noexcept {
    if (calls.falls_on("linkat")) return -1;
    static auto* const next = real<int(int, const char*, int, const char*, int)>("linkat");
    return next(from, old_path, to, new_path, flags);
}
int symlink(const char* target, const char* path) noexcept {
    if (calls.falls_on("symlink")) return -1;
    static auto* const next = real<int(const char*, const char*)>("symlink");
    return next(target, path);
}
ssize_t readlink(const char* path, char* target, size_t size) noexcept {
    if (calls.falls_on("readlink")) return -1;
    static auto* const next = real<ssize_t(const char*, char*, size_t)>("readlink");
    return next(path, target, size);
}
int unlink(const char* path) noexcept {
    if (calls.falls_on("unlink")) return -1;
    static auto* const next = real<int(const char*)>("unlink");
    return next(path);
}
int unlinkat(int fd, const char* path, int flags) noexcept {
    if (calls.falls_on("unlinkat")) return -1;
    static auto* const next = real<int(int, const char*, int)>("unlinkat");
    return next(fd, path, flags);
}
DIR* fdopendir(int fd) {
    if (calls.falls_on("fdopendir")) return nullptr;
    static auto* const next = real<DIR*(int)>("fdopendir");
    return next(fd);
}
FILE* fopen(const char* path, const char* mode) {
    if (calls.falls_on("fopen")) return nullptr;
    static auto* const next = real<FILE*(const char*, const char*)>("fopen");
    return next(path, mode);
}
long syscall(long number, ...) noexcept {
    va_list rest;
    va_start(rest, number);
    long argument[6];
    for (long& a : argument) a = va_arg(rest, long);
    va_end(rest);
    if (calls.falls_on("syscall")) return -1;
    static auto* const next = real<long(long, ...)>("syscall");
    return next(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                argument[5]);
}

}  // extern "C"
// NOLINTEND

namespace {

/// The errors that each manual page lists, as far as they can occur here.
const std::map<std::string, std::vector<int>>& errors_of_calls() {
    static const std::map<std::string, std::vector<int>> errors{
        {"open", {EACCES, EINTR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, EPERM, EROFS}},
        {"shm_open", {EACCES, EEXIST, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC}},
        {"fcntl", {EACCES, EAGAIN, EBADF, EINTR, EINVAL, ENOLCK, EPERM}},
        {"close", {EBADF, EINTR, EIO}},
        {"fstat", {ENOMEM, EOVERFLOW}},  // not EBADF: that says that the descriptor was closed
        {"stat", {EACCES, ELOOP, ENOENT, ENOMEM}},
        {"lstat", {EACCES, ENOENT, ENOMEM}},
        {"statvfs", {EACCES, EINTR, EIO, ENOMEM, ENOSYS}},
        {"fchmod", {EIO, EPERM, EROFS}},
        {"posix_fallocate", {EFBIG, EINTR, ENODEV, ENOSPC, EOPNOTSUPP}},
        {"ftruncate", {EFBIG, EINTR, EINVAL, EIO, EPERM}},
        {"mmap", {EACCES, EAGAIN, ENFILE, ENODEV, ENOMEM, EPERM}},
        {"madvise", {EAGAIN, EINVAL, EIO, ENOMEM, EPERM}},
        {"linkat", {EACCES, EEXIST, EIO, EMLINK, ENOENT, ENOMEM, ENOSPC, EPERM, EROFS}},
        {"symlink", {EACCES, EEXIST, EIO, ENOMEM, ENOSPC, EPERM}},
        {"readlink", {EACCES, EIO, ENOENT, ENOMEM}},
        {"unlink", {EACCES, EBUSY, EIO, ENOENT, EPERM, EROFS}},
        {"unlinkat", {EACCES, EIO, ENOENT, EPERM}},
        {"fdopendir", {EBADF, ENOMEM}},
        {"fopen", {EMFILE, ENOENT, ENOMEM}},
        {"syscall", {EINVAL, ENOSYS, EPERM}},
    };
    return errors;
}

constexpr std::size_t pool_bytes = 200000;

std::size_t count_of(const char* directory, const std::string& part) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        if (entry.path().string().find(part) != std::string::npos) ++count;
    return count;
}
std::size_t count_mappings(const std::string& part) {
    std::ifstream maps("/proc/self/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);)
        if (line.find(part) != std::string::npos) ++count;
    return count;
}

/// A break checker that gives up instead of waiting for ever.
bool stop_soon() {
    static int looks = 0;
    return ++looks > 20;
}

/// A use of a pool, within one process, that leaves nothing behind.
struct scenario {
    const char* name;
    std::function<void(const std::string& pool)> prepare;
    std::function<void(const std::string& pool)> act;
};

void make_and_remove(const std::string& pool) {
    SHMMain main(pool, pool_bytes, false, nullptr, stop_soon, 1000);
    main.start();
}
void attach_and_leave(const std::string& pool) {
    ServerSide side(pool, "pipe", 2, false, nullptr, stop_soon, 1000);
    if (side.start() != STARTED) return;
    side.pipe().enq(Tab{{"a", 1}});
    side.pipe().deq();
}
void keep(const std::string& pool) {
    SHMMain main(pool, pool_bytes, false, nullptr, stop_soon, 1000);
    main.keep(true);
    main.start();
}
void lose_and_restore_name(const std::string& pool) {
    SHMMain main(pool, pool_bytes, false, nullptr, stop_soon, 1000);
    if (main.start() != STARTED) return;
    std::remove(("/dev/shm/" + pool).c_str());
    main.start();
}
void take_up_for_group(const std::string& pool) {
    SHMMain main(pool, pool_bytes, false, nullptr, stop_soon, 1000);
    main.shareWithGroup(true);
    main.start();
}
void begin_anew(const std::string& pool) {
    SHMMain main(pool, pool_bytes, false, nullptr, stop_soon, 1000);
    main.beginAnew(true);
    main.start();
}
void die_at_once(const std::string& pool) {
    child killed([&] {
        SHMMain main(pool, pool_bytes);
        main.start();
        raise(SIGKILL);
        return 0;
    });
    killed.wait();
}
void nothing(const std::string&) {}

const scenario scenarios[] = {
    {"making and removing", nothing, make_and_remove},
    {"making beside what a dead run left", die_at_once, make_and_remove},
    {"keeping", nothing, keep},
    {"taking up what was kept", keep, make_and_remove},
    {"taking up with other rights", keep, take_up_for_group},
    {"beginning anew", keep, begin_anew},
    {"attaching to what was kept", keep, attach_and_leave},
    {"giving a name back", nothing, lose_and_restore_name},
};

/// What was wrong after a failed call; empty: nothing.
std::string wrong_after(const scenario& what, const std::string& pool, const std::string& call,
                        long nth, int error) {
    what.prepare(pool);
    const std::size_t descriptors = count_of("/proc/self/fd", "");
    std::string message;
    calls = {true, call, nth, error, nullptr};
    try {
        what.act(pool);
    } catch (const std::exception& e) {
        message = e.what();
    }
    calls.is_on = false;
    if (!message.empty() && message.find(pool) == std::string::npos)
        return "does not name the pool: " + message;
    if (count_of("/proc/self/fd", "") != descriptors) return "a descriptor is left; " + message;
    if (count_mappings(pool) + count_mappings("valpool-making") != 0)
        return "a mapping is left; " + message;
    // The failed call may be the unlink of the temporary file. Then the next creation removes it.
    if (call != "unlink" && count_abandoned_files() != 0)
        return "a temporary file is left; " + message;
    try {
        SHMMain main(pool, pool_bytes, false, nullptr, stop_soon, 1000);
        main.start();
        attach_and_leave(pool);
    } catch (const std::exception& e) {
        return std::string("the next try fails: ") + e.what() + "; before: " + message;
    }
    if (count_of("/dev/shm", pool) != 0) return "a file is left after the next try; " + message;
    if (count_abandoned_files() != 0)
        return "a temporary file is left after the next try; " + message;
    return {};
}

/// Passes packets all the time, and must not notice anything.
struct other_user {
    shared<std::atomic<bool>> stop;
    shared<std::atomic<long>> passed;
    pool_name name{"refused_other"};
    child process{[this] {
        SHMMain main(name, pool_bytes);
        main.start();
        ServerSide side(name, "pipe", 2);
        side.start();
        for (; !*stop; ++*passed) {
            side.pipe().enq(Tab{{"i", passed->load()}});
            if (side.pipe().deq()("i") != passed->load()) return 1;
            usleep(1000);
        }
        return 0;
    }};
};

struct result_text {
    char text[1000];
};

}  // namespace

BOOST_AUTO_TEST_SUITE(refused_calls)

BOOST_AUTO_TEST_CASE(each_is_an_error_that_leaves_nothing_and_the_next_try_works) {
    const watchdog dog(600);
    other_user other;
    std::size_t trials = 0;
    for (const scenario& what : scenarios) {
        const pool_name pool("refused");
        std::vector<std::string> names;
        what.prepare(pool);
        calls = {true, {}, 0, 0, &names};
        what.act(pool);
        calls = {};
        std::remove(pool.path().c_str());
        BOOST_TEST(names.size() > 10u);
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto errors = errors_of_calls().find(names[i]);
            BOOST_TEST_REQUIRE((errors != errors_of_calls().end()), names[i]);
            const auto nth =
                std::count(names.begin(), names.begin() + static_cast<long>(i) + 1, names[i]);
            for (const int error : errors->second) {
                shared<result_text> result;
                child trial([&] {
                    const std::string wrong = wrong_after(what, pool, names[i], nth, error);
                    std::strncpy(result->text, wrong.c_str(), sizeof result->text - 1);
                    return 0;
                });
                const int code = trial.wait();
                BOOST_TEST((code == 0 && result->text[0] == 0),
                           what.name << ", call " << i << ", " << names[i] << " refused with "
                                     << std::strerror(error) << ": ended with " << code << ", "
                                     << result->text);
                std::remove(pool.path().c_str());
                ++trials;
            }
        }
    }
    BOOST_TEST_MESSAGE(trials << " trials");
    BOOST_TEST(trials > 500u);
    const long before = *other.passed;
    BOOST_TEST(eventually([&] { return *other.passed > before; }));
    *other.stop = true;
    BOOST_TEST(other.process.wait() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
