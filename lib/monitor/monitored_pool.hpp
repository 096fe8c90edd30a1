#pragma once

/// Read-only access to a pool, for monitors.

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

    const arena& pool() const noexcept { return view_.pool(); }
    /// Whether the slot's process has died and nobody has cleaned up yet.
    bool is_dead(std::uint32_t slot) const noexcept;

private:
    monitored_pool(pool_file file, const std::string& name);

    pool_file file_;
    pool_view view_;
};

}  // namespace valpool::detail
