#pragma once

#include <valpool/value/detail/short_text.hpp>
#include <valpool/value/detail/table_layout.hpp>
#include <valpool/value/detail/value_access.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Fingerprints: a byte of each key. A look-up compares sixteen of them at once and looks at the
/// few keys only whose fingerprint is the wanted one.

namespace valpool::detail {

/// Of any key: a byte of its hash.
inline unsigned char fingerprint_of(std::uint32_t hash) noexcept {
    return static_cast<unsigned char>(hash >> 24);
}
/// Of a short text, which only an equal short text is equal to. That takes less than its hash.
inline unsigned char fingerprint_of(const short_text& text) noexcept {
    constexpr std::uint64_t spread = 0x9e3779b97f4a7c15;
    const std::uint64_t both = (text.head * spread) ^ text.third;
    return static_cast<unsigned char>((((both << 23 | both >> 41) ^ text.second) * spread) >> 56);
}
/// Of a key that lies somewhere. `hash` need not be its hash if it is a short text.
inline unsigned char fingerprint_of(const Val& key, std::uint32_t hash) noexcept {
    if (key.tag != 'a' || value_access::owns_something(key)) return fingerprint_of(hash);
    return fingerprint_of(short_text(value_access::stored(key)));
}
// The same for what tables are asked for.
inline unsigned char fingerprint_of(std::string_view key, std::uint32_t hash) noexcept {
    return key.size() <= short_text::most ? fingerprint_of(short_text(key)) : fingerprint_of(hash);
}
inline unsigned char fingerprint_of(const short_text& key, std::uint32_t) noexcept {
    return fingerprint_of(key);
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

/// A bit for each of the first `count` fingerprints, at most 32, that is `wanted`; and perhaps for
/// some behind these.
inline std::uint32_t matches_and_more(const unsigned char* fingerprints, std::uint32_t count,
                                      unsigned char wanted) noexcept {
    std::uint32_t found = matches_of_group(fingerprints, wanted);
    if (count > fingerprint_group)
        found |= matches_of_group(fingerprints + fingerprint_group, wanted) << fingerprint_group;
    return found;
}
constexpr std::uint32_t without_those_behind(std::uint32_t found, std::uint32_t count) noexcept {
    return found & static_cast<std::uint32_t>((std::uint64_t{1} << count) - 1);
}
inline std::uint32_t matches(const unsigned char* fingerprints, std::uint32_t count,
                             unsigned char wanted) noexcept {
    return without_those_behind(matches_and_more(fingerprints, count, wanted), count);
}

}  // namespace valpool::detail
