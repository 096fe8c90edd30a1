#pragma once

#include "descriptor.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mcap {

/// A file that grows by whole pieces: each write() is there completely or not at all, unless the
/// machine fails.
class output_file {
public:
    /// Throws file_error, also when there is such a file and `replace` is false, or another
    /// output_file writes it.
    output_file(std::string path, bool replace);

    const std::string& path() const noexcept { return path_; }
    std::uint64_t size() const noexcept { return size_; }
    /// Throws file_error when the disk is full, say; the file is as it was then.
    void write(std::string_view bytes);
    /// Waits until the disk has it all.
    void sync();

private:
    [[noreturn]] void fail(const char* what) const;

    std::string path_;
    descriptor fd_;
    std::uint64_t size_ = 0;
};

}  // namespace mcap
