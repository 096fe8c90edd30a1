#pragma once

#include <valpool/compat/global_names.hpp>

namespace OC {

/// The text as a Python literal, in quotes.
inline std::string PyImage(const std::string& text) { return Stringize(Val(text)); }
/// The same, with or without the quotes. (The original escapes both kinds of quotes.)
inline std::string Image(const std::string& text, bool with_quotes = false) {
    const std::string image = PyImage(text);
    return with_quotes ? image : image.substr(1, image.size() - 2);
}
/// The text of such a literal.
inline std::string DeImage(const std::string& image, bool with_quotes = false) {
    if (with_quotes) return Eval(image);
    const bool has_apostrophe = image.find('\'') != std::string::npos;
    const char* const quote = has_apostrophe ? "\"" : "'";
    return Eval(quote + image + quote);
}
inline void indentOut_(std::ostream& out, int indent) {
    out << std::string(static_cast<std::size_t>(std::max(indent, 0)), ' ');
}

}  // namespace OC
