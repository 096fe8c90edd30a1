#pragma once

#include <string_view>

namespace valpool::detail {

/// Whether the whole text is UTF-8: without overlong forms, surrogates, and codes beyond the last
/// character.
bool is_utf8(std::string_view text) noexcept;

}  // namespace valpool::detail
