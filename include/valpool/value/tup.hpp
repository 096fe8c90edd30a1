#pragma once

#include <valpool/value/array.hpp>
#include <valpool/value/val.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace valpool {

/// A tuple: a sequence of values with a fixed length.
class VALPOOL_API Tup {
public:
    Tup() = default;
    /// The original takes up to 12 values; here any number is possible.
    /// With a single Val or Proxy that holds a Tup, the result is a copy of that Tup, as with the
    /// other containers. Any other single argument gives a tuple of one: Tup(Val(5)) is (5). (To
    /// make a tuple of one tuple, use take.)
    template <class... Rest,
              std::enable_if_t<std::conjunction_v<std::is_convertible<Rest, Val>...>, int> = 0>
    explicit Tup(const Val& first, const Rest&... rest) {
        if (sizeof...(rest) == 0 && first.tag == 'u') {
            *this = static_cast<const Tup&>(first);
            return;
        }
        items_.resize(1 + sizeof...(rest));
        items_.append(first);
        (items_.append(Val(rest)), ...);
    }
    template <class P, std::enable_if_t<std::is_same_v<P, Proxy>, int> = 0>
    explicit Tup(const P& proxy) : Tup(proxy.val()) {}
    /// The original's constructors take a pool. Here it is not used: the tuple lies on the heap.
    template <class Pool, detail::if_pool<Pool> = 0>
    explicit Tup(Pool) noexcept {}
    template <class Pool, detail::if_pool<Pool> = 0>
    Tup(const Tup& other, Pool) : Tup(other) {}
    explicit Tup(const detail::allocator<char>& memory) noexcept
        : items_(detail::allocator<Val>(memory)) {}
    Tup(const Tup& other) = default;
    Tup(Tup&& other) = default;
    Tup(Tup&& other, const detail::allocator<char>& memory)
        : items_(std::move(other.items_), memory) {}
    Tup(const Tup& other, const detail::allocator<char>& memory) : items_(other.items_, memory) {}
    Tup& operator=(const Tup& other) = default;
    Tup& operator=(Tup&& other) = default;

    /// std::out_of_range for a bad index.
    Val& operator[](std::size_t i) { return items_[i]; }
    const Val& operator[](std::size_t i) const { return items_[i]; }
    Val& at(std::size_t i) { return items_[i]; }
    const Val& at(std::size_t i) const { return items_[i]; }
    /// Unchecked.
    Val& operator()(std::size_t i) noexcept { return items_(i); }
    const Val& operator()(std::size_t i) const noexcept { return items_(i); }
    std::size_t length() const noexcept { return items_.length(); }
    std::size_t entries() const noexcept { return items_.length(); }
    std::size_t size() const noexcept { return items_.length(); }
    bool contains(const Val& item) const { return items_.contains(item); }
    /// As Val::prettyPrint.
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;
    /// Moves the values of a list into this tuple. The list is empty afterwards. From other memory
    /// the values are copied.
    void take(Arr& items) {
        const detail::mutation guard(region());
        const detail::mutation items_guard(items.region());
        Arr taken(std::move(items), detail::allocator<char>(region()));
        items_.swap(taken);
        // Copied values are still in `items`. NOLINTNEXTLINE(bugprone-use-after-move)
        items.clear();
    }
    void swap(Tup& other) { items_.swap(other.items_); }
    Val* begin() noexcept { return items_.begin(); }
    Val* end() noexcept { return items_.end(); }
    const Val* begin() const noexcept { return items_.begin(); }
    const Val* end() const noexcept { return items_.end(); }
    detail::box* region() const noexcept { return items_.region(); }
    /// As Val::allocator.
    StreamingPool* allocator() const noexcept { return items_.allocator(); }
    /// The list of the values, for what only a list can do, such as growing.
    Arr& impl() noexcept { return items_; }
    const Arr& impl() const noexcept { return items_; }

    friend bool operator==(const Tup& a, const Tup& b) { return a.items_ == b.items_; }
    friend bool operator!=(const Tup& a, const Tup& b) { return !(a == b); }
    friend bool operator<(const Tup& a, const Tup& b) { return a.items_ < b.items_; }
    friend bool operator>(const Tup& a, const Tup& b) { return b < a; }
    friend bool operator<=(const Tup& a, const Tup& b) { return !(b < a); }
    friend bool operator>=(const Tup& a, const Tup& b) { return !(a < b); }

private:
    Arr items_;
};

inline Arr detail::table::keys() const {
    Arr all(entries());
    for (const auto& [key, value] : *this) all.append(key);
    return all;
}
inline Arr detail::table::values() const {
    Arr all(entries());
    for (const auto& [key, value] : *this) all.append(value);
    return all;
}
inline Arr detail::table::items() const {
    Arr all(entries());
    for (const auto& [key, value] : *this) {
        Tup pair;
        pair.impl().append(key);
        pair.impl().append(value);
        all.append(Val(pair));
    }
    return all;
}

inline Val::operator Tup&() const { return detail::value_access::container_of_type<Tup>(*this); }

}  // namespace valpool
