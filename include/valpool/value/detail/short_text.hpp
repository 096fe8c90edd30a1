#pragma once

#include <valpool/base/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace valpool {

class Val;

namespace detail {

/// Holds for text of any kind, but not for the null pointer constants 0 and nullptr.
template <class T>
using if_text = std::enable_if_t<std::is_convertible_v<const T&, std::string_view> &&
                                     !std::is_same_v<std::decay_t<T>, std::nullptr_t> &&
                                     !std::is_same_v<std::decay_t<T>, Val>,
                                 int>;
[[noreturn]] VALPOOL_API void throw_null_text();
/// The text as a view. Throws std::logic_error for a null pointer.
template <class T, if_text<T> = 0>
VALPOOL_ALWAYS_INLINE std::string_view checked_text(const T& text) {
    if constexpr (std::is_pointer_v<T>)
        if (!text) throw_null_text();
    return text;
}

/// Up to 20 bytes of text as a value keeps them, in three words: the value's header (tags and
/// length) with the first four bytes; the next eight bytes; the last eight, with zeros behind the
/// text. So a text is compared, hashed and stored as a whole. Values are always written and read in
/// these words, because a wide load right after narrower stores has to wait until the stores have
/// reached the cache. For a text that the compiler knows, all three words are constants. Functions
/// take the words as separate parameters, so that they are passed in registers.
struct short_text {
    static constexpr std::size_t most = 20;

    std::uint64_t head;
    std::uint64_t second;
    std::uint64_t third;

    short_text(std::uint64_t h, std::uint64_t s, std::uint64_t t) noexcept
        : head(h), second(s), third(t) {}
    explicit short_text(std::string_view text) noexcept
        : head(header('a', 'Z', false, static_cast<unsigned char>(text.size()))),
          second(0),
          third(0) {
        const char* const t = text.data();
        const std::size_t size = text.size();
        // The last bytes are loaded together with some bytes before them, and those are shifted
        // out. That may be all of them.
        if (size > 12) {
            head |= load<std::uint32_t>(t) << 32;
            second = load<std::uint64_t>(t + 4);
            third = load<std::uint64_t>(t + size - 8) >> (8 * (20 - size));
        } else if (size >= 8) {
            head |= load<std::uint32_t>(t) << 32;
            second = load<std::uint64_t>(t + size - 8) >> (8 * (12 - size));
        } else if (size >= 4) {
            head |= load<std::uint32_t>(t) << 32;
            second = load<std::uint32_t>(t + size - 4) >> (8 * (8 - size));
        } else if (size > 0) {
            // The first, the middle and the last byte; some of these may be the same byte.
            const auto byte = [t](std::size_t i) {
                return std::uint64_t{static_cast<unsigned char>(t[i])} << (32 + 8 * i);
            };
            head |= byte(0) | byte(size / 2) | byte(size - 1);
        }
    }
    /// Reads the text from the place where a value keeps it.
    explicit short_text(const unsigned char* stored) noexcept
        : head(load_word(stored)), second(load_word(stored + 8)), third(load_word(stored + 16)) {}

    /// A value's header: tag, subtype, whether it is a proxy, and length, with zeros behind.
    static constexpr std::uint64_t header(char tag, char subtype, bool is_proxy,
                                          unsigned char length) noexcept {
        return static_cast<unsigned char>(tag) |
               static_cast<std::uint64_t>(static_cast<unsigned char>(subtype)) << 8 |
               static_cast<std::uint64_t>(is_proxy) << 16 | std::uint64_t{length} << 24;
    }
    void store(unsigned char* to) const noexcept {
        std::memcpy(to, &head, 8);
        std::memcpy(to + 8, &second, 8);
        std::memcpy(to + 16, &third, 8);
    }
    bool is_stored_at(const unsigned char* place) const noexcept {
        return load_word(place) == head &&
               ((load_word(place + 8) ^ second) | (load_word(place + 16) ^ third)) == 0;
    }
    std::string_view view() const noexcept {
        return {reinterpret_cast<const char*>(this) + 4, head >> 24 & 0xff};
    }

private:
    template <class Word>
    static std::uint64_t load(const char* at) noexcept {
        Word word;
        std::memcpy(&word, at, sizeof word);
        return word;
    }
    /// Loads one word. The compiler cannot merge this load with its neighbours into a wider one.
    static std::uint64_t load_word(const unsigned char* at) noexcept {
        std::uint64_t word;
        std::memcpy(&word, at, sizeof word);
        __asm__("" : "+r"(word));
        return word;
    }
};
static_assert(sizeof(short_text) == 24, "header and text lie side by side, as in a value");
#if defined(__BYTE_ORDER__)
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first bytes are the low ones");
#endif

/// Whether T may be the type of a literal with a short text. Then it pays to make a short_text
/// right where the literal is used, because the compiler knows the text there.
template <class T>
constexpr bool may_be_short_literal = false;
template <std::size_t N>
constexpr bool may_be_short_literal<char[N]> = N <= short_text::most + 1;
// Whatever takes a key by its text is always inlined: in a program of many fields a compiler would
// otherwise make one function for all literals of a length, and prepare none of them.

/// Calls with_short(short_text), inlined, for a literal with a short text, and
/// with_any(string_view) for all other text. (The size is checked again: the text in a char array
/// may be longer than the array, if the array has no end mark.)
template <class T, class Short, class Any>
VALPOOL_ALWAYS_INLINE decltype(auto) visit_text(const T& text, Short with_short, Any with_any) {
    const std::string_view bytes = checked_text(text);
    if constexpr (may_be_short_literal<T>)
        if (bytes.size() <= short_text::most) return with_short(short_text(bytes));
    return with_any(bytes);
}

}  // namespace detail
}  // namespace valpool
