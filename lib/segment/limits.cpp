#include "segment/limits.hpp"

#include "base/system_error.hpp"
#include "base/system_file.hpp"
#include "segment/segment.hpp"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <sys/resource.h>
#include <sys/statvfs.h>

namespace valpool::detail {
namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

/// The number in a file; `unlimited` when the file has none ("max") or does not exist.
std::size_t number_in(const std::string& path) {
    std::size_t number = unlimited;
    for_each_line(path, [&](const char* line) {
        std::uint64_t n = 0;
        if (std::sscanf(line, "%" SCNu64, &n) == 1) number = n;
        return false;
    });
    return number;
}

std::size_t sum(std::size_t a, std::size_t b) noexcept { return a + std::min(b, unlimited - a); }
std::size_t difference(std::size_t a, std::size_t b) noexcept { return a - std::min(a, b); }

struct machine_memory {
    std::size_t available = 0;  // 0: not known
    std::size_t swap = 0;
};
machine_memory memory_of_machine() {
    machine_memory memory;
    for_each_line("/proc/meminfo", [&](const char* line) {
        std::size_t kb = 0;
        if (std::sscanf(line, "MemAvailable: %zu", &kb) == 1) memory.available = kb * 1024;
        if (std::sscanf(line, "SwapFree: %zu", &kb) == 1) memory.swap = kb * 1024;
        return true;
    });
    return memory;
}

/// The files of one kind of control group, version 1 or 2.
struct group_files {
    const char* root;
    const char* limit;
    const char* usage;
    const char* reclaimable[2];  // keys of file pages in memory.stat: reclaimed on demand
};
constexpr group_files version_1{"/sys/fs/cgroup/memory",
                                "/memory.limit_in_bytes",
                                "/memory.usage_in_bytes",
                                {"total_inactive_file ", "total_active_file "}};
constexpr group_files version_2{
    "/sys/fs/cgroup", "/memory.max", "/memory.current", {"inactive_file ", "active_file "}};

std::size_t reclaimable_bytes(const group_files& files, const std::string& group) {
    std::size_t bytes = 0;
    for_each_line(group + "/memory.stat", [&](const char* line) {
        for (const char* const name : files.reclaimable)
            if (std::strncmp(line, name, std::strlen(name)) == 0)
                bytes += std::strtoull(line + std::strlen(name), nullptr, 10);
        return true;
    });
    return bytes;
}

/// What the group at that path and its parents leave free. A container sees its own group as the
/// root, whatever the path says: where the path's folder does not exist, its parent is asked.
std::size_t free_in_groups(const group_files& files, std::string path) {
    std::size_t free = unlimited;
    for (;;) {
        const std::string group = files.root + path;
        const std::size_t limit = number_in(group + files.limit);
        const std::size_t usage = number_in(group + files.usage);
        if (limit != unlimited && usage != unlimited)
            free = std::min(free, difference(sum(limit, reclaimable_bytes(files, group)), usage));
        if (path.empty()) return free;
        path.resize(path.find_last_of('/'));
    }
}

std::size_t free_in_all_groups() {
    std::size_t free = unlimited;
    for_each_line("/proc/self/cgroup", [&](const char* text) {
        std::string_view line(text, std::strcspn(text, "\n"));
        // A line is number:controllers:path. Version 2 names no controllers.
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (second == std::string_view::npos) return true;
        const std::string controllers(line.substr(first + 1, second - first - 1));
        std::string path(line.substr(second + 1));
        while (!path.empty() && path.back() == '/') path.pop_back();
        if (controllers.empty())
            free = std::min(free, free_in_groups(version_2, std::move(path)));
        else if (("," + controllers + ",").find(",memory,") != std::string::npos)
            free = std::min(free, free_in_groups(version_1, std::move(path)));
        return true;
    });
    return free;
}

std::size_t free_in_directory() noexcept {
    struct statvfs status {};
    if (statvfs(shared_memory_directory, &status) != 0) return unlimited;
    return std::size_t{status.f_bavail} * status.f_frsize;
}

bool has_no_inode_left() noexcept {
    struct statvfs status {};
    return statvfs(shared_memory_directory, &status) == 0 && status.f_files != 0 &&
           status.f_favail == 0;
}

/// The limit as text; "unlimited" when there is none.
std::string limit_of(int resource) {
    struct rlimit limit {};
    if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 ||
        limit.rlim_cur == RLIM_INFINITY)
        return "unlimited";
    return std::to_string(limit.rlim_cur);
}

/// What causes an error, and what helps against it.
std::string cure_of(int error_number) {
    const std::string directory = shared_memory_directory;
    switch (error_number) {
        case EMFILE:
            return ": this process may have " + limit_of(RLIMIT_NOFILE) +
                   " descriptors (ulimit -n), and all are in use: close some, or raise the limit";
        case ENFILE: return ": the system has no descriptor left (sysctl fs.file-max)";
        case EAGAIN:
            return ": this process locks the memory that it maps (mlockall), and may lock " +
                   limit_of(RLIMIT_MEMLOCK) + " bytes (ulimit -l): raise the limit";
        case ENOMEM:
            return ": the system is out of memory, or this process has no addresses left (ulimit "
                   "-v: " +
                   limit_of(RLIMIT_AS) + ") or no mappings left (sysctl vm.max_map_count)";
        case EFBIG:
            return ": this process may write files of at most " + limit_of(RLIMIT_FSIZE) +
                   " bytes (ulimit -f): raise the limit";
        case ENOSPC:
            return has_no_inode_left() ? ": " + directory + " has no inode left: remove files there"
                                       : ": " + directory + " is full";
        case EACCES:
        case EPERM: return ": it belongs to another user, or this process lacks the permission";
        default: return "";
    }
}

}  // namespace

std::size_t free_segment_bytes() {
    const machine_memory machine = memory_of_machine();
    const std::size_t on_machine =
        machine.available == 0 ? unlimited : sum(machine.available, machine.swap);
    const std::size_t in_groups = sum(free_in_all_groups(), machine.swap);
    return std::min({free_in_directory(), on_machine, in_groups});
}

void check_limits(const std::string& subject, std::size_t size_bytes) {
    struct rlimit file_size {};
    // Writing beyond this limit raises a signal that ends the process.
    if (getrlimit(RLIMIT_FSIZE, &file_size) == 0 && file_size.rlim_cur != RLIM_INFINITY &&
        size_bytes > file_size.rlim_cur)
        throw std::runtime_error(subject + ": it needs " + std::to_string(size_bytes) +
                                 " bytes, but this process may write files of at most " +
                                 std::to_string(file_size.rlim_cur) +
                                 " bytes (ulimit -f): raise the limit");
    if (has_no_inode_left()) throw_pool_error("open", subject, ENOSPC);
    const std::size_t free = free_segment_bytes();
    if (size_bytes > free)
        throw std::runtime_error(
            subject + ": it needs " + byte_count(size_bytes) +
            " bytes of shared memory, but only " + std::to_string(free) +
            " are available (the free space in " + shared_memory_directory +
            ", the machine's memory and this process's control groups limit that)");
}

void throw_pool_error(const char* call, const std::string& subject, int error_number) {
    throw std::runtime_error(subject + ": " + call + ": " +
                             std::generic_category().message(error_number) + cure_of(error_number));
}

void throw_lock_error(const std::string& subject, int error_number) {
    throw std::runtime_error(
        subject + ": fcntl(F_OFD_SETLK): " + std::generic_category().message(error_number) +
        ": valpool needs open-file-description locks (Linux 3.15), and this system, or a filter of "
        "its container, refuses them");
}

}  // namespace valpool::detail
