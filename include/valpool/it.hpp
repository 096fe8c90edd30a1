#pragma once

#include <valpool/proxy.hpp>
#include <valpool/val.hpp>

#include <boost/container/vector.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace valpool {

/// Walks any container, in the original's way:
///     for (It ii(v); ii(); ) { ii.key(); ii.value(); }
/// Keys of lists are their indexes (of arrays of numbers, the values are copies). The container
/// must not change meanwhile.
class VALPOOL_API It {
public:
    explicit It(const Val& v);
    explicit It(const Proxy& p) : It(p.val()) {}
    /// Of a temporary, which is kept as long as it is walked.
    explicit It(Val&& v);
    explicit It(Proxy&& p) : It(std::move(p.val())) {}
    explicit It(Tab& t);
    explicit It(OTab& t);
    explicit It(Tup& t);
    explicit It(Arr& a);

    It(const It&) = delete;
    It& operator=(const It&) = delete;

    /// Moves to the next element; false after the last one.
    bool operator()();
    bool next() { return (*this)(); }
    bool operator++() { return (*this)(); }
    /// Before the first element again.
    void reset() noexcept {
        next_ = 0;
        key_ = nullptr;
        value_ = nullptr;
    }
    /// None before the first move.
    const Val& key() const noexcept { return key_ ? *key_ : made_key_; }
    Val& value() const noexcept { return value_ ? *value_ : const_cast<Val&>(made_value_); }

protected:
    struct item {
        const Val* key;  // null: its position
        Val* value;      // null: the number at its position
    };
    void add_table(detail::table& t);
    void add_list(Val* first, std::size_t count);
    void sort();

private:
    void add(const Val& v);

    boost::container::vector<item> items_;  // no std::vector, see big_int
    Val kept_;                              // a temporary, or the array of numbers, that is walked
    std::size_t next_ = 0;
    const Val* key_ = nullptr;
    Val* value_ = nullptr;
    Val made_key_;
    Val made_value_;
};

/// The same in the order of the keys.
class VALPOOL_API Sit : public It {
public:
    template <class Container,
              std::enable_if_t<!std::is_base_of_v<It, std::decay_t<Container>>, int> = 0>
    explicit Sit(Container&& c) : It(std::forward<Container>(c)) {
        sort();
    }
};

}  // namespace valpool
