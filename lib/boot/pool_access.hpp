#pragma once

/// Attaching to a pool by its name, and making a pool.

#include "boot/boot_record.hpp"
#include "process/attachment.hpp"
#include "segment/segment.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace valpool::detail {

/// A boot object's access to a pool.
struct pool_access {
    attachment_user user;
    Bootstrap_t* boot = nullptr;

    explicit operator bool() const noexcept { return static_cast<bool>(user); }
    arena& pool() const noexcept { return *user->pool; }
    /// Makes the pool's pages present in this process.
    void populate() const noexcept { detail::populate(&pool(), pool().size_bytes); }
    /// Sets whether core dumps of this process include the pool.
    void dump_with_core(bool on) const noexcept {
        detail::dump_with_core(&pool(), pool().size_bytes, on);
    }
};

/// Attaches if there is a living pool of that name; empty when there is none (yet). A retired pool
/// does not count, nor one that nobody uses any more, unless its SHMMain chose to keep it. A pool
/// that has lost its name is still found if this process is attached to it, its SHMMain lives, and
/// no other pool has the name.
/// Throws std::runtime_error when the file is no sound pool, or when it cannot be mapped at
/// `forced_addr`.
pool_access attach_by_name(const std::string& name, void* forced_addr);

/// Maps a pool whose file has been verified, and takes a slot in it. Empty when the name leads to
/// another file by now. Throws std::runtime_error when another copy of this library in this process
/// uses the pool: neither would know what the other holds.
pool_access attach_verified(pool_file file, const Bootstrap_t& verified, const std::string& name,
                            void* forced_addr);

/// True while the name leads to this very file.
bool is_named(const pool_file& file, const std::string& name) noexcept;
/// True when there is nothing left to wait for in the pool: it has been retired, another pool has
/// its name, or it has no name and no living SHMMain that could restore it.
bool has_gone(const pool_access& access, const std::string& name) noexcept;
/// True when a process has a slot or a role in the pool.
bool is_in_use(const pool_file& file, const arena& a) noexcept;

/// The address at which a pool of this name is pinned unless another one is forced. It is the same
/// in every run, in a range that the system normally leaves free.
void* default_address(const std::string& name, unsigned attempt) noexcept;

struct pool_request {
    std::string name;
    std::size_t pool_bytes = 0;
    void* forced_addr = nullptr;
    unsigned mode = 0600;
};
/// Makes a pool under a temporary name and gives it its own name in one step, so that nobody ever
/// sees half a pool. Afterwards this process has the main role. Empty when somebody else took the
/// name meanwhile.
pool_access create_pool(const pool_request& request);

}  // namespace valpool::detail
