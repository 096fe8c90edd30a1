#pragma once

#include <bit>
#include <cstdint>

namespace valpool::detail {

__extension__ using uint128 = unsigned __int128;

/// Compares and swaps two words that lie side by side, the first one aligned to 16, at once. A full
/// barrier. The sources that use it are compiled with -mcx16.
inline bool swap_pair(void* pair, std::uint64_t first, std::uint64_t second,
                      std::uint64_t new_first, std::uint64_t new_second) noexcept {
    static_assert(std::endian::native == std::endian::little, "the first word is the low half");
    const auto joined = [](std::uint64_t low, std::uint64_t high) {
        return (static_cast<uint128>(high) << 64) | low;
    };
    return __sync_bool_compare_and_swap(static_cast<uint128*>(pair), joined(first, second),
                                        joined(new_first, new_second));
}

}  // namespace valpool::detail
