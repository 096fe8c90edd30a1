#pragma once

#include <valpool/value/detail/table_layout.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Fingerprints: a byte of each key's hash. A look-up compares sixteen of them at once and looks at
/// the few keys only whose fingerprint is the wanted one.

namespace valpool::detail {

inline unsigned char fingerprint_of(std::uint32_t hash) noexcept {
    return static_cast<unsigned char>(hash >> 24);
}

/// Eight at once, in a general register: a bit for each of the bytes that is `wanted`.
inline std::uint32_t matches_of_eight(const unsigned char* bytes, unsigned char wanted) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t low_bits = 0x7f7f7f7f7f7f7f7f;
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    word ^= ones * wanted;
    // The high bit of each byte that is zero now, without a carry from one byte to the next.
    const std::uint64_t is_zero = ~(((word & low_bits) + low_bits) | word | low_bits);
    return static_cast<std::uint32_t>((is_zero >> 7) * 0x0102040810204080 >> 56);
}

inline std::uint32_t matches_of_group(const unsigned char* bytes, unsigned char wanted) noexcept {
#if defined(__SSE2__)
    const __m128i group = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    const __m128i all_wanted = _mm_set1_epi8(static_cast<char>(wanted));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(group, all_wanted)));
#else
    return matches_of_eight(bytes, wanted) | matches_of_eight(bytes + 8, wanted) << 8;
#endif
}

/// A bit for each of the first `count` fingerprints, at most 32, that is `wanted`.
inline std::uint32_t matches(const unsigned char* fingerprints, std::uint32_t count,
                             unsigned char wanted) noexcept {
    std::uint32_t found = matches_of_group(fingerprints, wanted);
    if (count > fingerprint_group)
        found |= matches_of_group(fingerprints + fingerprint_group, wanted) << fingerprint_group;
    return found & static_cast<std::uint32_t>((std::uint64_t{1} << count) - 1);
}

}  // namespace valpool::detail
