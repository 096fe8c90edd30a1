#pragma once

/// Attaching to a pool by its name, and making one.

#include "boot/boot_record.hpp"
#include "process/attachment.hpp"
#include "segment/segment.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace valpool::detail {

/// A boot object's share in a pool.
struct pool_access {
    attachment_user user;
    Bootstrap_t* boot = nullptr;

    explicit operator bool() const noexcept { return static_cast<bool>(user); }
    arena& pool() const noexcept { return *user->pool; }
    /// Makes the pool's pages present in this process.
    void populate() const noexcept { detail::populate(&pool(), pool().size_bytes); }
    /// From now on, whether a core dump of this process has the pool in it.
    void dump_with_core(bool on) const noexcept {
        detail::dump_with_core(&pool(), pool().size_bytes, on);
    }
};

/// Attaches if there is a living pool of that name; empty when there is none (yet). A pool that
/// nobody uses any more, and that its SHMMain did not mean to keep, is none, and so is a retired
/// one. A pool that has lost its name is found still where this process has it, if its SHMMain
/// lives and no other has the name.
/// Throws std::runtime_error for a file that is no sound pool, or one that cannot be mapped at
/// `forced_addr`.
pool_access attach_by_name(const std::string& name, void* forced_addr);

/// Maps a pool whose file has been verified, and takes a slot in it. Empty when the name stands for
/// another file by now. Throws std::runtime_error when another copy of this library in this process
/// has the pool: neither would know what the other holds.
pool_access attach_verified(pool_file file, const Bootstrap_t& verified, const std::string& name,
                            void* forced_addr);

/// True while the name stands for this very file.
bool is_named(const pool_file& file, const std::string& name) noexcept;
/// True when there is nothing left to wait for in the pool: it has been retired, or another has its
/// name, or nobody can give it one.
bool has_gone(const pool_access& access, const std::string& name) noexcept;
/// True when a process has a slot or a role in the pool.
bool is_in_use(const pool_file& file, const arena& a) noexcept;

/// The address that a pool of this name is pinned at unless it is forced to another: the same in
/// every run, in a range that the system keeps free.
void* default_address(const std::string& name, unsigned attempt) noexcept;

struct pool_request {
    std::string name;
    std::size_t pool_bytes = 0;
    void* forced_addr = nullptr;
    unsigned mode = 0600;
};
/// Makes a pool under a temporary name and gives it its own in one step, so that nobody ever sees
/// half a pool. The caller has the main role. Empty when somebody else took the name meanwhile.
pool_access create_pool(const pool_request& request);

}  // namespace valpool::detail
