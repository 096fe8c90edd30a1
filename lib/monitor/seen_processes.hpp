#pragma once

/// What the processes of a pool hold.

#include <valpool/monitor/monitor.hpp>

#include "monitor/monitored_pool.hpp"
#include "monitor/seen_pipe.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace valpool::detail {

/// All memory of a box, as the page table says.
std::size_t box_bytes(const arena& a, std::uint64_t offset) noexcept;
/// Whether a box in use is there, as far as can be seen.
bool is_box(const arena& a, std::uint64_t offset) noexcept;

boost::container::vector<process_status> look_at_processes(const monitored_pool& seen);

}  // namespace valpool::detail
