#pragma once

/// Values as text for people to read.

#include <valpool/base/detail/config.hpp>
#include <valpool/value/val.hpp>

#include <cstddef>
#include <string>

namespace valpool {

/// How a value is printed. By default as operator<< does.
struct print_style {
    /// One element a line, as Val::prettyPrint, but without the newline at the end.
    bool is_pretty = false;
    /// Text that is UTF-8 as it is, instead of each byte beyond ASCII as \x... Control characters
    /// stay escaped. What is printed reads back as the same value either way.
    bool shows_utf8 = false;
    /// How many elements of each container are printed; 0: all. What says how many more there are
    /// does not read back.
    std::size_t most_elements = 0;
};

/// The value as a Python literal, in that style.
VALPOOL_API std::string to_text(const Val& v, print_style style = print_style());

}  // namespace valpool
