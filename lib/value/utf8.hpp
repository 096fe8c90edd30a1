#pragma once

#include <string_view>

namespace valpool::detail {

/// Whether all of it is UTF-8: no overlong forms, no surrogates, nothing beyond the last character.
bool is_utf8(std::string_view text) noexcept;

}  // namespace valpool::detail
