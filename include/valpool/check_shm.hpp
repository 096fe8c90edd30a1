#pragma once

#include <valpool/streaming_pool.hpp>
#include <valpool/val.hpp>

namespace valpool {

/// Whether a value lies in the pool entirely: it is a proxy to a shared value there. Numbers, None
/// and text have no parts elsewhere, and pass. What a shared value refers to is in its pool, too.
/// `throw_on_error`: std::runtime_error saying what is outside, after `context`.
VALPOOL_API bool InSHM(const Val& v, StreamingPool* pool, bool throw_on_error = false,
                       const char* context = "");
VALPOOL_API bool IsSHM(const Val& v, StreamingPool* pool, bool throw_on_error = false,
                       const char* context = "");

}  // namespace valpool
