#pragma once

#include <valpool/value/detail/value_access.hpp>
#include <valpool/value/val.hpp>

#include <cstdint>
#include <string_view>

namespace valpool {

namespace detail {
class table;
}

/// A text key that is looked up again and again, prepared once: up to 20 bytes of text in the form
/// in which a table keeps it, longer text with its hash. Usable wherever a table or a value takes a
/// key by text: t[k], t(k), findValue(k), contains(k), insertKeyAndValue(k, value).
/// It pays for keys that the program has as std::string; the compiler prepares a literal of up to
/// 20 bytes by itself. docs/values.md has the figures.
///
/// Throws: std::bad_alloc for a text of more than 20 bytes, which it copies to the heap;
/// std::logic_error for a null pointer. Blocking: never.
/// Thread safety: as for a standard container.
class VALPOOL_API Key {
public:
    template <class T, detail::if_text<T> = 0>
    explicit Key(const T& text) : Key(detail::checked_text(text), int()) {}

    std::string_view text() const noexcept { return detail::value_access::bytes(text_); }

private:
    friend class Val;
    friend class detail::table;

    Key(std::string_view text, int);

    bool is_short() const noexcept { return !detail::value_access::owns_something(text_); }
    detail::short_text words() const noexcept {
        return detail::short_text(detail::value_access::stored(text_));
    }

    Val text_;
    std::uint32_t hash_;
};

inline Val& Val::operator[](const Key& key) {
    return key.is_short() ? at_short_text(key.words()) : at_long(key);
}
inline Val& Val::operator()(const Key& key) const {
    return key.is_short() ? get_short_text(key.words()) : get_long(key);
}

}  // namespace valpool
