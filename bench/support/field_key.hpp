#pragma once

#include <valpool/valpool.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace valpool::bench {

/// The name of a field that is written and read again and again: a text for those who take texts,
/// and prepared as valpool's page on values recommends it.
struct field_key {
    explicit field_key(std::string its_text) : text(std::move(its_text)), prepared(text) {}
    operator std::string_view() const noexcept { return text; }

    std::string text;
    Key prepared;
};

}  // namespace valpool::bench
