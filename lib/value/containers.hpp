#pragma once

#include <valpool/value/array.hpp>
#include <valpool/value/detail/type_rows.hpp>
#include <valpool/value/detail/value_access.hpp>
#include <valpool/value/tab.hpp>
#include <valpool/value/tup.hpp>

#include <utility>
#include <vector>

namespace valpool::detail {

/// Calls visit with the array at `object`, in the type that its subtype says.
template <class Visitor>
decltype(auto) visit_array(char subtype, void* object, Visitor&& visit) {
    switch (subtype) {
#define VALPOOL_ELEMENT(its_tag, type, ...) \
    case its_tag: return visit(*static_cast<Array<type>*>(object));
        VALPOOL_ELEMENT_TYPES(VALPOOL_ELEMENT)
#undef VALPOOL_ELEMENT
        default: throw_unknown_type('n', subtype);
    }
}

/// Calls visit with the container at `object`, in the type that its tags say.
template <class Visitor>
decltype(auto) visit_container(char tag, char subtype, void* object, Visitor&& visit) {
    switch (tag) {
#define VALPOOL_CONTAINER(its_tag, type, ...) \
    case its_tag: return visit(*static_cast<type*>(object));
        VALPOOL_CONTAINER_TYPES(VALPOOL_CONTAINER)
#undef VALPOOL_CONTAINER
        case 'n': return visit_array(subtype, object, std::forward<Visitor>(visit));
        default: throw_unknown_type(tag, subtype);
    }
}

/// The values of an Arr or a Tup.
struct value_row {
    Val* first;
    std::size_t count;
};
inline bool is_row(const Val& v) noexcept {
    return v.tag == 'u' || (v.tag == 'n' && v.subtype == 'Z');
}
inline value_row row_of(const Val& v) {
    void* const object = value_access::container_of_known(v);
    if (v.tag == 'u') {
        auto& tup = *static_cast<Tup*>(object);
        return {tup.begin(), tup.length()};
    }
    auto& arr = *static_cast<Arr*>(object);
    return {arr.begin(), arr.length()};
}
using value_pair = std::pair<const Val*, const Val*>;
/// The keys and values of a table, in its order or sorted by key.
std::vector<value_pair> entries_of(const table& t);
std::vector<value_pair> sorted_entries(const table& t);

inline table& table_of(const Val& v) {
    return *static_cast<table*>(value_access::container_of_known(v));
}

}  // namespace valpool::detail
