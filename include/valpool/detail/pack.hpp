#pragma once

/// Values as references to boxes, and back: what a queue passes.

#include <valpool/val.hpp>

namespace valpool {
namespace detail {

/// One handle on a hold of a box in `pool` that holds the value: for a proxy to a box of this pool
/// that very box; for anything else a new box with a copy. Throws PoolExhausted.
VALPOOL_API hold* pack(const Val& v, StreamingPool& pool);
/// Takes the handle of a proxy to a box of this pool, which leaves `v` None; copies anything else,
/// and leaves that as it is. Throws PoolExhausted, with `v` untouched.
VALPOOL_API hold* pack(Val&& v, StreamingPool& pool);
/// Takes over one handle: `out` becomes a proxy for containers, a copy for other values, and the
/// handle is dropped then. When that throws, the handle is the caller's still, and `out` is as it
/// was; it never does for a container and an `out` on the heap.
VALPOOL_API void unpack(hold* h, Val& out);

/// box::root_tag of a box that holds a Val which is no container.
constexpr char value_root_tag = 'V';

}  // namespace detail
}  // namespace valpool
