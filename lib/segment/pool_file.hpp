#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include <sys/types.h>

namespace valpool::detail {

/// The byte of the file that a lock covers. These bytes lie far behind the end of the file: a lock
/// stands for a role, not for data.
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

/// Identifies a file, whatever its name is by now.
struct file_identity {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const file_identity&) const = default;
    /// Whether the descriptor is this file's. False only when it is certain that it is not: it is
    /// another file's, or closed.
    bool is_of(int fd) const noexcept;
    /// Whether the path leads to this file.
    bool is_at(const char* path) const noexcept;
};

/// A descriptor of the pool's file, for its size and its locks.
///
/// The locks are open-file-description locks: the kernel drops them when nothing refers to this
/// file description any more, however its process ends. A fork shares the description; exec closes
/// it.
///
/// Programs close descriptors that are not theirs (daemons do), and open other files under the same
/// numbers. So no descriptor is trusted to be still this file's without a check, and an anchored
/// file keeps its locks even without its descriptor.
/// Thread safety: the functions, except moving and closing, may be called concurrently; but threads
/// that share a pool_file also share its locks.
class pool_file {
public:
    pool_file() noexcept = default;
    ~pool_file();
    pool_file(pool_file&& other) noexcept;
    pool_file& operator=(pool_file&& other) noexcept;

    /// Opens the file for reading and writing. When that fails, the result is not open; see
    /// error_number().
    static pool_file open(const std::string& path);
    /// The same for callers that only read: such a file can query locks, but not take them.
    static pool_file open_to_read(const std::string& path);
    /// A second, independent description of the same file; `path` may be its current name. The
    /// result is not open when nothing leads to the file: it has no name any more, or this user may
    /// not open it (any more).
    pool_file reopen(const std::string& path) const;
    /// For a process that cannot get a description of its own: uses this object's descriptor, with
    /// locks that belong to the process. They are dropped when the process closes any descriptor of
    /// the file, or ends; a child does not inherit them. The result must not outlive this object.
    pool_file for_this_process() const noexcept;

    bool is_open() const noexcept { return fd() >= 0; }
    bool is_for_process() const noexcept { return is_for_process_; }
    bool is_anchored() const noexcept { return anchor_ != nullptr; }
    int error_number() const noexcept { return error_; }
    int fd() const noexcept { return fd_.load(std::memory_order_relaxed); }
    /// Remains valid after close().
    const file_identity& identity() const noexcept { return identity_; }
    void close() noexcept;

    /// From now on the file description lives until this object closes it or the process ends, even
    /// if somebody closes its descriptor. A child does not inherit the anchor. Throws
    /// std::runtime_error, which names `subject`.
    void anchor(const std::string& subject);
    /// For the child of a fork: closes this object without touching the parent's locks.
    void leave_to_parent() noexcept;
    /// If somebody has closed the descriptor, opens the file again by its name. The new descriptor
    /// serves to query locks and to take roles for a short time.
    void revive(const char* path) noexcept;

    /// Takes the role if nobody else has it. True also when this description already has it.
    bool try_lock(lock_role role) noexcept { return set_lock(role, exclusive); }
    /// The same, but tells "somebody else has it" (false) from "the system refuses such locks":
    /// then it throws std::runtime_error, which names `subject`.
    bool lock_or_throw(lock_role role, const std::string& subject);
    /// The error number with which the system refused the last lock that failed; 0: somebody else
    /// had it.
    int refusal() const noexcept { return refusal_.load(std::memory_order_relaxed); }
    /// Takes the role in shared mode: others can share it at the same time.
    bool try_share(lock_role role) noexcept { return set_lock(role, shared); }
    void unlock(lock_role role) noexcept { set_lock(role, none); }
    /// True when another description has the role, exclusively or shared. This description's own
    /// locks do not count.
    bool is_locked_by_another(lock_role role) const noexcept;
    /// The same for main_role and all roles behind it at once, even those that only another version
    /// of this library has.
    bool is_used_by_another() const noexcept;

    /// How many names the file has in the file system; 1 when that is unknown.
    unsigned long name_count() const noexcept;
    /// Gives the file the new name `path`, which must be free. Returns the error number; 0: done.
    /// ENOENT when the file has no name at all any more: then only its descriptors lead to it.
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
    std::string path_;  // the name by which it was opened
};

}  // namespace valpool::detail
