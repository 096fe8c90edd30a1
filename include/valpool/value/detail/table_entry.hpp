#pragma once

/// What a walk over a table gives, and how it comes apart in a structured binding.

#include <valpool/value/val.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace valpool {
namespace detail {

/// A key and its value, as a walk over a table gives them: references into the table. A copy of it
/// has copies of the two, on the heap: for (auto [key, value] : t) has copies. As a structured
/// binding the key is constant: changing it in place would hide it from lookups.
template <class V>
class table_entry {
    struct copies {
        Val key;
        Val value;
    };
    // Before the references, which may refer to it.
    alignas(copies) unsigned char kept_[sizeof(copies)];
    const bool is_copy_;

public:
    const Val& key;
    V& value;

    struct copied {};

    table_entry(const Val& k, V& v) noexcept : is_copy_(false), key(k), value(v) {}
    table_entry(copied, const Val& k, const Val& v)
        : is_copy_(true), key((new (kept_) copies{k, v})->key), value(kept().value) {}
    table_entry(const table_entry& other) : table_entry(copied(), other.key, other.value) {}
    table_entry& operator=(const table_entry& other) = delete;
    ~table_entry() {
        if (is_copy_) std::destroy_at(&kept());
    }

private:
    copies& kept() noexcept { return *std::launder(reinterpret_cast<copies*>(kept_)); }
};

template <std::size_t I, class V>
auto& get(table_entry<V>& e) noexcept {
    if constexpr (I == 0)
        return e.key;
    else
        return const_cast<Val&>(e.value);  // a constant table's entry is a copy if it is not const
}
template <std::size_t I, class V>
const Val& get(const table_entry<V>& e) noexcept {
    if constexpr (I == 0)
        return e.key;
    else
        return e.value;
}
template <std::size_t I, class V>
auto&& get(table_entry<V>&& e) noexcept {
    return std::move(get<I>(e));
}
template <std::size_t I, class V>
const Val&& get(const table_entry<V>&& e) noexcept {
    return std::move(get<I>(e));
}

}  // namespace detail
}  // namespace valpool

namespace std {
template <class V>
struct tuple_size<valpool::detail::table_entry<V>> : integral_constant<size_t, 2> {};
template <class V>
struct tuple_element<0, valpool::detail::table_entry<V>> {
    using type = const valpool::Val;
};
template <class V>
struct tuple_element<1, valpool::detail::table_entry<V>> {
    using type = valpool::Val;
};
}  // namespace std
