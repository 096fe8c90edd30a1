#pragma once

/// Values to and from JSON (RFC 8259).

#include <valpool/detail/config.hpp>
#include <valpool/parse.hpp>
#include <valpool/val.hpp>

#include <string>
#include <string_view>

namespace valpool {

/// The value as JSON, in one line. What JSON does not have:
///   None                    null
///   reals not finite        null
///   integers of any size    their digits, all of them
///   complex numbers         [re, im]
///   Tup, Array of numbers   an array
///   OTab                    an object, in its order
///   keys that are no text   their printed form
/// Throws std::logic_error for text that is not UTF-8 (saying so, with its start), and for values
/// that contain themselves.
VALPOOL_API std::string to_json(const Val& v);

/// The value that JSON text stands for, on the heap: objects become Tab, arrays Arr, integers the
/// smallest of int_4, int_8, int_u8 and int_n that holds them, other numbers real_8, null None. Of
/// equal keys the last one counts.
/// Throws std::logic_error for what is not JSON, saying where, and for what exceeds the limits.
VALPOOL_API Val from_json(std::string_view text, const parse_limits& limits = parse_limits());

}  // namespace valpool
