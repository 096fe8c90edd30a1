#pragma once

/// What the system allows this process, and what to do where that is too little.

#include <cstddef>
#include <string>

namespace valpool::detail {

/// Bytes that a new segment could have now: by the directory, the machine, and the control groups
/// that this process is in (where more would have the kernel kill processes).
std::size_t free_segment_bytes();

/// Throws std::runtime_error, saying which limit it is, when a new segment of so many bytes cannot
/// be, or writing it would end this process.
void check_limits(const std::string& subject, std::size_t size_bytes);

/// Throws std::runtime_error with the call, what it was for, the text of `error_number`, and what
/// is behind it: the limit, and what to do.
[[noreturn]] void throw_pool_error(const char* call, const std::string& subject, int error_number);

/// The same for a lock that the system has refused, not because somebody else has it.
[[noreturn]] void throw_lock_error(const std::string& subject, int error_number);

}  // namespace valpool::detail
