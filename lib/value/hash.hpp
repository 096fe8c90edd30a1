#pragma once

#include <valpool/value/val.hpp>

#include <cstdint>
#include <string_view>

/// Hashes of values. Values that compare equal have the same hash.

namespace valpool::detail {

/// Multiplies to 128 bits and folds them, so that every bit of a and b reaches every bit of the
/// result.
inline std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xe7037ed1a0b428db);
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint32_t folded(std::uint64_t h) noexcept {
    return static_cast<std::uint32_t>(h ^ (h >> 32));
}

constexpr std::uint64_t text_seed = 0x243f6a8885a308d3;

inline std::uint32_t hash_with(std::uint64_t h, const short_text& rest) noexcept {
    return folded(mixed(h ^ rest.second, rest.third ^ (rest.head * 0x9e3779b97f4a7c15)));
}

/// Inline for the tables, which hash the key of most insertions.
inline std::uint32_t hash_of(const short_text& text) noexcept {
    return hash_with(text_seed ^ text.view().size(), text);
}
std::uint32_t hash_of(std::string_view text) noexcept;
/// Throws PoisonedError for a shared container whose writer has died, and what reading it throws.
std::uint32_t hash_of(const Val& v);

}  // namespace valpool::detail
