#pragma once

/// A pool as a monitor sees it.

#include "alloc/arena.hpp"
#include "boot/boot_record.hpp"
#include "segment/pool_file.hpp"

#include <cstdint>
#include <string>

namespace valpool::detail {

/// Opened to be read and mapped to be read: the monitor takes no place in the pool and no lock, and
/// nobody there notices it. Header, offsets, pipes and ledgers are verified when it is opened; what
/// lies behind them changes all the time, and may be anything.
class monitored_pool {
public:
    /// Throws std::runtime_error when there is no such pool, it may not be read, or its file is
    /// none; std::logic_error for a name that none can have.
    explicit monitored_pool(const std::string& name);

    const arena& pool() const noexcept { return view_.pool(); }
    /// Its process has died, and nobody has cleaned up yet.
    bool is_dead(std::uint32_t slot) const noexcept;

private:
    monitored_pool(pool_file file, const std::string& name);

    pool_file file_;
    pool_view view_;
};

}  // namespace valpool::detail
