#include "segment/pool_file.hpp"

#include "base/cancellation.hpp"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

struct flock lock_of(lock_role role, int type) noexcept {
    struct flock lock {};
    lock.l_type = static_cast<short>(type);
    lock.l_whence = SEEK_SET;
    lock.l_start = role.offset;
    lock.l_len = 1;
    return lock;
}

}  // namespace

pool_file::~pool_file() { close(); }

pool_file::pool_file(pool_file&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), error_(other.error_) {}

pool_file& pool_file::operator=(pool_file&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
        error_ = other.error_;
    }
    return *this;
}

void pool_file::close() noexcept {
    const no_cancellation guard;
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

pool_file pool_file::open(const std::string& path) {
    pool_file file;
    // A pool's name may hide a fifo or a device: opening those must not block.
    file.fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file.fd_ < 0) file.error_ = errno;
    return file;
}

pool_file pool_file::reopen() const noexcept {
    char link[64];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd_);
    pool_file file;
    file.fd_ = ::open(link, O_RDWR | O_CLOEXEC);
    if (file.fd_ < 0) file.error_ = errno;
    return file;
}

bool pool_file::try_lock(lock_role role) noexcept {
    struct flock lock = lock_of(role, F_WRLCK);
    return fcntl(fd_, F_OFD_SETLK, &lock) == 0;
}

void pool_file::unlock(lock_role role) noexcept {
    struct flock lock = lock_of(role, F_UNLCK);
    fcntl(fd_, F_OFD_SETLK, &lock);
}

bool pool_file::is_locked_by_another(lock_role role) const noexcept {
    struct flock lock = lock_of(role, F_WRLCK);
    // Not knowing counts as alive: declaring a living process dead would be fatal.
    if (fcntl(fd_, F_OFD_GETLK, &lock) != 0) return true;
    return lock.l_type != F_UNLCK;
}

}  // namespace valpool::detail
