#pragma once

#include <valpool/value/detail/value_access.hpp>
#include <valpool/value/val.hpp>

#include <cstdint>
#include <string_view>

namespace valpool {

namespace detail {
class table;
}

/// A text key that is looked up again and again, prepared once: hashed, and in the form in which a
/// table keeps it. Usable wherever a table or a value takes a key by text: t[k], t(k),
/// findValue(k), contains(k), insertKeyAndValue(k, value).
/// It pays for keys that the program has as std::string: a literal of up to 20 bytes is prepared by
/// the compiler, but for its hash. docs/values.md has the figures.
/// Throws: std::bad_alloc for a text of more than 20 bytes, which it copies to the heap;
/// std::logic_error for a null pointer. Blocking: never. Thread safety: as for a standard
/// container.
class VALPOOL_API Key {
public:
    template <class T, detail::if_text<T> = 0>
    explicit Key(const T& text) : Key(detail::checked_text(text), int()) {}

    std::string_view text() const noexcept { return detail::value_access::bytes(text_); }

private:
    friend class detail::table;

    Key(std::string_view text, int);

    Val text_;
    std::uint32_t hash_;
};

}  // namespace valpool
