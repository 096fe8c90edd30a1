#include "machine.hpp"

#include "terminal.hpp"
#include "words.hpp"

#include <valpool/monitor.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

#include <cpuid.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace tool {
namespace {

constexpr char directory[] = "/dev/shm";

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// --- /dev/shm ----------------------------------------------------------------------------------

machine_check check_directory() {
    struct statfs its {};
    if (statfs(directory, &its) != 0)
        return {"dev_shm", verdict::bad,
                std::string(directory) + " cannot be used: " + std::strerror(errno),
                "mount -t tmpfs -o size=50%,mode=1777 tmpfs /dev/shm"};
    if (access(directory, W_OK | X_OK) != 0)
        return {"dev_shm", verdict::bad,
                "this user may not make files in " + std::string(directory) + ": no pools either",
                "chmod 1777 /dev/shm, as root"};
    if (its.f_type != TMPFS_MAGIC)
        return {"dev_shm", verdict::note,
                std::string(directory) + " is no tmpfs: pools there may be written to a disk",
                "mount -t tmpfs -o size=50%,mode=1777 tmpfs /dev/shm"};
    return {"dev_shm", verdict::good, "/dev/shm is a tmpfs, and this user may make pools there",
            ""};
}

machine_check check_room() {
    struct statfs its {};
    if (statfs(directory, &its) != 0) return {"room", verdict::bad, "/dev/shm has no size", ""};
    const auto block = static_cast<double>(its.f_bsize);
    const double total = block * static_cast<double>(its.f_blocks);
    const double free = block * static_cast<double>(its.f_bavail);
    const std::string text =
        bytes_text(free) + " of " + bytes_text(total) + " are free in /dev/shm for pools";
    constexpr double little = 0.1;
    if (total <= 64.0 * 1024 * 1024)  // what containers get
        return {"room", verdict::note, text + ": that is what containers get by default",
                "docker run --shm-size=1g ..., or mount -o remount,size=1g /dev/shm, as root"};
    if (free < little * total)
        return {"room", verdict::note, text, "`valpool clean` lists what is left over"};
    if (its.f_files != 0 && its.f_ffree == 0)
        return {"room", verdict::bad, "/dev/shm has no inode left", "remove files there"};
    return {"room", verdict::good, text, ""};
}

// --- memory ------------------------------------------------------------------------------------

double memory_available() {
    std::ifstream file("/proc/meminfo");
    std::string key;
    double kb = 0;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        if (words >> key >> kb && key == "MemAvailable:") return kb * 1024;
    }
    return -1;
}

machine_check check_memory() {
    const double available = memory_available();
    if (available < 0) return {"memory", verdict::note, "/proc/meminfo cannot be read", ""};
    constexpr double little = 100e6;
    return {"memory", available < little ? verdict::note : verdict::good,
            bytes_text(available) +
                " of memory are available; a pool's memory is reserved when it "
                "is made",
            ""};
}

machine_check check_control_group() {
    const std::string limit = first_line("/sys/fs/cgroup/memory.max");
    if (limit.empty() || limit == "max")
        return {"control_group", verdict::good, "no control group limits the memory here", ""};
    const double most = std::strtod(limit.c_str(), nullptr);
    const double used = std::strtod(first_line("/sys/fs/cgroup/memory.current").c_str(), nullptr);
    constexpr double little = 0.1;
    return {
        "control_group", most - used < little * most ? verdict::note : verdict::good,
        "a control group limits the memory to " + bytes_text(most) + ", " + bytes_text(used) +
            " are used; pools count for whoever touches them first",
        most - used < little * most ? "docker run --memory=..., or MemoryMax= of the service" : ""};
}

// --- limits of this process --------------------------------------------------------------------

machine_check check_limit(int resource, const char* name, const char* option, rlim_t least,
                          const char* consequence) {
    struct rlimit its {};
    if (getrlimit(static_cast<__rlimit_resource_t>(resource), &its) != 0 ||
        its.rlim_cur == RLIM_INFINITY || its.rlim_cur >= least)
        return {name, verdict::good, std::string("ulimit ") + option + " is no obstacle", ""};
    return {name, verdict::note,
            std::string("ulimit ") + option + " is " + std::to_string(its.rlim_cur) + ": " +
                consequence,
            std::string("ulimit ") + option + " unlimited, or limits.conf(5)"};
}

