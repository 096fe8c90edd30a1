#pragma once

#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace valpool::test {

/// Unfinished pool files whose creator is gone. Other tests make pools at the same time; a living
/// creator is recognised by the lock that it holds on its file's number in the directory.
inline std::size_t count_abandoned_files() {
    static constexpr char prefix[] = ".valpool-making.";
    const int directory = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
        const std::string name = entry.path().filename().string();
        if (name.rfind(prefix, 0) != 0) continue;
        std::uint64_t number = 0;
        std::sscanf(name.c_str() + sizeof prefix - 1, "%16" SCNx64, &number);
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        lock.l_start = static_cast<off_t>(number);
        lock.l_len = 1;
        const bool is_claimed = fcntl(directory, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
        // A creator removes its file before it releases the lock.
        if (!is_claimed && access(entry.path().c_str(), F_OK) == 0) ++count;
    }
    close(directory);
    return count;
}

}  // namespace valpool::test
