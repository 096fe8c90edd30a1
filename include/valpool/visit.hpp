#pragma once

/// Reading a value by its type, without conversions and without exceptions for a wrong guess.

#include <valpool/array.hpp>
#include <valpool/big_int.hpp>
#include <valpool/detail/config.hpp>
#include <valpool/proxy.hpp>
#include <valpool/tab.hpp>
#include <valpool/tup.hpp>
#include <valpool/val.hpp>

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
/// What get_if returns for a T: containers by pointer, everything else by value.
template <class T>
using get_result =
    std::conditional_t<number_tag<T>() != 'Z' || is_text<T> || is_big_int<T>, std::optional<T>, T*>;
}  // namespace detail

/// The content of a value that is of this very type: an std::optional for numbers and text
/// (std::string_view without a copy, valid as long as the value is unchanged), a pointer for Tab,
/// OTab, Tup, Arr and Array<T>. Empty or null for a value of another type.
/// Throws PoisonedError alone.
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

/// Calls the visitor with the content as its own type: std::monostate for None, numbers by value,
/// std::string_view, int_n and int_un, and references to containers (through proxies, too). Returns
/// what the visitor returns, which must be of one type.
template <class Visitor>
decltype(auto) visit(Visitor&& visitor, const Val& v) {
    const auto container = [&](auto* null) -> auto& {
        using C = std::remove_pointer_t<decltype(null)>;
        return *static_cast<C*>(detail::value_access::container(v));
    };
    const auto array = [&](char subtype) -> decltype(auto) {
        switch (subtype) {
            case 'b': return visitor(container(static_cast<Array<bool>*>(nullptr)));
            case 's': return visitor(container(static_cast<Array<int_1>*>(nullptr)));
            case 'S': return visitor(container(static_cast<Array<int_u1>*>(nullptr)));
            case 'i': return visitor(container(static_cast<Array<int_2>*>(nullptr)));
            case 'I': return visitor(container(static_cast<Array<int_u2>*>(nullptr)));
            case 'l': return visitor(container(static_cast<Array<int_4>*>(nullptr)));
            case 'L': return visitor(container(static_cast<Array<int_u4>*>(nullptr)));
            case 'x': return visitor(container(static_cast<Array<int_8>*>(nullptr)));
            case 'X': return visitor(container(static_cast<Array<int_u8>*>(nullptr)));
            case 'f': return visitor(container(static_cast<Array<real_4>*>(nullptr)));
            case 'd': return visitor(container(static_cast<Array<real_8>*>(nullptr)));
            case 'F': return visitor(container(static_cast<Array<complex_8>*>(nullptr)));
            case 'D': return visitor(container(static_cast<Array<complex_16>*>(nullptr)));
            case 'a': return visitor(container(static_cast<Array<std::string>*>(nullptr)));
            default: return visitor(container(static_cast<Arr*>(nullptr)));
        }
    };
    switch (v.tag) {
        case 'b': return visitor(static_cast<bool>(v));
        case 's': return visitor(static_cast<int_1>(v));
        case 'S': return visitor(static_cast<int_u1>(v));
        case 'i': return visitor(static_cast<int_2>(v));
        case 'I': return visitor(static_cast<int_u2>(v));
        case 'l': return visitor(static_cast<int_4>(v));
        case 'L': return visitor(static_cast<int_u4>(v));
        case 'x': return visitor(static_cast<int_8>(v));
        case 'X': return visitor(static_cast<int_u8>(v));
        case 'f': return visitor(static_cast<real_4>(v));
        case 'd': return visitor(static_cast<real_8>(v));
        case 'F': return visitor(static_cast<complex_8>(v));
        case 'D': return visitor(static_cast<complex_16>(v));
        case 'q': return visitor(int_n(v));
        case 'Q': return visitor(int_un(v));
        case 'a': return visitor(v.text());
        case 't': return visitor(container(static_cast<Tab*>(nullptr)));
        case 'o': return visitor(container(static_cast<OTab*>(nullptr)));
        case 'u': return visitor(container(static_cast<Tup*>(nullptr)));
        case 'n': return array(v.subtype);
        default: return visitor(std::monostate());
    }
}

/// What equal values have in common; all values can be hashed.
VALPOOL_API std::size_t hash_value(const Val& v);

}  // namespace valpool

template <>
struct std::hash<valpool::Val> {
    std::size_t operator()(const valpool::Val& v) const { return valpool::hash_value(v); }
};