// --- the kernel --------------------------------------------------------------------------------

machine_check check_locks() {
    const int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) return {"locks", verdict::note, "whether locks work could not be tried", ""};
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_len = 1;
    const int error = fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
    close(fd);
    if (error == 0)
        return {"locks", verdict::good, "open-file-description locks work: deaths are noticed", ""};
    return {"locks", verdict::bad,
            std::string("open-file-description locks are refused: ") + std::strerror(error) +
                ": no pool can be made",
            "allow fcntl(F_OFD_SETLK) in the container's seccomp profile"};
}

machine_check check_barrier() {
    const long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    if (commands >= 0 && (commands & MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0)
        return {"membarrier", verdict::good, "membarrier(2) works: entering a pool is cheap", ""};
    return {"membarrier", verdict::note,
            "membarrier(2) is refused: each operation pays for a fence of its own",
            "allow it in the container's seccomp profile"};
}

machine_check check_processor() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    const bool has = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_CMPXCHG16B) != 0;
    if (has) return {"processor", verdict::good, "the processor has cmpxchg16b", ""};
    return {"processor", verdict::bad, "the processor has no cmpxchg16b, which queues need",
            "use another machine, or another model of virtual processor"};
}

machine_check check_randomization() {
    const std::string setting = first_line("/proc/sys/kernel/randomize_va_space");
    return {"address_randomization", verdict::good,
            "address randomisation is " + std::string(setting == "0" ? "off" : "on") +
                ": it does not matter, unless a program forces a pool's address",
            ""};
}

machine_check check_huge_pages() {
    const std::string setting = first_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    utsname its{};
    uname(&its);
    const bool asks = setting.find("[never]") == std::string::npos && !setting.empty();
    return {"huge_pages", verdict::good,
            std::string("kernel ") + its.release +
                "; huge pages for shared memory: " + (setting.empty() ? "none" : setting) +
                (asks ? "" : "; hugePages(true) collapses them by hand from Linux 6.1 on"),
            ""};
}

// --- who removes pools -------------------------------------------------------------------------

bool removes_ipc() {
    bool removes = true;  // systemd's own default
    for (const char* path : {"/usr/lib/systemd/logind.conf", "/etc/systemd/logind.conf"}) {
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);) {
            if (line.rfind("RemoveIPC=no", 0) == 0) removes = false;
            if (line.rfind("RemoveIPC=yes", 0) == 0) removes = true;
        }
    }
    return removes;
}

machine_check check_logout() {
    const bool has_systemd = access("/run/systemd/system", F_OK) == 0;
    constexpr unsigned first_user = 1000;
    if (!has_systemd || getuid() < first_user || !removes_ipc())
        return {"logout", verdict::good, "nobody removes this user's pools at the logout", ""};
    return {"logout", verdict::note,
            "systemd removes this user's files in /dev/shm, pools too, at the last logout "
            "(RemoveIPC)",
            "loginctl enable-linger, or RemoveIPC=no in /etc/systemd/logind.conf"};
}

machine_check check_pools() {
    const valpool::pool_names names = valpool::Monitor::names();
    std::size_t left_over = 0;
    for (const std::string& name : names.pools) {
        try {
            if (valpool::Monitor(name).pool().is_left_over()) ++left_over;
        } catch (const std::exception&) {
            // `valpool ls` says what is wrong with it.
        }
    }
    const std::string text =
        counted(names.pools.size(), "pool") + ", " + std::to_string(left_over) + " left over";
    if (left_over == 0) return {"pools", verdict::good, text, ""};
    return {"pools", verdict::note, text, "valpool clean"};
}

}  // namespace

std::vector<machine_check> check_machine() {
    constexpr rlim_t many = 1024, large = rlim_t{1} << 32;
    return {check_directory(),
            check_room(),
            check_memory(),
            check_control_group(),
            check_limit(RLIMIT_FSIZE, "file_size", "-f", large,
                        "a larger pool cannot be made; writing beyond it ends a process"),
            check_limit(RLIMIT_AS, "addresses", "-v", large, "a larger pool cannot be mapped"),
            check_limit(RLIMIT_NOFILE, "descriptors", "-n", many,
                        "each pool takes two or three in each process"),
            check_locks(),
            check_barrier(),
            check_processor(),
            check_randomization(),
            check_huge_pages(),
            check_logout(),
            check_pools()};
}

}  // namespace tool
