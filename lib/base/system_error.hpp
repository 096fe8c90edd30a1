#pragma once

#include <cstddef>
#include <string>

namespace valpool::detail {

/// Throws std::runtime_error with the call, what it was for, and the text of `error_number`.
[[noreturn]] void throw_system_error(const char* call, const std::string& subject,
                                     int error_number);

/// As it was meant: a negative number that became a size is shown as that.
std::string byte_count(std::size_t bytes);

/// `name` with what is not printable ASCII shown as \xNN, in double quotes, cut when very long.
std::string quoted(const std::string& name);

/// What messages about a pool begin with.
std::string subject_of(const std::string& pool_name);

}  // namespace valpool::detail
