#pragma once

/// What the system allows this process, and what to do when that is too little.

#include <cstddef>
#include <string>

namespace valpool::detail {

/// Bytes that a new segment could have now. The directory, the machine, and this process's control
/// groups limit them. (Where a control group's limit is exceeded, the kernel kills processes.)
std::size_t free_segment_bytes();

/// Throws std::runtime_error, which names the limit, when a new segment of `size_bytes` is not
/// possible, or when writing to it would end this process.
void check_limits(const std::string& subject, std::size_t size_bytes);

/// Throws std::runtime_error with `subject` (what the call was for), the call, the text of
/// `error_number`, and its cause: the limit, and what to do.
[[noreturn]] void throw_pool_error(const char* call, const std::string& subject, int error_number);

/// The same for a lock that the system refused although nobody else holds it.
[[noreturn]] void throw_lock_error(const std::string& subject, int error_number);

}  // namespace valpool::detail
