#pragma once

/// Copies of packets for who only looks.

#include "alloc/arena.hpp"

#include <valpool/value/val.hpp>

#include <cstddef>
#include <cstdint>

namespace valpool::detail {

enum class look_result {
    good,
    changing,  // somebody changes it, or it makes no sense
    too_large
};

/// Copies the content of a box, and of the boxes it refers to, onto the heap. Afterwards the caller
/// asks whether something has referred to the box all the time. `budget_bytes` is lowered by what
/// the copy takes, more or less.
///
/// Nothing that is read is trusted: the box may be changed, freed and used again meanwhile, or be
/// garbage from the beginning. So each pointer is checked, everything is read twice, and both
/// readings must be the same; and no process may have marked the boxes as being changed.
look_result copy_packet(const arena& a, std::uint64_t box_offset, std::size_t& budget_bytes,
                        Val& out);

}  // namespace valpool::detail
