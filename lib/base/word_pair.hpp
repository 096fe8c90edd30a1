#pragma once

/// Two words that change at once, by one compare-and-swap of 16 bytes. Only for sources that are
/// compiled for it (-mcx16, see lib/CMakeLists.txt).

#include <bit>
#include <cstdint>

namespace valpool::detail {

struct word_pair {
    std::uint64_t low;
    std::uint64_t high;
};

/// A full barrier. `at` is aligned to 16 bytes.
inline bool swap_pair(void* at, word_pair from, word_pair to) noexcept {
    static_assert(std::endian::native == std::endian::little, "the low word lies first");
    __extension__ using uint128 = unsigned __int128;
    const auto joined = [](word_pair w) { return (static_cast<uint128>(w.high) << 64) | w.low; };
    return __sync_bool_compare_and_swap(static_cast<uint128*>(at), joined(from), joined(to));
}

}  // namespace valpool::detail
