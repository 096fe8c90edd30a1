#pragma once

/// The dashboard's page. Its parts lie in page/ and are built into the program.

#include <span>
#include <string_view>

namespace tool::dashboard {

struct page_part {
    std::string_view name;
    const char* type;  // MIME
    std::string_view content;
};
std::span<const page_part> page_parts() noexcept;

}  // namespace tool::dashboard
