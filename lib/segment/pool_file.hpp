#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace valpool::detail {

/// The part of a file that a lock covers. Locks lie far behind the end of the file: they stand for
/// roles, not for bytes.
struct lock_role {
    off_t offset;
};
constexpr off_t first_lock_offset = off_t{1} << 42;
constexpr lock_role takeover_role{first_lock_offset};      // replacing or removing the pool
constexpr lock_role main_role{first_lock_offset + 1};      // being the pool's SHMMain
constexpr lock_role recovery_role{first_lock_offset + 2};  // repairing the pool
constexpr lock_role slot_role(std::uint32_t slot) noexcept {
    return {first_lock_offset + 16 + static_cast<off_t>(slot)};
}

/// A descriptor of the pool's file, for its size and its locks.
///
/// The locks are open-file-description locks: the kernel drops them when the last descriptor of
/// this open is closed, however its process ends. fork shares the description, so a child must
/// reopen (see fork.cpp); exec closes it.
/// Thread safety: the functions may be called concurrently, but threads that share a pool_file
/// share its locks, too.
class pool_file {
public:
    pool_file() noexcept = default;
    ~pool_file();
    pool_file(pool_file&& other) noexcept;
    pool_file& operator=(pool_file&& other) noexcept;

    /// Opens for reading and writing; the result is not open (see errno()) when that fails.
    static pool_file open(const std::string& path);
    /// A second, independent description of the same file, even when its name is gone.
    pool_file reopen() const noexcept;

    bool is_open() const noexcept { return fd_ >= 0; }
    int error_number() const noexcept { return error_; }
    int fd() const noexcept { return fd_; }
    void close() noexcept;

    /// Takes the role if nobody else has it; true also when this description already has it.
    bool try_lock(lock_role role) noexcept;
    void unlock(lock_role role) noexcept;
    /// True when another description has the role. This description's own locks are not seen.
    bool is_locked_by_another(lock_role role) const noexcept;

private:
    int fd_ = -1;
    int error_ = 0;
};

}  // namespace valpool::detail
