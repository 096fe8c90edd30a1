#pragma once

#include "base/prefetch.hpp"
#include "base/round_up.hpp"

#include <valpool/value/tab.hpp>

#include <cstddef>

namespace valpool::detail {

/// The cache lines of a table with a few entries that is the root object of a box: header, table
/// and first value, then the third value, or the first key of a table that shares none.
struct root_lines {
    static constexpr std::size_t head_bytes = box_header_bytes + sizeof(table);
    static constexpr std::size_t head_lines_bytes = round_up(head_bytes, cache_line_bytes);
    static constexpr std::size_t third_offset = head_bytes + 2 * sizeof(Val);
    static constexpr std::size_t third_line = round_up(third_offset, cache_line_bytes);
};

enum class fetch_for { reading, answering };

/// Prefetches the lines of a box that a look-up in its root object needs. It is only a hint,
/// whatever the root object is.
/// The lines of the other values are left out on purpose. A reader that prefetches them is faster,
/// and then follows a writer so closely that both wait for lines that the other has just had:
/// measured, a writer that copies its packets in becomes a fifth slower. See
/// docs/design/fetching-ahead.md.
/// `answering`: a reader that answers with the packet writes to it first, and would have to request
/// a line again that was prefetched for reading. In a stream this has no benefit, and with several
/// readers it takes lines away from each other.
inline void fetch_root(char* of_box, fetch_for use) noexcept {
    if (use == fetch_for::answering)
        prefetch_to_write(of_box, root_lines::head_lines_bytes);
    else
        prefetch_to_read(of_box, root_lines::head_lines_bytes);
    prefetch_to_read(of_box + root_lines::third_line, cache_line_bytes);
}

}  // namespace valpool::detail
