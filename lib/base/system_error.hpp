#pragma once

#include <cstddef>
#include <string>

namespace valpool::detail {

/// Throws std::runtime_error with `subject` (what the call was for), the call, and the text of
/// `error_number`.
[[noreturn]] void throw_system_error(const char* call, const std::string& subject,
                                     int error_number);

/// Shows `bytes` as the caller meant it: a negative number that was converted to a size is shown as
/// negative.
std::string byte_count(std::size_t bytes);

/// `name` in double quotes. A name that is UTF-8 is shown as it is; control characters, and the
/// bytes beyond ASCII of any other name, are shown as \xNN, and a backslash as two. A very long name
/// is cut.
std::string quoted(const std::string& name);

/// The beginning of every message about a pool.
std::string subject_of(const std::string& pool_name);

}  // namespace valpool::detail
