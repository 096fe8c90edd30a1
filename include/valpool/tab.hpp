#pragma once

#include <valpool/detail/value_access.hpp>
#include <valpool/val.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace valpool {
namespace detail {

/// A key and its value: one cache line. As a structured binding the key is constant: changing it
/// in place would hide it from lookups.
struct alignas(64) table_entry {
    Val key;
    Val value;

    table_entry(const Val& k, const allocator<char>& memory) : key(k, memory), value(memory) {}
    table_entry(std::string_view k, const allocator<char>& memory)
        : key(k, memory), value(memory) {}
    table_entry(const short_text& k, const allocator<char>& memory) noexcept
        : key(memory), value(memory) {
        value_access::set_short(key, k);
    }
    table_entry(const table_entry& other, const allocator<char>& memory)
        : key(other.key, memory), value(other.value, memory) {}
    /// On the heap: for (auto [key, value] : t) has copies.
    table_entry(const table_entry& other) = default;
    table_entry& operator=(table_entry&&) = default;
    table_entry& operator=(const table_entry&) = delete;

    bool is_hole() const noexcept { return key.subtype == '-'; }
};

template <std::size_t I>
auto& get(table_entry& e) noexcept {
    if constexpr (I == 0)
        return std::as_const(e.key);
    else
        return e.value;
}
template <std::size_t I>
const Val& get(const table_entry& e) noexcept {
    if constexpr (I == 0)
        return e.key;
    else
        return e.value;
}
template <std::size_t I>
auto&& get(table_entry&& e) noexcept {
    return std::move(get<I>(e));
}
template <std::size_t I>
const Val&& get(const table_entry&& e) noexcept {
    return std::move(get<I>(e));
}

struct table_index;

/// What Tab and OTab are: entries in chunks that never move, each as large as all before it, in the
/// order of their insertion; and, from a few entries on, an index that finds keys by their hash.
/// Invariants:
///   1. entries lie at the positions 0 to size_ - 1; a removed one leaves a hole there (if there is
///      an index) or the ones behind it move up (if there is none);
///   2. there is an index as soon as there are two chunks or more than `most_without_index`
///   entries;
///   3. each entry that is no hole stands in the index, if there is one.
class VALPOOL_API table {
public:
    using entry = table_entry;
    static constexpr std::uint32_t smallest_chunk = 4;

    table() noexcept : table(allocator<char>()) {}
    explicit table(const allocator<char>& memory) noexcept : table(memory, nullptr, 0) {}
    /// With room for its first entries, which is its own from now on.
    table(const allocator<char>& memory, allocator<entry>::pointer first,
          std::uint32_t capacity) noexcept
        : memory_(memory), first_(first), first_capacity_(capacity & 0x7fffffff), has_holes_(0) {}
    table(const table& other) : table(other, allocator<char>()) {}
    table(const table& other, const allocator<char>& memory);
    table(table&& other);
    table(table&& other, const allocator<char>& memory);
    table& operator=(const table& other);
    table& operator=(table&& other);
    ~table() {
        if (first_) destroy();
    }

    /// Inserts None where there is nothing yet. References to other values stay valid.
    Val& operator[](const Val& key) { return value_for(key); }
    template <class T, if_text<T> = 0>
    Val& operator[](const T& key) {
        return visit_text(
            key, [this](const short_text& t) -> Val& { return short_value(t); },
            [this](std::string_view bytes) -> Val& { return value_for(bytes); });
    }
    /// A constant table inserts nothing: as with ().
    const Val& operator[](const Val& key) const { return (*this)(key); }
    template <class T, if_text<T> = 0>
    const Val& operator[](const T& key) const {
        return (*this)(key);
    }
    /// std::out_of_range when it is not there.
    Val& operator()(const Val& key) const;
    template <class T, if_text<T> = 0>
    Val& operator()(const T& key) const {
        return visit_text(
            key, [this](const short_text& t) -> Val& { return short_found(t); },
            [this](std::string_view bytes) -> Val& { return found_value(bytes); });
    }
    /// Null when it is not there.
    const Val* findValue(const Val& key) const;
    Val* findValue(const Val& key) { return const_cast<Val*>(std::as_const(*this).findValue(key)); }
    const Val* find_text(std::string_view key) const;
    const Val* find_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const;

