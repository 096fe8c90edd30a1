#include "segment/pool_file.hpp"

#include "base/cancellation.hpp"
#include "base/system_error.hpp"
#include "segment/limits.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

constexpr std::size_t anchor_bytes = 4096;

file_identity identity_from(const struct stat& status) noexcept {
    return {status.st_dev, status.st_ino};
}

/// If a program has closed its standard error, say, the next file that it opens gets that number,
/// and whatever it complains of would be written there: into a pool.
void occupy_standard_descriptors() noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
        const int got = ::open("/dev/null", O_RDWR);
        if (got == fd) continue;
        if (got >= 0) ::close(got);  // it is taken after all
        return;
    }
}

int open_file(const char* path, int access) noexcept {
    const no_cancellation guard;
    occupy_standard_descriptors();
    // The name may be that of a fifo or a device: opening one must not block.
    return ::open(path, access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

struct flock lock_of(off_t offset, off_t length, int type) noexcept {
    struct flock lock {};
    lock.l_type = static_cast<short>(type);
    lock.l_whence = SEEK_SET;
    lock.l_start = offset;
    lock.l_len = length;
    return lock;
}

std::string by_number(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

}  // namespace

bool file_identity::is_of(int fd) const noexcept {
    struct stat status {};
    return fstat(fd, &status) == 0 ? identity_from(status) == *this : errno != EBADF;
}

bool file_identity::is_at(const char* path) const noexcept {
    struct stat status {};
    return stat(path, &status) == 0 && identity_from(status) == *this;
}

pool_file::~pool_file() { close(); }

pool_file::pool_file(pool_file&& other) noexcept
    : fd_(other.fd_.exchange(-1)),
      error_(other.error_),
      is_for_process_(other.is_for_process_),
      identity_(other.identity_),
      anchor_(std::exchange(other.anchor_, nullptr)),
      path_(std::move(other.path_)) {}

pool_file& pool_file::operator=(pool_file&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.fd_.exchange(-1);
        error_ = other.error_;
        is_for_process_ = other.is_for_process_;
        identity_ = other.identity_;
        anchor_ = std::exchange(other.anchor_, nullptr);
        path_ = std::move(other.path_);
    }
    return *this;
}

void pool_file::close() noexcept {
    const no_cancellation guard;
    // Closing a borrowed descriptor would drop all of this process's locks on the file.
    if (!is_for_process_ && is_intact()) ::close(fd());
    fd_ = -1;
    if (anchor_) munmap(std::exchange(anchor_, nullptr), anchor_bytes);
}

pool_file pool_file::open(const std::string& path) { return open(path, O_RDWR); }
pool_file pool_file::open_to_read(const std::string& path) { return open(path, O_RDONLY); }

pool_file pool_file::open(const std::string& path, int access) {
    pool_file file;
    file.path_ = path;
    const int fd = open_file(path.c_str(), access);
    struct stat status {};
    if (fd < 0 || fstat(fd, &status) != 0) {
        file.error_ = errno;
        if (fd >= 0) ::close(fd);
        return file;
    }
    file.identity_ = identity_from(status);
    file.fd_ = fd;
    return file;
}

pool_file pool_file::reopen(const std::string& path) const {
    for (const std::string& way : {by_number(fd()), path_, path}) {
        pool_file file = open(way);
        if (file.is_open() && file.identity_ == identity_) return file;
    }
    return {};
}

pool_file pool_file::for_this_process() const noexcept {
    pool_file file;
    if (!is_intact()) return file;
    file.fd_ = fd();
    file.is_for_process_ = true;
    file.identity_ = identity_;
    return file;
}

void pool_file::anchor(const std::string& subject) {
    // A mapping keeps the file description that it was made from alive, even if it is not readable.
    void* const mapped = mmap(nullptr, anchor_bytes, PROT_NONE, MAP_SHARED, fd(), 0);
    if (mapped == MAP_FAILED) throw_pool_error("mmap", subject, errno);
    anchor_ = mapped;
    madvise(mapped, anchor_bytes, MADV_DONTFORK);
}

void pool_file::leave_to_parent() noexcept {
    anchor_ = nullptr;
    close();
}

void pool_file::revive(const char* path) noexcept {
    if (!is_open() || is_intact()) return;
    const int fd = open_file(path, O_RDWR);
    if (fd < 0) return;
    if (identity_.is_of(fd))
        fd_ = fd;
    else
        ::close(fd);
}

bool pool_file::set_lock(lock_role role, lock_kind kind) noexcept {
    if (!is_intact()) return false;
    struct flock lock = lock_of(role.offset, 1,
                                kind == exclusive ? F_WRLCK
                                : kind == shared  ? F_RDLCK
                                                  : F_UNLCK);
    int result = 0;
    do result = fcntl(fd(), is_for_process_ ? F_SETLK : F_OFD_SETLK, &lock);
    while (result != 0 && errno == EINTR);
    if (result == 0) return true;
    const bool is_taken = errno == EAGAIN || errno == EACCES;
    refusal_.store(is_taken ? 0 : errno, std::memory_order_relaxed);
    return false;
}

bool pool_file::lock_or_throw(lock_role role, const std::string& subject) {
    if (try_lock(role)) return true;
    if (const int error = refusal()) throw_lock_error(subject, error);
    return false;
}

bool pool_file::is_locked(off_t offset, off_t length) const noexcept {
    struct flock lock = lock_of(offset, length, F_WRLCK);
    // When the system cannot tell, the process counts as alive: declaring a living process dead
    // would be fatal.
    if (fcntl(fd(), is_for_process_ ? F_GETLK : F_OFD_GETLK, &lock) != 0) return true;
    return lock.l_type != F_UNLCK || !is_intact();
}

bool pool_file::is_locked_by_another(lock_role role) const noexcept {
    return is_locked(role.offset, 1);
}

bool pool_file::is_used_by_another() const noexcept {
    constexpr off_t to_the_end = 0;
    return is_locked(main_role.offset, to_the_end);
}

unsigned long pool_file::name_count() const noexcept {
    struct stat status {};
    if (fstat(fd(), &status) != 0 || !(identity_from(status) == identity_)) return 1;
    return status.st_nlink;
}

int pool_file::link_to(const std::string& path) const {
    const no_cancellation guard;
    if (name_count() == 0) return ENOENT;
    if (linkat(AT_FDCWD, by_number(fd()).c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0)
        return 0;
    // Without /proc, only the name by which the file was opened leads to it.
    if (errno != ENOENT || !identity_.is_at(path_.c_str())) return errno;
    return link(path_.c_str(), path.c_str()) == 0 ? 0 : errno;
}

}  // namespace valpool::detail
