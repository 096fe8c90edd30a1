#pragma once

/// Turns values into references to boxes and back. These references are what a queue passes on.

#include <valpool/value/val.hpp>

namespace valpool {
namespace detail {

/// Returns one handle on a hold of a box in `pool` that contains the value. For a proxy to a box of
/// this pool that is the proxy's box; for any other value a new box with a copy. Throws
/// PoolExhausted.
VALPOOL_API hold* pack(const Val& v, StreamingPool& pool);
/// The same, but takes the handle of a proxy to a box of this pool, which leaves `v` None. Any
/// other value is copied and stays as it is. Throws PoolExhausted, with `v` unchanged.
VALPOOL_API hold* pack(Val&& v, StreamingPool& pool);
/// Takes over one handle. For a container, `out` becomes a proxy; for any other value `out` becomes
/// a copy, and the handle is dropped. When this throws, the caller still has the handle, and `out`
/// is unchanged. It never throws for a container and an `out` on the heap.
VALPOOL_API void unpack(hold* h, Val& out);

/// box::root_tag of a box that contains a Val that is no container.
constexpr char value_root_tag = 'V';

}  // namespace detail
}  // namespace valpool
