#pragma once

#include <cstdint>
#include <string_view>

namespace mcap {

/// The CRC of 32 bits that ZIP, PNG and MCAP use. `before`: that of the bytes in front of these.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0) noexcept;

}  // namespace mcap
