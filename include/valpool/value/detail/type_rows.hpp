#pragma once

/// The rows of type_table.hpp as an array, and lookups in it.

#include <valpool/base/detail/config.hpp>
#include <valpool/value/detail/type_table.hpp>
#include <valpool/value/types.hpp>

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace valpool {

class Tab;
class OTab;
class Tup;

namespace detail {

enum class type_kind : unsigned char { none, number, big_integer, text, container, array };

struct type_row {
    char tag;
    type_kind kind;
    unsigned char size_bytes;  // of a number of fixed size, else 0
    char letter;               // of an array of such numbers, else 0
    const char* name;
    const char* numpy_name;  // null unless a number of fixed size
};

inline constexpr type_row type_rows[] = {
#define VALPOOL_NONE(tag, name) {tag, type_kind::none, 0, 0, name, nullptr},
#define VALPOOL_NUMBER(tag, type, name, letter, numpy) \
    {tag, type_kind::number, sizeof(type), letter, name, numpy},
#define VALPOOL_BIG_INTEGER(tag, type, name) {tag, type_kind::big_integer, 0, 0, name, nullptr},
#define VALPOOL_TEXT(tag, name) {tag, type_kind::text, 0, 0, name, nullptr},
#define VALPOOL_CONTAINER(tag, type, name) {tag, type_kind::container, 0, 0, name, nullptr},
#define VALPOOL_ARRAY(tag, name) {tag, type_kind::array, 0, 0, name, nullptr},
    VALPOOL_VALUE_TYPES(VALPOOL_NONE, VALPOOL_NUMBER, VALPOOL_BIG_INTEGER, VALPOOL_TEXT,
                        VALPOOL_CONTAINER, VALPOOL_ARRAY)
#undef VALPOOL_NONE
#undef VALPOOL_NUMBER
#undef VALPOOL_BIG_INTEGER
#undef VALPOOL_TEXT
#undef VALPOOL_CONTAINER
#undef VALPOOL_ARRAY
};

constexpr bool has_each_tag_once() noexcept {
    for (const type_row& a : type_rows)
        for (const type_row& b : type_rows)
            if (&a != &b && a.tag == b.tag) return false;
    return true;
}
static_assert(has_each_tag_once(), "a tag tells the type");

/// The row of a type; null for a tag that no type has.
constexpr const type_row* find_type(char tag) noexcept {
    for (const type_row& row : type_rows)
        if (row.tag == tag) return &row;
    return nullptr;
}
/// The row of a number of fixed size; null for other types.
constexpr const type_row* find_number_type(char tag) noexcept {
    const type_row* const row = find_type(tag);
    return row && row->kind == type_kind::number ? row : nullptr;
}
/// The first number type with this letter; null when there is none.
constexpr const type_row* find_type_of_letter(char letter) noexcept {
    for (const type_row& row : type_rows)
        if (row.kind == type_kind::number && row.letter == letter) return &row;
    return nullptr;
}

/// Every place calls this for a tag or subtype that no type has: throws std::logic_error, which
/// names it.
[[noreturn]] VALPOOL_API void throw_unknown_type(char tag, char subtype);
/// The row of a type; throws for an unknown one.
inline const type_row& type_of(char tag) {
    const type_row* const row = find_type(tag);
    if (!row) throw_unknown_type(tag, 'Z');
    return *row;
}

// These use switches instead of the rows, because they are on fast paths.
constexpr bool is_container(char tag) noexcept {
    switch (tag) {
#define VALPOOL_NOTHING(tag, ...)
#define VALPOOL_IS_ONE(tag, ...) case tag:
        VALPOOL_VALUE_TYPES(VALPOOL_NOTHING, VALPOOL_NOTHING, VALPOOL_NOTHING, VALPOOL_NOTHING,
                            VALPOOL_IS_ONE, VALPOOL_IS_ONE)
        return true;
        default: return false;
    }
}
constexpr bool is_big(char tag) noexcept {
    switch (tag) {
        VALPOOL_BIG_INTEGER_TYPES(VALPOOL_IS_ONE)
        return true;
        default: return false;
    }
}
template <class T>
constexpr bool is_complex_type = std::is_same_v<T, complex_8> || std::is_same_v<T, complex_16>;
constexpr bool is_complex_number(char tag) noexcept {
    switch (tag) {
#define VALPOOL_IS_COMPLEX(tag, type, ...) \
    case tag: return is_complex_type<type>;
        VALPOOL_NUMBER_TYPES(VALPOOL_IS_COMPLEX)
#undef VALPOOL_IS_COMPLEX
        default: return false;
    }
}
#undef VALPOOL_NOTHING
#undef VALPOOL_IS_ONE
constexpr bool is_table(char tag) noexcept { return tag == 't' || tag == 'o'; }
/// None and the numbers of fixed size: the types that are copied by their bytes.
constexpr bool is_plain(char tag) noexcept { return tag == 'Z' || ByteLength(tag) != 0; }

/// Stands for a type where no value of that type is needed.
template <class T>
struct type_is {
    using type = T;
};
/// Calls visit with type_is<T> for the number type T that has this tag.
template <class Visitor>
decltype(auto) visit_number_type(char tag, Visitor&& visit) {
    switch (tag) {
#define VALPOOL_VISIT(tag, type, ...) \
    case tag: return visit(type_is<type>());
        VALPOOL_NUMBER_TYPES(VALPOOL_VISIT)
#undef VALPOOL_VISIT
        default: throw_unknown_type(tag, 'Z');
    }
}

/// Tag and subtype of the container types; array.hpp has those of the arrays.
template <class T>
struct container_tags;
#define VALPOOL_TAGS_OF(its_tag, type, ...)                 \
    template <>                                             \
    struct container_tags<type> {                           \
        static constexpr char tag = its_tag, subtype = 'Z'; \
    };
VALPOOL_CONTAINER_TYPES(VALPOOL_TAGS_OF)
#undef VALPOOL_TAGS_OF

}  // namespace detail
}  // namespace valpool
