#pragma once

#include "alloc/slab.hpp"
#include "object/box_layout.hpp"

namespace valpool::detail {

/// As create_box, for a root that is larger than a block: the box is one piece of `size_bytes`.
hold* create_large_box(arena& a, std::size_t size_bytes, std::size_t root_bytes,
                       page_use use = page_use::values);

}  // namespace valpool::detail
