#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mcap {

/// By their names in the file.
constexpr std::string_view zstd = "zstd";
constexpr std::string_view lz4 = "lz4";
constexpr std::string_view uncompressed;

bool is_known_compression(std::string_view how) noexcept;

/// Throws std::runtime_error for a compression that is not known.
std::string compressed(std::string_view bytes, std::string_view how);

/// The `size` bytes that these were before. Memory is taken as they come: a claimed size alone
/// costs nothing. Throws format_error for what is not compressed in this way, for any other size,
/// and for more than most_chunk_bytes.
std::string decompressed(std::string_view bytes, std::string_view how, std::uint64_t size);

}  // namespace mcap
