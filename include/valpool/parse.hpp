#pragma once

/// Values from text: Python's literals, as values print themselves.

#include <valpool/detail/config.hpp>
#include <valpool/val.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace valpool {

/// What a text may ask for at most.
struct parse_limits {
    std::size_t depth = 100000;
    std::size_t size_bytes = std::size_t{1} << 30;
};

/// The value that the text stands for, on the heap. Besides what values print, it may contain
/// comments (# to the end of the line), commas behind the last element, o{...} for an OTab, and
/// Python's other ways to write a number (0x1f, 0o17, 0b101, 1_000, 2j, 1+2j) and a character
/// (\101, \u20ac, \U0001f600, as UTF-8), arrays of numbers without commas and with NumPy's names of
/// their types (array([1 2], dtype=int8)). Integers get the smallest of int_4, int_8, int_u8 and
/// int_n that holds them; with an L behind they are int_n. Throws std::logic_error saying line and
/// column, with the place marked: the text is no value, something follows it, a number does not fit
/// its array, or the limits are exceeded.
VALPOOL_API Val parse(std::string_view text, const parse_limits& limits = parse_limits());

/// The original's name.
inline Val Eval(const std::string& text) { return parse(text); }

/// Files and streams of one value each. Throw std::runtime_error when the file cannot be read or
/// written (naming it, and the system's reason), std::logic_error for what it contains.
VALPOOL_API void ReadValFromStream(std::istream& in, Val& v);
VALPOOL_API void ReadValFromFile(const std::string& filename, Val& v);
VALPOOL_API void ReadTabFromFile(const std::string& filename, Tab& t);
VALPOOL_API void WriteValToStream(const Val& v, std::ostream& out);
VALPOOL_API void WriteValToFile(const Val& v, const std::string& filename);
VALPOOL_API void WriteTabToFile(const Tab& t, const std::string& filename);

/// The original's reader of text: each call takes the next value. After an error it goes on behind
/// the character that was wrong, so that reading until EOFComing() comes to an end.
class VALPOOL_API ValReader {
public:
    explicit ValReader(std::string text) : text_(std::move(text)) {}
    /// So many bytes; up to the end of the text if negative.
    ValReader(const char* text, int length)
        : text_(length < 0 ? std::string(text)
                           : std::string(text, static_cast<std::size_t>(length))) {}
    /// A copy of an Array<char>.
    template <class Chars, std::enable_if_t<std::is_same_v<Chars, Array<char>>, int> = 0>
    explicit ValReader(const Chars& text) : text_(text.data(), text.length()) {}
    ValReader(const ValReader& other) = default;
    /// The other has nothing left then.
    ValReader(ValReader&& other) noexcept
        : text_(std::exchange(other.text_, std::string())),
          position_(std::exchange(other.position_, 0)) {}
    ValReader& operator=(ValReader other) noexcept {
        text_.swap(other.text_);
        position_ = other.position_;
        return *this;
    }
    ~ValReader() = default;
    /// std::logic_error for anything else than that. They return true, as the original's.
    bool expectAnything(Val& v);
    bool expectTab(Tab& t);
    bool expectArr(Array<Val>& a);
    bool expectOTab(OTab& t);
    bool expectTup(Tup& t);
    bool expectStr(std::string& text);
    /// Also a complex one, and one of any size.
    bool expectNumber(Val& number);
    /// array(...), whatever its type.
    bool expectNumericArray(Val& array);
    /// Whether nothing but space and comments is left.
    bool EOFComing() const;

private:
    std::string text_;
    std::size_t position_ = 0;
};

}  // namespace valpool
