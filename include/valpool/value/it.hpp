#pragma once

#include <valpool/value/proxy.hpp>
#include <valpool/value/val.hpp>

#include <boost/container/vector.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace valpool {

class It;
namespace detail {
template <class Container>
using unless_iterator = std::enable_if_t<!std::is_base_of_v<It, std::decay_t<Container>>, int>;
}  // namespace detail

/// Iterates over any container, in the original's way:
///     for (It ii(v); ii(); ) { ii.key(); ii.value(); }
/// The keys of a list are its indexes. The values of an array of numbers are copies. The container
/// must not change meanwhile.
class VALPOOL_API It {
public:
    /// Iterates over nothing until reset() gets a container.
    It() = default;
    template <class Container, detail::unless_iterator<Container> = 0>
    explicit It(Container&& c) {
        reset(std::forward<Container>(c));
    }
    It(const It&) = delete;
    It& operator=(const It&) = delete;

    /// Moves to the next element; false after the last one.
    bool operator()();
    bool next() { return (*this)(); }
    bool operator++() { return (*this)(); }
    /// Moves back to before the first element.
    void reset() noexcept {
        next_ = 0;
        key_ = nullptr;
        value_ = nullptr;
    }
    /// Moves to before the first element of another container. std::logic_error for what is not a
    /// container; then there is nothing to iterate over.
    void reset(const Val& v);
    void reset(const Proxy& p) { reset(p.val()); }
    /// The same for a temporary; it is kept as long as it is iterated over.
    void reset(Val&& v);
    void reset(Proxy&& p) { reset(std::move(p.val())); }
    void reset(Tab&& t) { reset(Val(t)); }
    void reset(OTab&& t) { reset(Val(t)); }
    void reset(Tup&& t) { reset(Val(t)); }
    void reset(Arr&& a) { reset(Val(a)); }
    /// The same for a constant container; do not change its values through value().
    void reset(const Tab& t);
    void reset(const OTab& t);
    void reset(const Tup& t);
    void reset(const Arr& a);
    /// Both are None before the first move.
    const Val& key() const noexcept { return key_ ? *key_ : made_key_; }
    Val& value() const noexcept { return value_ ? *value_ : const_cast<Val&>(made_value_); }

protected:
    struct item {
        const Val* key;  // null: the key is the position
        Val* value;      // null: the value is a number, copied from the array at this position
    };
    void sort();

private:
    void empty() noexcept;
    void add(const Val& v);
    void add_table(const detail::table& t);
    void add_list(const Val* first, std::size_t count);

    boost::container::vector<item> items_;  // not a std::vector: see big_int
    Val kept_;                              // the temporary, or the array of numbers
    std::size_t next_ = 0;
    const Val* key_ = nullptr;
    Val* value_ = nullptr;
    Val made_key_;
    Val made_value_;
};

/// Like It, in the order of the keys.
class VALPOOL_API Sit : public It {
public:
    Sit() = default;
    template <class Container, detail::unless_iterator<Container> = 0>
    explicit Sit(Container&& c) {
        reset(std::forward<Container>(c));
    }
    void reset() noexcept { It::reset(); }
    template <class Container, detail::unless_iterator<Container> = 0>
    void reset(Container&& c) {
        It::reset(std::forward<Container>(c));
        sort();
    }
};

}  // namespace valpool
