#pragma once

/// Tab and OTab: values by key.

#include <valpool/value/detail/table.hpp>
#include <valpool/value/key.hpp>
#include <valpool/value/val.hpp>

#include <initializer_list>
#include <iosfwd>
#include <string>
#include <utility>

namespace valpool {

/// A table: values by key, walked in the order of insertion. Keys are of any type; numbers that
/// compare equal are the same key, as in Python.
/// Blocking: never. Thread and process safety: as for Val. What allocates throws std::bad_alloc on
/// the heap and PoolExhausted in a pool, and leaves the table as it was.
/// Complexity: constant. Among up to four keys a key is found by comparing it with each, among more
/// by its hash.
class VALPOOL_API Tab : public detail::table {
public:
    using table::table;
    Tab() noexcept = default;
    /// From a Python literal; see parse.
    Tab(const std::string& text);
    Tab(const char* text) : Tab(std::string(text)) {}
    /// With a pool: see if_pool.
    template <class Pool, detail::if_pool<Pool> = 0>
    explicit Tab(Pool) noexcept {}
    template <class Content, class Pool, detail::if_pool<Pool> = 0>
    Tab(const Content& content, Pool) : Tab(content) {}
    Tab(std::initializer_list<std::pair<Val, Val>> items);
    /// A copy of the Tab that a Val holds; std::logic_error when it holds something else.
    template <class V, detail::if_val<V> = 0>
    explicit Tab(const V& v) : Tab(static_cast<Tab&>(v)) {}

    /// t[key]: inserts None where there is nothing yet. References to other values stay valid. A
    /// constant table inserts nothing: as with ().
    using table::operator[];
    /// t(key): std::out_of_range when it is not there.
    using table::operator();
    /// findValue(key): null when it is not there. findValue(key, found): copies the value; false,
    /// and nothing changed, when it is not there.
    using table::contains;
    using table::findValue;
    /// get(key, instead = None): a copy of the value, or of what is given instead.
    using table::get;
    /// insertKeyAndValue(key, value): replaces the value of a key that is there. A value that is
    /// moved is taken over, and None then; from other memory (heap or box) it is copied and stays
    /// as it is. Not for a container that the table is a part of.
    using table::insertKeyAndValue;
    /// swapInto(key, value): takes key and value over, which are None then. A key that is there
    /// stays, and gets the value in exchange for the one it had: true then.
    using table::swapInto;
    /// append(value): under the key entries(). std::runtime_error, with nothing changed, when that
    /// is taken. appendStr(value): under the text of that number.
    using table::append;
    using table::appendStr;
    /// remove(key): true if it was there. References into the table become invalid. A table in a
    /// pool may need memory for that, because it shares its keys with others: PoolExhausted, with
    /// nothing changed.
    using table::clear;
    using table::entries;
    using table::isEmpty;
    using table::length;
    using table::remove;
    using table::size;
    /// reserve(count): room for so many entries, so that inserting allocates for their content
    /// only. std::length_error for more than there can be.
    using table::reserve;
    using table::swap;
    /// In the order of the walk: the keys, the values, and both in tuples of two; copies of them.
    using table::items;
    using table::keys;
    using table::values;
    /// For walking in order: for (auto& [key, value] : t). An entry, as the walk gives it, is valid
    /// until the walk goes on; what it refers to, until something is removed.
    using table::begin;
    using table::end;

    /// Puts the other's entries in, in place of those with the same keys. All or none of them.
    Tab& operator+=(const Tab& other);
    /// As Val's.
    StreamingPool* allocator() const noexcept { return detail::pool_of_region(region()); }
    void swapInto(Tab& other) { swap(other); }
    /// As Val's.
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;

    /// As the comparisons of Val.
    friend VALPOOL_API bool operator==(const Tab& a, const Tab& b);
    friend bool operator!=(const Tab& a, const Tab& b) { return !(a == b); }
    friend bool operator<(const Tab& a, const Tab& b);
    friend bool operator>(const Tab& a, const Tab& b) { return b < a; }
    friend bool operator<=(const Tab& a, const Tab& b) { return !(b < a); }
    friend bool operator>=(const Tab& a, const Tab& b) { return !(a < b); }
};

/// As Tab, with the same members, but its order matters when two are compared, and it prints as
/// OrderedDict.
class VALPOOL_API OTab : public detail::table {
public:
    using table::table;
    OTab() noexcept = default;
    OTab(const std::string& text);
    OTab(const char* text) : OTab(std::string(text)) {}
    /// With a pool: see if_pool.
    template <class Pool, detail::if_pool<Pool> = 0>
    explicit OTab(Pool) noexcept {}
    template <class Content, class Pool, detail::if_pool<Pool> = 0>
    OTab(const Content& content, Pool) : OTab(content) {}
    OTab(std::initializer_list<std::pair<Val, Val>> items);
    template <class V, detail::if_val<V> = 0>
    explicit OTab(const V& v) : OTab(static_cast<OTab&>(v)) {}
    /// As Tab's; new keys come last, in the other's order.
    OTab& operator+=(const OTab& other);
    /// As Val's.
    StreamingPool* allocator() const noexcept { return detail::pool_of_region(region()); }
    void swapInto(OTab& other) { swap(other); }
    using table::swapInto;
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;

    friend VALPOOL_API bool operator==(const OTab& a, const OTab& b);
    friend bool operator!=(const OTab& a, const OTab& b) { return !(a == b); }
    friend bool operator<(const OTab& a, const OTab& b);
    friend bool operator>(const OTab& a, const OTab& b) { return b < a; }
    friend bool operator<=(const OTab& a, const OTab& b) { return !(b < a); }
    friend bool operator>=(const OTab& a, const OTab& b) { return !(a < b); }
    /// A Tab has no order to compare: only the items count.
    friend VALPOOL_API bool operator==(const Tab& a, const OTab& b);
    friend bool operator==(const OTab& a, const Tab& b) { return b == a; }
    friend bool operator!=(const Tab& a, const OTab& b) { return !(a == b); }
    friend bool operator!=(const OTab& a, const Tab& b) { return !(b == a); }
};

inline Val::operator Tab&() const { return detail::value_access::container_of_type<Tab>(*this); }
inline Val::operator OTab&() const { return detail::value_access::container_of_type<OTab>(*this); }

}  // namespace valpool
