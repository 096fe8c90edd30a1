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
    /// Whether others see it from the beginning, or only with finish(). Until then it has another
    /// name, with ".unfinished" at the end, and what is to be replaced stays.
    enum class appears { at_once, when_finished };

    /// Throws file_error, also when there is such a file and `replace` is false, or another
    /// output_file writes it.
    output_file(std::string path, bool replace, appears when = appears::at_once);
    /// Removes a file that was made here, if it is not finished or has nothing in it.
    ~output_file();
    output_file(output_file&& other) noexcept = default;
    output_file& operator=(output_file&&) = delete;

    const std::string& path() const noexcept { return path_; }
    std::uint64_t size() const noexcept { return size_; }
    /// Throws file_error when the disk is full, say; the file is as it was then.
    void write(std::string_view bytes);
    /// Waits until the disk has it all.
    void sync();
    /// sync(), and the file appears under its name, if it has not yet.
    void finish();

private:
    void open_file(const std::string& name, bool is_new);
    void expect_it_is_still(const std::string& name) const;
    [[noreturn]] void fail(const char* what) const;

    std::string path_;
    bool replace_;
    std::string temporary_;  // its name until it is finished; empty: it has its own
    descriptor fd_{-1};
    bool is_made_here_ = false;
    std::uint64_t size_ = 0;
};

}  // namespace mcap
