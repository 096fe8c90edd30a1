#include <valpool/monitor/monitor.hpp>

#include "base/cancellation.hpp"
#include "boot/boot_record.hpp"
#include "segment/segment.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace valpool {

using namespace detail;

namespace {

enum class kind_of_file { pool, other, unreadable };

kind_of_file look_at_file(int directory, const char* name) {
    // A FIFO must not make this wait; a device is not even opened.
    struct stat status {};
    if (fstatat(directory, name, &status, 0) != 0 || !S_ISREG(status.st_mode))
        return kind_of_file::other;
    const int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno == ENOENT ? kind_of_file::other : kind_of_file::unreadable;
    const bool is_pool = has_boot_object(fd);
    close(fd);
    return is_pool ? kind_of_file::pool : kind_of_file::other;
}

}  // namespace

pool_names Monitor::names() {
    const no_cancellation guard;
    pool_names found;
    const auto close_directory = [](DIR* directory) { closedir(directory); };
    const std::unique_ptr<DIR, decltype(close_directory)> directory(
        opendir(shared_memory_directory), close_directory);
    if (!directory) return found;
    while (const dirent* const entry = readdir(directory.get())) {
        if (is_temporary_name(entry->d_name)) continue;
        const kind_of_file kind = look_at_file(dirfd(directory.get()), entry->d_name);
        if (kind == kind_of_file::pool) found.pools.push_back(entry->d_name);
        if (kind == kind_of_file::unreadable) found.unreadable.push_back(entry->d_name);
    }
    std::sort(found.pools.begin(), found.pools.end());
    std::sort(found.unreadable.begin(), found.unreadable.end());
    return found;
}

}  // namespace valpool
