#pragma once

#include <valpool/boot.hpp>

#include "alloc/arena.hpp"
#include "segment/pool_file.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace valpool::detail {

/// Fills the boot object in; last thing before the pool gets its name. `file` is where the segment
/// starts in memory.
void write_boot(Bootstrap_t& boot, const arena& a, const void* file, std::size_t file_bytes,
                std::size_t pool_bytes);

/// A pool that another version of this library, or of Boost, has made: what is in it cannot be
/// told, only whether it is in use.
class other_layout : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A verified look at a pool's file before anything trusts it: mapped read-only, every size and
/// offset checked against the file and each other.
class pool_view {
public:
    /// Throws std::runtime_error, saying what is wrong with the file; other_layout.
    pool_view(const pool_file& file, const std::string& name);
    ~pool_view();
    pool_view(const pool_view&) = delete;
    pool_view& operator=(const pool_view&) = delete;

    const Bootstrap_t& boot() const noexcept { return *boot_; }
    const arena& pool() const noexcept {
        return *reinterpret_cast<const arena*>(start_ + boot_->arena_offset);
    }

private:
    void find_boot(const std::string& name);
    void check(const std::string& name) const;

    const char* start_ = nullptr;
    std::size_t size_bytes_ = 0;
    const Bootstrap_t* boot_ = nullptr;
};

}  // namespace valpool::detail
