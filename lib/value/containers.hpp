#pragma once

#include <valpool/array.hpp>
#include <valpool/detail/value_access.hpp>
#include <valpool/tab.hpp>
#include <valpool/tup.hpp>

#include <stdexcept>
#include <utility>
#include <vector>

namespace valpool::detail {

/// Calls visit with the array at `object`, as what its subtype says.
template <class Visitor>
decltype(auto) visit_array(char subtype, void* object, Visitor&& visit) {
    switch (subtype) {
        case 'b': return visit(*static_cast<Array<bool>*>(object));
        case 's': return visit(*static_cast<Array<int_1>*>(object));
        case 'S': return visit(*static_cast<Array<int_u1>*>(object));
        case 'i': return visit(*static_cast<Array<int_2>*>(object));
        case 'I': return visit(*static_cast<Array<int_u2>*>(object));
        case 'l': return visit(*static_cast<Array<int_4>*>(object));
        case 'L': return visit(*static_cast<Array<int_u4>*>(object));
        case 'x': return visit(*static_cast<Array<int_8>*>(object));
        case 'X': return visit(*static_cast<Array<int_u8>*>(object));
        case 'f': return visit(*static_cast<Array<real_4>*>(object));
        case 'd': return visit(*static_cast<Array<real_8>*>(object));
        case 'F': return visit(*static_cast<Array<complex_8>*>(object));
        case 'D': return visit(*static_cast<Array<complex_16>*>(object));
        case 'a': return visit(*static_cast<Array<std::string>*>(object));
        case 'Z': return visit(*static_cast<Arr*>(object));
        default: throw std::logic_error("an array of an unknown type");
    }
}

/// Calls visit with the container at `object`, as what its tags say.
template <class Visitor>
decltype(auto) visit_container(char tag, char subtype, void* object, Visitor&& visit) {
    switch (tag) {
        case 't': return visit(*static_cast<Tab*>(object));
        case 'o': return visit(*static_cast<OTab*>(object));
        case 'u': return visit(*static_cast<Tup*>(object));
        case 'n': return visit_array(subtype, object, std::forward<Visitor>(visit));
        default: throw std::logic_error("a container of an unknown type");
    }
}

constexpr bool is_container(char tag) noexcept {
    return tag == 't' || tag == 'o' || tag == 'u' || tag == 'n';
}
constexpr bool is_table(char tag) noexcept { return tag == 't' || tag == 'o'; }
/// None and the numbers of fixed size: all that is copied by its bytes.
constexpr bool is_plain(char tag) noexcept { return tag == 'Z' || ByteLength(tag) != 0; }

/// The values of an Arr or a Tup.
struct value_row {
    Val* first;
    std::size_t count;
};
inline bool is_row(const Val& v) noexcept {
    return v.tag == 'u' || (v.tag == 'n' && v.subtype == 'Z');
}
inline value_row row_of(const Val& v) {
    void* const object = value_access::container(v);
    if (v.tag == 'u') {
        auto& tup = *static_cast<Tup*>(object);
        return {tup.begin(), tup.length()};
    }
    auto& arr = *static_cast<Arr*>(object);
    return {arr.begin(), arr.length()};
}
using value_pair = std::pair<const Val*, const Val*>;
/// Keys and values, in their order or by key.
std::vector<value_pair> entries_of(const table& t);
std::vector<value_pair> sorted_entries(const table& t);

inline table& table_of(const Val& v) { return *static_cast<table*>(value_access::container(v)); }

/// Agrees with ==.
std::uint32_t hash_of(const Val& v);
std::uint32_t hash_of(std::string_view text) noexcept;
std::uint32_t hash_of(const short_text& text) noexcept;

}  // namespace valpool::detail
