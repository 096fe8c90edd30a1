#pragma once

/// What the program prints. Everything for standard output goes through here, so that an output
/// that is closed or full ends the program with a clear result.

#include <exception>
#include <string_view>

namespace tool {

/// Nobody reads the output any more, as in `valpool ls | head -1`. Ends the program in good order,
/// without a message.
struct output_closed : std::exception {
    const char* what() const noexcept override { return "nobody reads the output any more"; }
};

/// Writes all of it to standard output. Throws output_closed; std::runtime_error when the output
/// takes nothing for another reason (a full disk).
void print(std::string_view text);
/// Whether somebody can still read the output, as far as that is known.
bool is_output_open() noexcept;
/// A line on standard error: "valpool: TEXT".
void complain(std::string_view text);

}  // namespace tool
