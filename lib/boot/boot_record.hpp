#pragma once

#include <valpool/boot/boot.hpp>

#include "alloc/arena.hpp"
#include "segment/pool_file.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace valpool::detail {

/// Fills in the boot object; the last step before the pool gets its name. `file` is where the
/// segment starts in memory.
void write_boot(Bootstrap_t& boot, const arena& a, const void* file, std::size_t file_bytes,
                std::size_t pool_bytes);

/// Whether the file has a boot object where pools have it, of any version. Reads its beginning.
bool has_boot_object(int fd);

/// Thrown for a pool that another version of this library, or of Boost, has made. Its content
/// cannot be read; only whether it is in use can be found out.
class other_layout : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A verified, read-only view of a pool's file, made before anything trusts the file: every size
/// and offset is checked against the file and each other.
class pool_view {
public:
    /// Throws std::runtime_error, which says what is wrong with the file, or other_layout.
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