    bool contains(const Val& key) const { return findValue(key) != nullptr; }
    /// A copy of the value, or of what is given instead.
    Val get(const Val& key, const Val& instead = Val()) const;
    /// Replaces the value of a key that is there.
    void insertKeyAndValue(const Val& key, const Val& value);
    void append(const Val& value) { insertKeyAndValue(Val(entries()), value); }
    /// True if it was there. References into the table become invalid.
    bool remove(const Val& key);
    void clear();
    std::size_t entries() const noexcept { return size_ - holes(); }
    std::size_t length() const noexcept { return entries(); }
    std::size_t size() const noexcept { return entries(); }
    bool isEmpty() const noexcept { return entries() == 0; }
    void swap(table& other);

    /// Walks the entries in order: for (auto& [key, value] : t).
    template <class Entry>
    class walk {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = entry;
        using difference_type = std::ptrdiff_t;
        using pointer = Entry*;
        using reference = Entry&;

        walk() noexcept = default;
        explicit walk(const table& t) noexcept : table_(&t), at_(t.first_.get()) {
            const std::uint32_t capacity = t.first_capacity_;
            if (!t.has_holes_) next_ = t.size_ < capacity ? t.size_ : capacity;
            last_ = at_ + next_;
            if (at_ == last_) go_on();
        }
        Entry& operator*() const noexcept { return *at_; }
        Entry* operator->() const noexcept { return at_; }
        walk& operator++() noexcept {
            if (++at_ == last_) go_on();
            return *this;
        }
        walk operator++(int) noexcept {
            walk before(*this);
            ++*this;
            return before;
        }
        friend bool operator==(const walk& a, const walk& b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(const walk& a, const walk& b) noexcept { return a.at_ != b.at_; }

    private:
        /// To the next row of entries, or to the end, where at_ is null.
        void go_on() noexcept {
            const entry_row row = next_ == table_->size_ ? entry_row{} : table_->row_from(next_);
            at_ = row.first;
            last_ = row.last;
            next_ = row.next;
        }
        const table* table_ = nullptr;
        entry* at_ = nullptr;
        entry* last_ = nullptr;   // of this row
        std::uint32_t next_ = 0;  // position of what comes behind this row
    };
    walk<entry> begin() noexcept { return walk<entry>(*this); }
    walk<entry> end() noexcept { return {}; }
    walk<const entry> begin() const noexcept { return walk<const entry>(*this); }
    walk<const entry> end() const noexcept { return {}; }

    box* region() const noexcept { return memory_.region(); }
    /// Room for so many entries, so that inserting allocates for their content only.
    /// std::length_error for more than there can be.
    void reserve(std::size_t count);

private:
    friend class ::valpool::Val;

    /// Entries side by side, none of them a hole.
    struct entry_row {
        entry* first = nullptr;
        entry* last = nullptr;
        std::uint32_t next = 0;  // position of what comes behind
    };
    struct place_in_chunk {
        unsigned chunk;  // of those behind the first one
        std::uint32_t at;
    };
    struct found_entry {
        entry* at;  // null: it is not there
        std::size_t position;
    };

    void destroy() noexcept;
    std::size_t holes() const noexcept { return has_holes_ ? count_holes() : 0; }
    std::size_t count_holes() const noexcept;
    std::size_t capacity() const noexcept;
    std::size_t room() const noexcept;
    entry& entry_at(std::size_t position) const noexcept;
    place_in_chunk further_place(std::uint32_t position) const noexcept;
    std::size_t further_capacity(unsigned j) const noexcept;
    entry_row chunk_from(std::uint32_t position) const noexcept;
    entry_row row_from(std::uint32_t position) const noexcept;
    template <class Key>
    found_entry find_entry(const Key& key, std::uint32_t hash) const;
    template <class Key>
    const Val* find_value(const Key& key) const;
    Val& found_value(std::string_view key) const;
    Val& short_found(const short_text& key) const {
        return found_short(key.head, key.second, key.third);
    }
    Val& found_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const;
    Val& value_for(const Val& key);
    Val& value_for(std::string_view key);
    Val& short_value(const short_text& key) {
        return value_for_short(key.head, key.second, key.third);
    }
    Val& value_for_short(std::uint64_t head, std::uint64_t second, std::uint64_t third);
    entry* find_in_row(const short_text& key) const noexcept;
    Val& value_at_once(box* b, const short_text& key);
    Val& value_or_new_short(std::uint64_t head, std::uint64_t second, std::uint64_t third);
    template <class Key>
    Val& value_or_new(const Key& key);
    template <class Key>
    Val& add(const Key& key, std::uint32_t hash, bool has_hash);
    void make_room(std::size_t for_entries);
    void build_index(std::size_t for_entries);
    void drop_index() noexcept;
    void drop_last_chunk() noexcept;
    void close_holes() noexcept;
    void remove_from_row(entry* at) noexcept;

