#pragma once

/// What standard output can show.

#include <cstddef>
#include <string>
#include <string_view>

namespace tool {

/// False for a file or a pipe.
bool is_terminal() noexcept;
/// Columns of the terminal; 0 when the output is no terminal, and so has any width.
std::size_t terminal_columns() noexcept;
std::size_t terminal_rows() noexcept;
/// Colours: on a terminal that has some, unless NO_COLOR is set (no-color.org).
bool has_colors();

enum class style { plain, bold, dim, good, warning, bad };
/// The text in that style where there are colours; otherwise as it is.
std::string styled(std::string_view text, style how);

/// How many columns the text takes on a terminal. It is UTF-8 without control characters.
std::size_t display_width(std::string_view text);
/// The text in at most so many columns; "…" shows where it was cut.
std::string shortened(std::string_view text, std::size_t columns);
/// A name or text of somebody else's for people to read: UTF-8 as it is, control characters and
/// what is not UTF-8 as \x.., a backslash as two. So it can neither change the terminal's state nor
/// break a table, and two names never look the same.
std::string shown(std::string_view text);
/// The name that shown() has made this of. What is no such text stays as it is.
std::string unshown(std::string_view text);

}  // namespace tool
