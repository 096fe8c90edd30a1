#pragma once

#include <atomic>
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

/// Which file it is, whatever its name is by now.
struct file_identity {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const file_identity&) const = default;
    /// False when that is certain: the descriptor is another file's, or closed.
    bool is_of(int fd) const noexcept;
    /// Whether the path stands for this file.
    bool is_at(const char* path) const noexcept;
};

/// A descriptor of the pool's file, for its size and its locks.
///
/// The locks are open-file-description locks: the kernel drops them when nothing refers to this
/// open any more, however its process ends. fork shares the description; exec closes it.
///
/// Programs close descriptors that are not theirs (daemons do), and open other files under the same
/// numbers. So a descriptor is never believed to be this file's without a look, and an anchored
/// file keeps its locks without any.
/// Thread safety: the functions may be called concurrently, but threads that share a pool_file
/// share its locks, too. Moving and closing excepted.
class pool_file {
public:
    pool_file() noexcept = default;
    ~pool_file();
    pool_file(pool_file&& other) noexcept;
    pool_file& operator=(pool_file&& other) noexcept;

    /// Opens for reading and writing; the result is not open (see error_number()) when that fails.
    static pool_file open(const std::string& path);
    /// The same for who only looks: nothing can be locked by it, but asked.
    static pool_file open_to_read(const std::string& path);
    /// A second, independent description of the same file; `path` may be its name by now. Not open
    /// when there is no way to it: it has no name, or may not be opened by this user (any more).
    pool_file reopen(const std::string& path) const;
    /// For a process that has no way to a description of its own: the same one, with locks that
    /// belong to the process. They go when the process closes any descriptor of the file, or ends;
    /// a child has none of them. Not longer than this object.
    pool_file for_this_process() const noexcept;

    bool is_open() const noexcept { return fd() >= 0; }
    bool is_for_process() const noexcept { return is_for_process_; }
    bool is_anchored() const noexcept { return anchor_ != nullptr; }
    int error_number() const noexcept { return error_; }
    int fd() const noexcept { return fd_.load(std::memory_order_relaxed); }
    /// Stays when it is closed.
    const file_identity& identity() const noexcept { return identity_; }
    void close() noexcept;

    /// From now on the description lives until this object closes it or the process ends, even if
    /// somebody closes its descriptor; a child does not inherit that. Throws std::runtime_error,
    /// naming `subject`.
    void anchor(const std::string& subject);
    /// In the child of a fork: the parent's locks are none of its business.
    void leave_to_parent() noexcept;
    /// When somebody has closed the descriptor: opens the file by its name again, for asking and
    /// for roles that are held for a short time.
    void revive(const char* path) noexcept;

    /// Takes the role if nobody else has it; true also when this description already has it.
    bool try_lock(lock_role role) noexcept { return set_lock(role, exclusive); }
    /// The same for who must tell "somebody has it" (false) from "there are no such locks here":
    /// throws std::runtime_error, naming `subject`.
    bool lock_or_throw(lock_role role, const std::string& subject);
    /// Why the system has refused the last lock that was asked for; 0: it has not.
    int refusal() const noexcept { return refusal_.load(std::memory_order_relaxed); }
    /// Takes a part of the role, which others can have parts of, too.
    bool try_share(lock_role role) noexcept { return set_lock(role, shared); }
    void unlock(lock_role role) noexcept { set_lock(role, none); }
    /// True when another description has the role, or a part of it. This description's own locks
    /// are not seen.
    bool is_locked_by_another(lock_role role) const noexcept;
    /// The same for all roles at once, those that another version of this library may have.
    bool is_used_by_another() const noexcept;

    /// How many names it has in the file system; 1 when that cannot be told.
    unsigned long name_count() const noexcept;
    /// Gives it the name `path`, which nothing has. The error number; 0: done. ENOENT when it has
    /// no name at all any more: then nothing but its descriptors leads to it.
    int link_to(const std::string& path) const;
    bool is_intact() const noexcept { return is_open() && identity_.is_of(fd()); }

private:
    static pool_file open(const std::string& path, int access);
    enum lock_kind { exclusive, shared, none };
    bool set_lock(lock_role role, lock_kind kind) noexcept;
    bool is_locked(off_t offset, off_t length) const noexcept;

    std::atomic<int> fd_{-1};
    std::atomic<int> refusal_{0};
    int error_ = 0;
    bool is_for_process_ = false;
    file_identity identity_;
    void* anchor_ = nullptr;
    std::string path_;  // by which it was opened
};

}  // namespace valpool::detail
