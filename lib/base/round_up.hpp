#pragma once

#include <cstddef>

namespace valpool::detail {

/// Rounds `n` up to a multiple of `to`.
constexpr std::size_t round_up(std::size_t n, std::size_t to) noexcept {
    return (n + to - 1) / to * to;
}

}  // namespace valpool::detail
