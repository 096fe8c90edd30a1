#pragma once

/// A pool's file that is cut short while it is mapped: what was there cannot be read any more, and
/// the system says so by SIGBUS, which ends a program.

#include <string>

namespace tool {

/// From here on, who only looks at a pool reads zeros where its file ends now, and can ask
/// afterwards whether that was so. A process that takes part in such a pool cannot go on: it ends
/// with exit code 1 and a message.
void survive_cut_files() noexcept;

/// What one thread looks at for a while.
class look {
public:
    look() noexcept;
    bool met_cut_file() const noexcept;
    /// Throws std::runtime_error when the file was cut since this object was made.
    void expect_whole(const std::string& pool) const;

private:
    unsigned met_before_;
};

/// Whether a thread has met one of which no expect_whole() has told.
bool has_unsaid_cut_file() noexcept;

}  // namespace tool
