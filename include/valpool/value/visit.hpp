#pragma once

/// Access to a value by its type, without conversions and without an exception for a wrong guess.

#include <valpool/base/detail/config.hpp>
#include <valpool/value/array.hpp>
#include <valpool/value/big_int.hpp>
#include <valpool/value/detail/type_rows.hpp>
#include <valpool/value/proxy.hpp>
#include <valpool/value/tab.hpp>
#include <valpool/value/tup.hpp>
#include <valpool/value/val.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace valpool {

namespace detail {
template <class T>
constexpr bool is_text = std::is_same_v<T, std::string_view> || std::is_same_v<T, std::string>;
/// What get_if returns for a T: a pointer for containers, std::optional<T> for everything else.
template <class T>
using get_result =
    std::conditional_t<number_tag<T>() != 'Z' || is_text<T> || is_big_int<T>, std::optional<T>, T*>;
}  // namespace detail

/// The content of a value of exactly this type: a std::optional for numbers and text (a
/// std::string_view is not a copy, and valid as long as the value is unchanged), a pointer for Tab,
/// OTab, Tup, Arr and Array<T>. Empty or null for a value of another type.
/// Throws only PoisonedError, and std::bad_alloc where it copies text or a big integer.
template <class T>
detail::get_result<T> get_if(const Val& v) {
    if constexpr (detail::number_tag<T>() != 'Z') {
        if (v.tag != detail::number_tag<T>()) return std::nullopt;
        return static_cast<T>(v);
    } else if constexpr (detail::is_text<T>) {
        if (v.tag != 'a') return std::nullopt;
        return T(v.text());
    } else if constexpr (detail::is_big_int<T>) {
        if (v.tag != (std::is_same_v<T, int_n> ? 'q' : 'Q')) return std::nullopt;
        return T(v);
    } else {
        using tags = detail::container_tags<T>;
        if (v.tag != tags::tag || v.subtype != tags::subtype) return nullptr;
        return static_cast<T*>(detail::value_access::container(v));
    }
}

/// Calls the visitor with the content in its own type: std::monostate for None, numbers by value,
/// std::string_view for text, int_n and int_un, and references to containers (through proxies,
/// too). Returns the visitor's result, which must have the same type for every type of content.
/// Throws PoisonedError; std::logic_error for a damaged value, whose tag does not belong to any
/// type.
template <class Visitor>
decltype(auto) visit(Visitor&& visitor, const Val& v) {
    const auto container = [&](auto* null) -> auto& {
        using C = std::remove_pointer_t<decltype(null)>;
        return *static_cast<C*>(detail::value_access::container(v));
    };
    const auto array = [&](char subtype) -> decltype(auto) {
        switch (subtype) {
#define VALPOOL_ELEMENT(its_tag, type, ...) \
    case its_tag:                           \
        return visitor(container(static_cast<Array<type>*>(nullptr)));
            VALPOOL_ELEMENT_TYPES(VALPOOL_ELEMENT)
#undef VALPOOL_ELEMENT
            default: detail::throw_unknown_type(v.tag, subtype);
        }
    };
    switch (v.tag) {
        // clang-format off
#define VALPOOL_NONE(its_tag, ...) case its_tag: return visitor(std::monostate());
#define VALPOOL_NUMBER(its_tag, type, ...) case its_tag: return visitor(static_cast<type>(v));
#define VALPOOL_BIG_INTEGER(its_tag, type, ...) case its_tag: return visitor(type(v));
#define VALPOOL_TEXT(its_tag, ...) case its_tag: return visitor(v.text());
#define VALPOOL_CONTAINER(its_tag, type, ...) \
    case its_tag: return visitor(container(static_cast<type*>(nullptr)));
#define VALPOOL_ARRAY(its_tag, ...) case its_tag: return array(v.subtype);
        // clang-format on
        VALPOOL_VALUE_TYPES(VALPOOL_NONE, VALPOOL_NUMBER, VALPOOL_BIG_INTEGER, VALPOOL_TEXT,
                            VALPOOL_CONTAINER, VALPOOL_ARRAY)
#undef VALPOOL_NONE
#undef VALPOOL_NUMBER
#undef VALPOOL_BIG_INTEGER
#undef VALPOOL_TEXT
#undef VALPOOL_CONTAINER
#undef VALPOOL_ARRAY
        default: detail::throw_unknown_type(v.tag, v.subtype);
    }
}

/// A hash: equal values have the same hash, and every value can be hashed.
VALPOOL_API std::size_t hash_value(const Val& v);

}  // namespace valpool

template <>
struct std::hash<valpool::Val> {
    std::size_t operator()(const valpool::Val& v) const { return valpool::hash_value(v); }
};
