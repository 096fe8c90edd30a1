#pragma once

/// Values to and from JSON (RFC 8259).

#include <valpool/base/detail/config.hpp>
#include <valpool/value/parse.hpp>
#include <valpool/value/val.hpp>

#include <string>
#include <string_view>

namespace valpool {

/// The value as JSON, in one line. What JSON does not have becomes:
///   None                    null
///   reals not finite        null
///   integers of any size    all their digits
///   complex numbers         [re, im]
///   Tup, Array of numbers   an array
///   OTab                    an object, in its order
///   keys other than text    their printed form
/// Throws std::logic_error for text that is not UTF-8 (the message has its start), for two keys of
/// a table with the same printed form, and for values that contain themselves.
VALPOOL_API std::string to_json(const Val& v);

/// The value of a JSON text, on the heap. Objects become Tab, arrays Arr, null None. Integers get
/// the smallest of int_4, int_8, int_u8 and int_n that holds them; other numbers become real_8.
/// When a key occurs twice, the last one counts.
/// Throws std::logic_error, with the place, for text that is not JSON, and for what exceeds the
/// limits.
VALPOOL_API Val from_json(std::string_view text, const parse_limits& limits = parse_limits());

}  // namespace valpool