    allocator<char> memory_;
    allocator<entry>::pointer first_;        // the first chunk; null: none
    allocator<table_index>::pointer index_;  // with the further chunks; null: none
    std::uint32_t size_ = 0;
    std::uint32_t first_capacity_ : 31;
    std::uint32_t has_holes_ : 1;
};
static_assert(sizeof(table) == 32, "box header, table and four entries fit a block of 384 bytes");
static_assert(sizeof(table_entry) == 64, "one cache line");

}  // namespace detail

/// A table: values by key, walked in the order of insertion. Keys are of any type; numbers that
/// compare equal are the same key, as in Python.
class VALPOOL_API Tab : public detail::table {
public:
    using table::table;
    Tab() noexcept = default;
    /// From a Python literal; see parse.
    Tab(const std::string& text);
    Tab(const char* text) : Tab(std::string(text)) {}
    Tab(std::initializer_list<std::pair<Val, Val>> items);
    /// A copy of the Tab that a Val holds; std::logic_error when it holds something else.
    template <class V, detail::if_val<V> = 0>
    explicit Tab(const V& v) : Tab(static_cast<Tab&>(v)) {}
    Tab& operator+=(const Tab& other);
    void swapInto(Tab& other) { swap(other); }
    /// As Val's.
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;

    /// As the comparisons of Val.
    friend VALPOOL_API bool operator==(const Tab& a, const Tab& b);
    friend bool operator!=(const Tab& a, const Tab& b) { return !(a == b); }
};

/// As Tab, but its order matters when two are compared, and it prints as OrderedDict.
class VALPOOL_API OTab : public detail::table {
public:
    using table::table;
    OTab() noexcept = default;
    OTab(const std::string& text);
    OTab(const char* text) : OTab(std::string(text)) {}
    OTab(std::initializer_list<std::pair<Val, Val>> items);
    template <class V, detail::if_val<V> = 0>
    explicit OTab(const V& v) : OTab(static_cast<OTab&>(v)) {}
    OTab& operator+=(const OTab& other);
    void swapInto(OTab& other) { swap(other); }
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const;

    friend VALPOOL_API bool operator==(const OTab& a, const OTab& b);
    friend bool operator!=(const OTab& a, const OTab& b) { return !(a == b); }
    /// A Tab has no order to compare: only the items count.
    friend VALPOOL_API bool operator==(const Tab& a, const OTab& b);
    friend bool operator==(const OTab& a, const Tab& b) { return b == a; }
    friend bool operator!=(const Tab& a, const OTab& b) { return !(a == b); }
    friend bool operator!=(const OTab& a, const Tab& b) { return !(b == a); }
};

inline Val::operator Tab&() const {
    return *static_cast<Tab*>(detail::value_access::container_of_type(*this, 't', 'Z'));
}
inline Val::operator OTab&() const {
    return *static_cast<OTab*>(detail::value_access::container_of_type(*this, 'o', 'Z'));
}

}  // namespace valpool

namespace std {
template <>
struct tuple_size<valpool::detail::table_entry> : integral_constant<size_t, 2> {};
template <>
struct tuple_element<0, valpool::detail::table_entry> {
    using type = const valpool::Val;
};
template <>
struct tuple_element<1, valpool::detail::table_entry> {
    using type = valpool::Val;
};
}  // namespace std
