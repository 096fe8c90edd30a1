#pragma once

#include <utility>

#include <unistd.h>

namespace mcap {

/// A file descriptor, closed at the end.
class descriptor {
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    ~descriptor() { reset(-1); }
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&&) = delete;

    void reset(int fd) noexcept {
        if (fd_ >= 0) close(fd_);
        fd_ = fd;
    }
    int get() const noexcept { return fd_; }
    bool is_open() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

}  // namespace mcap
