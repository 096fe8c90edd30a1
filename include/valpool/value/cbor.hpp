#pragma once

/// Values to and from CBOR (RFC 8949), the binary form that JSON's data have in small devices and
/// in recordings.

#include <valpool/base/detail/config.hpp>
#include <valpool/value/parse.hpp>
#include <valpool/value/val.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace valpool {

/// The value as one CBOR item. Every value can be written, and from_cbor reads it back equal;
/// docs/cbor.md has the form of each type, and which types come back as another one.
/// A proxy is written as its content: whoever reads it gets a copy for each place where it stood.
/// Throws std::logic_error for a value that contains itself; PoisonedError.
/// Blocking: never. Thread and process safety: as for reading the value. Complexity: linear; arrays
/// of numbers are copied as they lie.
VALPOOL_API std::string to_cbor(const Val& v);
/// The same, behind what `append_to` has already. When it throws, `append_to` is as it was.
VALPOOL_API void to_cbor(const Val& v, std::string& append_to);

/// The value of the one CBOR item that these bytes are, on the heap. Integers get the smallest of
/// int_4, int_8, int_u8 and int_n that holds them; a key that occurs twice has its last value; tags
/// that mean nothing here are skipped.
/// Throws std::logic_error, with the number of the byte, for what is not CBOR or is not complete,
/// for bytes behind the item, and for what exceeds the limits. No more memory is taken than the
/// bytes that are there can fill, whatever lengths they claim.
VALPOOL_API Val from_cbor(std::string_view bytes, const parse_limits& limits = parse_limits());

/// Reads one item from the front of `bytes`, for items that follow each other (RFC 8742) or arrive
/// in pieces. Returns how many bytes it took; 0, with `v` unchanged, when the item is not complete:
/// call again, with the same bytes and more behind them.
/// Throws as from_cbor, also when the item cannot become complete within limits.size_bytes; `v` is
/// unchanged then.
/// Complexity: each call begins at the item's start. For items of many pieces, wait for more bytes
/// (twice as many, say) before the next call.
VALPOOL_API std::size_t read_cbor(std::string_view bytes, Val& v,
                                  const parse_limits& limits = parse_limits());

}  // namespace valpool
