#pragma once

#include <valpool/val.hpp>

#include <boost/container/options.hpp>
#include <boost/container/vector.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace valpool {
namespace detail {

/// A key and its value: one cache line.
struct table_entry {
    Val key;
    Val value;

    table_entry(const Val& k, const allocator<char>& memory) : key(k, memory), value(memory) {}
    table_entry(std::string_view k, const allocator<char>& memory);
    table_entry(const table_entry& other, const allocator<char>& memory)
        : key(other.key, memory), value(other.value, memory) {}
    table_entry(table_entry&& other, const allocator<char>& memory)
        : key(std::move(other.key), memory), value(std::move(other.value), memory) {}
    table_entry(table_entry&&) = default;
    table_entry(const table_entry&) = default;
    table_entry& operator=(table_entry&&) = default;
    table_entry& operator=(const table_entry&) = default;

    bool is_hole() const noexcept { return key.subtype == '-'; }
};

/// What Tab and OTab are: entries in a row, in the order of their insertion, and from a few entries
/// on an index that finds keys by their hash.
/// Invariants: without an index there are no holes, and keys are searched one by one; with one,
/// each of its words (but the first) is 0 or hash << 32 | position + 1.
class VALPOOL_API table {
public:
    using entry = table_entry;

    table() noexcept = default;
    explicit table(const allocator<char>& memory) noexcept : entries_(allocator<entry>(memory)) {}
    table(const table& other) : table(other, allocator<char>()) {}
    table(const table& other, const allocator<char>& memory);
    table(table&& other);
    table(table&& other, const allocator<char>& memory);
    table& operator=(const table& other);
    table& operator=(table&& other);
    ~table();

    /// Inserts None where there is nothing yet.
    Val& operator[](const Val& key) { return value_for(key); }
    template <class T, if_text<T> = 0>
    Val& operator[](const T& key) {
        return value_for(std::string_view(key));
    }
    /// std::out_of_range when it is not there.
    Val& operator()(const Val& key) const;
    template <class T, if_text<T> = 0>
    Val& operator()(const T& key) const {
        return found_value(std::string_view(key));
    }
    /// Null when it is not there.
    const Val* findValue(const Val& key) const;
    const Val* find_text(std::string_view key) const;

    bool contains(const Val& key) const { return findValue(key) != nullptr; }
    /// A copy of the value, or of what is given instead.
    Val get(const Val& key, const Val& instead = Val()) const;
    /// Replaces the value of a key that is there.
    void insertKeyAndValue(const Val& key, const Val& value);
    void append(const Val& value) { insertKeyAndValue(Val(entries()), value); }
    /// True if it was there.
    bool remove(const Val& key);
    void clear();
    std::size_t entries() const noexcept { return entries_.size() - holes(); }
    std::size_t length() const noexcept { return entries(); }
    std::size_t size() const noexcept { return entries(); }
    bool isEmpty() const noexcept { return entries() == 0; }
    void swap(table& other);

    /// Walks the entries in order: for (auto& [key, value] : t).
    template <class Entry>
    class walk {
    public:
        walk(Entry* at, Entry* end) noexcept : at_(at), end_(end) { skip(); }
        Entry& operator*() const noexcept { return *at_; }
        Entry* operator->() const noexcept { return at_; }
        walk& operator++() noexcept {
            ++at_;
            skip();
            return *this;
        }
        friend bool operator==(const walk& a, const walk& b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(const walk& a, const walk& b) noexcept { return a.at_ != b.at_; }

    private:
        void skip() noexcept {
            while (at_ != end_ && at_->is_hole()) ++at_;
        }
        Entry* at_;
        Entry* end_;
    };
    walk<entry> begin() noexcept { return {first(), last()}; }
    walk<entry> end() noexcept { return {last(), last()}; }
    walk<const entry> begin() const noexcept { return {first(), last()}; }
    walk<const entry> end() const noexcept { return {last(), last()}; }

    box* region() const noexcept { return entries_.get_allocator().region(); }
    void reserve(std::size_t count);

private:
    using entry_vector = boost::container::vector<
        entry, allocator<entry>,
        boost::container::vector_options<boost::container::stored_size<std::uint32_t>>::type>;
    using word = std::uint64_t;

    entry* first() const noexcept { return const_cast<entry*>(entries_.data()); }
    entry* last() const noexcept { return first() + entries_.size(); }
    std::size_t holes() const noexcept;
    std::size_t index_words() const noexcept;
    template <class Key>
    std::size_t position_of(const Key& key, std::uint32_t hash) const;
    template <class Key>
    Val& value_for(const Key& key);
    template <class Key>
    Val& add(const Key& key, std::uint32_t hash);
    Val& found_value(std::string_view key) const;
    void put_into_index(std::uint32_t hash, std::size_t position) noexcept;
    void build_index(std::size_t for_entries);
    void drop_index() noexcept;
    void compact();
    void make_room();

    entry_vector entries_;
    allocator<word>::pointer index_;  // null: none
};
static_assert(sizeof(table) == 32, "box header, table and four entries fit a block of 384 bytes");

}  // namespace detail

/// A table: values by key, walked in the order of insertion. Keys are of any type; numbers that
/// compare equal are the same key, as in Python.
class VALPOOL_API Tab : public detail::table {
public:
    using table::table;
    Tab() noexcept = default;
    Tab(std::initializer_list<std::pair<Val, Val>> items);
    Tab& operator+=(const Tab& other);
    void swapInto(Tab& other) { swap(other); }
};

/// As Tab, but its order matters when two are compared, and it prints as OrderedDict.
class VALPOOL_API OTab : public detail::table {
public:
    using table::table;
    OTab() noexcept = default;
    OTab(std::initializer_list<std::pair<Val, Val>> items);
    OTab& operator+=(const OTab& other);
    void swapInto(OTab& other) { swap(other); }
};

}  // namespace valpool
