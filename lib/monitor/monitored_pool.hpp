#pragma once

/// Read-only access to a pool, for monitors.

#include <valpool/monitor/pool_check.hpp>

#include "alloc/arena.hpp"
#include "boot/boot_record.hpp"
#include "segment/pool_file.hpp"

#include <cstdint>
#include <string>

namespace valpool::detail {

/// The file is opened and mapped only for reading: the monitor takes no slot in the pool and no
/// lock, and nobody there notices it. Header, offsets, pipes and ledgers are verified at the
/// opening. The content behind them changes all the time, and may be anything.
class monitored_pool {
public:
    /// Throws std::runtime_error when there is no such pool, when it may not be read, or when its
    /// file is no pool; std::logic_error for an invalid name.
    explicit monitored_pool(const std::string& name);

    const std::string& name() const noexcept { return name_; }
    const pool_file& file() const noexcept { return file_; }
    const Bootstrap_t& boot() const noexcept { return view_.boot(); }
    const arena& pool() const noexcept { return view_.pool(); }
    /// Whether the slot's process has died and nobody has cleaned up yet.
    bool is_dead(std::uint32_t slot) const noexcept;

private:
    monitored_pool(pool_file file, std::string name);

    std::string name_;
    pool_file file_;
    pool_view view_;
};

/// What check() says of it.
pool_report check(const monitored_pool& seen);

}  // namespace valpool::detail
