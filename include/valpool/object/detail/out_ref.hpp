#pragma once

/// References from one box to another.

#include <valpool/object/detail/box.hpp>

namespace valpool::detail {

struct out_ref;

/// A reference from inside one box to another box of the same pool. The node lies in `from`.
/// add: counts in `to`; throws PoolExhausted with nothing changed.
VALPOOL_API out_ref* add_out_ref(box& from, box& to);
/// remove: takes the node off the list and gives the reference up (may free the target).
VALPOOL_API void remove_out_ref(box& from, out_ref* node) noexcept;
VALPOOL_API box& target_of(const out_ref& node) noexcept;

}  // namespace valpool::detail
