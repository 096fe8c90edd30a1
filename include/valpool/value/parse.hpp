#pragma once

/// Values from text: Python literals, the form in which values print.

#include <valpool/base/detail/config.hpp>
#include <valpool/value/val.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace valpool {

/// Limits for a text that is parsed.
struct parse_limits {
    std::size_t depth = 100000;
    std::size_t size_bytes = std::size_t{1} << 30;
};

/// The value of a Python literal, on the heap. It reads everything that values print, and also:
/// - comments (# to the end of the line) and a comma after the last element;
/// - o{...} for an OTab;
/// - Python's other notations of a number (0x1f, 0o17, 0b101, 1_000, 2j, 1+2j) and of a character
///   (\101, \u20ac, \U0001f600, as UTF-8);
/// - arrays of numbers without commas and with NumPy's type names (array([1 2], dtype=int8)).
/// Integers get the smallest of int_4, int_8, int_u8 and int_n that holds them; an integer with an
/// L after it is an int_n.
/// Throws std::logic_error, with line and column and the place marked, when the text is not a
/// value, something follows the value, a number does not fit its array, the limits are exceeded, or
/// a table has too many keys that were made to have the same hash.
VALPOOL_API Val parse(std::string_view text, const parse_limits& limits = parse_limits());

/// The original's name.
inline Val Eval(const std::string& text) { return parse(text); }

/// Files and streams of one value each. They throw std::runtime_error (naming the file and the
/// system's reason) when the file cannot be read or written, std::logic_error for content that is
/// not a value.
VALPOOL_API void ReadValFromStream(std::istream& in, Val& v);
VALPOOL_API void ReadValFromFile(const std::string& filename, Val& v);
VALPOOL_API void ReadTabFromFile(const std::string& filename, Tab& t);
VALPOOL_API void WriteValToStream(const Val& v, std::ostream& out);
VALPOOL_API void WriteValToFile(const Val& v, const std::string& filename);
VALPOOL_API void WriteTabToFile(const Tab& t, const std::string& filename);

/// The original's reader of text: each call reads the next value. After an error it continues after
/// the character that was wrong, so that a loop until EOFComing() terminates.
class VALPOOL_API ValReader {
public:
    explicit ValReader(std::string text) : text_(std::move(text)) {}
    /// Reads `length` bytes of `text`; up to its terminating zero if negative.
    ValReader(const char* text, int length)
        : text_(length < 0 ? std::string(text)
                           : std::string(text, static_cast<std::size_t>(length))) {}
    /// Reads a copy of an Array<char>.
    template <class Chars, std::enable_if_t<std::is_same_v<Chars, Array<char>>, int> = 0>
    explicit ValReader(const Chars& text) : text_(text.data(), text.length()) {}
    ValReader(const ValReader& other) = default;
    /// Leaves `other` with nothing to read.
    ValReader(ValReader&& other) noexcept
        : text_(std::exchange(other.text_, std::string())),
          position_(std::exchange(other.position_, 0)) {}
    ValReader& operator=(ValReader other) noexcept {
        text_.swap(other.text_);
        position_ = other.position_;
        return *this;
    }
    ~ValReader() = default;
    /// Each reads the next value; std::logic_error when it is not of that type. They always return
    /// true, as the original's do.
    bool expectAnything(Val& v);
    bool expectTab(Tab& t);
    bool expectArr(Array<Val>& a);
    bool expectOTab(OTab& t);
    bool expectTup(Tup& t);
    bool expectStr(std::string& text);
    /// Complex numbers and integers of any size count, too.
    bool expectNumber(Val& number);
    /// An array(...) of any type.
    bool expectNumericArray(Val& array);
    /// Whether only white space and comments are left.
    bool EOFComing() const;

private:
    std::string text_;
    std::size_t position_ = 0;
};

}  // namespace valpool
