#pragma once

#include <valpool/detail/value_access.hpp>
#include <valpool/val.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

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

// A chunk has all its values first, then all its keys: a search for a key, and a walk over the
// values, reads half as many cache lines as it would if they alternated. Values come first so that
// those of a table that is the root object of a box lie right behind it, in the same cache lines.

/// To a chunk's first value.
using chunk_pointer = allocator<Val>::pointer;
constexpr std::size_t key_distance(std::size_t capacity) noexcept { return capacity * sizeof(Val); }
constexpr std::size_t chunk_bytes(std::size_t capacity) noexcept {
    return 2 * capacity * sizeof(Val);
}
inline Val* key_of(Val* value, std::size_t capacity) noexcept { return value + capacity; }
inline Val* value_of(Val* key, std::size_t capacity) noexcept { return key - capacity; }
/// The address of something, or of what nobody will look at: that spares comparing with null.
template <class T>
T* get_some(const boost::interprocess::offset_ptr<T>& p) noexcept {
    return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(&p) +
                                static_cast<std::uintptr_t>(p.get_offset()));
}

/// The header of one block: the chunks behind the first one follow it, and then the words, each 0
/// or hash << 32 | position + 1.
struct table_index {
    using word = std::uint64_t;
    static constexpr std::uint64_t removed = 0xffffffff;  // a position that no entry has

    std::uint32_t holes = 0;
    std::uint32_t room = 0;    // so many positions need neither a chunk nor a larger index
    const std::uint32_t unit;  // a power of two
    const std::uint8_t log2_unit;
    const std::uint8_t log2_words;
    std::uint8_t chunks = 0;
    std::uint8_t reserved = 0;

    table_index(std::uint32_t first_capacity, unsigned log2) noexcept;
    static std::size_t size_bytes(unsigned log2) noexcept;

    /// Chunk j behind the first one has this many entries: as many as all before it together, or a
    /// few more; twice as many behind a small one, so that ten entries are two chunks.
    std::uint32_t capacity_of(unsigned j) const noexcept { return unit << j; }
    unsigned number_of(std::uint32_t capacity) const noexcept {
        return static_cast<unsigned>(__builtin_ctz(capacity)) - log2_unit;
    }
    /// Doubling chunks of at least four entries reach what the words can index in so many steps.
    unsigned most_chunks() const noexcept { return log2_words; }
    chunk_pointer& chunk(unsigned j) noexcept {
        return reinterpret_cast<chunk_pointer*>(this + 1)[j];
    }
    const chunk_pointer& chunk(unsigned j) const noexcept {
        return reinterpret_cast<const chunk_pointer*>(this + 1)[j];
    }
    word* words() noexcept { return reinterpret_cast<word*>(this + 1) + most_chunks(); }
    const word* words() const noexcept {
        return reinterpret_cast<const word*>(this + 1) + most_chunks();
    }
    std::size_t mask() const noexcept { return (std::size_t{1} << log2_words) - 1; }
    void put(std::uint32_t hash, std::size_t position) noexcept;
    /// Those of another index of the same entries, which know their hashes; what was removed stays
    /// behind.
    void take_words_of(const table_index& other) noexcept;
    void remove(std::uint32_t hash, std::size_t position) noexcept;
    /// Calls visit(hash, position) for each entry.
    template <class Visitor>
    void for_each(Visitor visit) const {
        for (std::size_t i = 0; i <= mask(); ++i) {
            const std::uint64_t position_plus_one = words()[i] & 0xffffffff;
            if (position_plus_one != 0 && position_plus_one != removed)
                visit(static_cast<std::uint32_t>(words()[i] >> 32), position_plus_one - 1);
        }
    }
};
static_assert(sizeof(table_index) % sizeof(table_index::word) == 0, "words follow, aligned");
static_assert(sizeof(chunk_pointer) == sizeof(table_index::word), "as above");

/// Entries of one chunk that lie side by side.
struct entry_row {
    Val* first = nullptr;  // the first key
    std::uint32_t count = 0;
    std::uint32_t capacity = 0;  // of the chunk

    Val* last() const noexcept { return first + count; }
    Val* value(Val* key) const noexcept { return value_of(key, capacity); }
};

/// Values of one chunk that lie side by side, none of them a hole. So small that it is returned in
/// registers.
class row_part {
public:
    row_part() noexcept = default;
    row_part(Val* values, std::uint32_t how_many, std::uint32_t capacity, bool is_last) noexcept
        : first(values), count(how_many), capacity_and_last_(capacity | (is_last ? last_bit : 0)) {}

    std::uint32_t capacity() const noexcept { return capacity_and_last_ & ~last_bit; }
    bool is_last() const noexcept { return (capacity_and_last_ & last_bit) != 0; }

    Val* first = nullptr;
    std::uint32_t count = 0;

private:
    static constexpr std::uint32_t last_bit = std::uint32_t{1} << 31;
    std::uint32_t capacity_and_last_ = last_bit;  // of the chunk; nothing comes behind the part
};
static_assert(sizeof(row_part) == 16, "two registers");

/// What Tab and OTab are: entries in chunks that never move, each as large as all before it, in the
/// order of their insertion; and, from a few entries on, an index that finds keys by their hash.
/// Invariants:
///   1. entries lie at the positions 0 to positions() - 1; a removed one leaves a hole there (if
///      there is an index) or the ones behind it move up (if there is none);
///   2. there is an index as soon as there are two chunks or more than `most_in_row` entries, and
///      before another key than a short text comes to more than `most_of_any_in_row`;
///   3. each entry that is no hole stands in the index, if there is one.
class VALPOOL_API table {
public:
    static constexpr std::uint32_t smallest_chunk = 4;
    /// For the first chunk of a table that is going to be filled, in that pool (null: on the heap):
    /// the smallest, or as much as the smallest and a second one, if most tables that this thread
    /// has begun of late came to need that.
    static std::uint32_t usual_first_capacity(const StreamingPool* pool) noexcept;

    table() noexcept : table(allocator<char>()) {}
    explicit table(const allocator<char>& memory) noexcept : memory_(memory) {}
    /// The root object of a box, with room for so many entries right behind it.
    table(box* region, std::uint32_t capacity);
    table(const table& other) : table(other, allocator<char>()) {}
    table(const table& other, const allocator<char>& memory) : table(other, memory.region()) {}
    /// For who knows the region.
    table(const table& other, box* region);
    /// The root object of a box, with room for the entries right behind it. Never of none: a
    /// compiler that knows it compares nothing for each value.
    struct as_root {};
    [[gnu::nonnull]] table(const table& other, box* region, as_root);
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

    /// Copies the value; false, and nothing changed, when it is not there.
    bool findValue(const Val& key, Val& found) const;

    bool contains(const Val& key) const { return findValue(key) != nullptr; }
    /// A copy of the value, or of what is given instead.
    Val get(const Val& key, const Val& instead = Val()) const;
    /// Replaces the value of a key that is there.
    void insertKeyAndValue(const Val& key, const Val& value);
    /// Takes the value over, which is None then; from other memory (heap or box) it is copied and
    /// stays as it is. Not for a container that the table is a part of.
    void insertKeyAndValue(const Val& key, Val&& value);
    /// Takes key and value over, which are None then. A key that is there stays, and gets the value
    /// in exchange for the one it had: true then.
    bool swapInto(Val& key, Val& value);
    /// Under the key entries(). std::runtime_error, with nothing changed, when that is taken.
    void append(const Val& value) { insertKeyAndValue(free_key(Val(entries())), value); }
    void append(Val&& value) { insertKeyAndValue(free_key(Val(entries())), std::move(value)); }
    /// Under the text of that number.
    void appendStr(const Val& value) {
        insertKeyAndValue(free_key(Val(std::to_string(entries()))), value);
    }
    /// In the order of the walk: the keys, the values, and both in tuples of two; copies of them.
    Arr keys() const;
    Arr values() const;
    Arr items() const;
    /// True if it was there. References into the table become invalid.
    bool remove(const Val& key);
    void clear();
    std::size_t entries() const noexcept { return is_one_row() ? row_size() : count_entries(); }
    std::size_t length() const noexcept { return entries(); }
    std::size_t size() const noexcept { return entries(); }
    bool isEmpty() const noexcept { return entries() == 0; }
    void swap(table& other);

    /// Walks the entries in order: for (auto& [key, value] : t). An entry, as the walk gives it, is
    /// valid until the walk goes on; what it refers to, until something is removed.
    template <class V>
    class walk {
        using entry = std::conditional_t<std::is_const_v<V>, const table_entry<V>, table_entry<V>>;

    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = table_entry<V>;
        using difference_type = std::ptrdiff_t;
        using pointer = entry*;
        using reference = entry&;

        walk() noexcept = default;
        explicit walk(const table& t) noexcept {
            // One question for what most tables are. Such a walk never asks the table again.
            if (__builtin_expect(t.is_one_row(), true)) {
                at_ = t.first_value();
                last_ = at_ + t.row_size();
                to_key_bytes_ = key_distance(t.capacity_);
                return;
            }
            table_ = &t;
            enter(t.first_part());
        }

        entry& operator*() const& noexcept { return *here(); }
        /// A copy: the walk is gone before it can be used.
        const table_entry<const Val> operator*() && {
            return {typename table_entry<const Val>::copied(), *key(), *at_};
        }
        entry* operator->() const noexcept { return here(); }
        walk& operator++() noexcept {
            if (++at_ == last_ && __builtin_expect(table_ != nullptr, false))
                enter(table_->part_behind(last_));
            return *this;
        }
        walk operator++(int) noexcept {
            walk before(*this);
            ++*this;
            return before;
        }
        friend bool operator==(const walk& a, const walk& b) noexcept {
            return a.is_at_end() ? b.is_at_end() : !b.is_at_end() && a.at_ == b.at_;
        }
        friend bool operator!=(const walk& a, const walk& b) noexcept { return !(a == b); }

    private:
        bool is_at_end() const noexcept { return at_ == last_; }
        Val* key() const noexcept {
            return reinterpret_cast<Val*>(reinterpret_cast<char*>(at_) + to_key_bytes_);
        }
        entry* here() const noexcept { return new (entry_.bytes) entry(*key(), *at_); }
        /// Of the entry that was given last, which owns nothing: a copy of a walk has its own.
        struct entry_room {
            // Not defaulted: {} would fill it with zeros.
            // NOLINTNEXTLINE(modernize-use-equals-default)
            entry_room() noexcept {}
            entry_room(const entry_room&) noexcept {}
            // Nothing is copied. NOLINTNEXTLINE(bugprone-unhandled-self-assignment)
            entry_room& operator=(const entry_room&) noexcept { return *this; }
            alignas(entry) unsigned char bytes[sizeof(entry)];
        };
        VALPOOL_ALWAYS_INLINE void enter(const row_part& part) noexcept {
            at_ = part.first;
            last_ = at_ + part.count;
            to_key_bytes_ = key_distance(part.capacity());
            if (part.is_last()) table_ = nullptr;
        }

        const table* table_ = nullptr;  // null: there is nothing behind this row
        Val* at_ = nullptr;             // the value
        Val* last_ = nullptr;           // behind the last value of this row; there at the end
        std::size_t to_key_bytes_ = 0;  // from the value; bytes spare the loop multiplying
        mutable entry_room entry_;
    };
    walk<Val> begin() noexcept { return walk<Val>(*this); }
    walk<Val> end() noexcept { return {}; }
    walk<const Val> begin() const noexcept { return walk<const Val>(*this); }
    walk<const Val> end() const noexcept { return {}; }

    box* region() const noexcept { return memory_.region(); }
    /// Of a table that is constructed as the root object of a box, with room for so many entries,
    /// or as a copy of this one; what keys and values allocate is not counted.
    static root_size size_as_root(std::uint32_t capacity) noexcept;
    root_size size_of_copy_as_root() const noexcept;
    /// Room for so many entries, so that inserting allocates for their content only.
    /// std::length_error for more than there can be.
    void reserve(std::size_t count);

protected:
    /// The entries of another table, in place of those here with the same keys; all or none.
    void add_all(const table& other);

private:
    friend class ::valpool::Val;

    /// Where an entry lies, or is going to.
    struct entry_place {
        Val* key;  // null: nowhere
        Val* value;
    };
    struct found_entry : entry_place {
        std::size_t position;  // if there is an index
    };

    Val free_key(Val key) const;
    void destroy() noexcept;
    /// Of the first chunk. A root object mostly has it right behind it: who guesses that, and then
    /// compares, has the address before first_ has come from the cache.
    Val* first_value() const noexcept {
        constexpr std::size_t distance = sizeof(table) - sizeof(memory_);  // from first_
        Val* at = reinterpret_cast<Val*>(const_cast<table*>(this) + 1);
        if (__builtin_expect_with_probability(first_.get_offset() != distance, true, 0.5)) {
            at = get_some(first_);
            // Volatile, or the compiler computes both and waits for which one it is.
            __asm__ volatile("" : "+r"(at));
        }
        return at;
    }
    /// All entries lie in the first chunk, without holes. Always so without an index.
    bool is_one_row() const noexcept { return (size_ & scattered) == 0; }
    /// Of such a table.
    std::uint32_t row_size() const noexcept { return size_; }
    std::uint32_t positions() const noexcept { return size_ & ~scattered; }
    void set_positions(std::size_t count, bool has_holes) noexcept;
    std::size_t count_entries() const noexcept;
    bool has_holes() const noexcept;
    std::size_t capacity() const noexcept;
    std::size_t room(std::size_t most_without_index) const noexcept;
    entry_row first_row() const noexcept;
    entry_row row_from(std::uint32_t position) const noexcept;
    row_part first_part() const noexcept;
    row_part part_from(std::uint32_t position) const noexcept;
    row_part part_behind(const Val* last) const noexcept;
    unsigned chunk_behind(const Val* last) const noexcept;
    std::uint32_t position_of(const Val* value) const noexcept;
    entry_place place_at(const table_index& index, std::size_t position) const noexcept;
    entry_place place_at(std::size_t position) const noexcept;
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
    Val& found_short_by_hash(std::uint64_t head, std::uint64_t second, std::uint64_t third) const;
    Val& found_long(std::string_view key) const;
    const Val* find_in_row(const short_text& key) const noexcept;
    const Val* find_short_by_hash(std::uint64_t head, std::uint64_t second,
                                  std::uint64_t third) const;
    const Val* find_long(std::string_view key) const;
    Val& value_at_once(box* b, const short_text& key);
    Val& value_or_new_short(std::uint64_t head, std::uint64_t second, std::uint64_t third);
    template <class Key>
    Val& value_or_new(const Key& key);
    template <class Key>
    Val& add(const Key& key, std::uint32_t hash, bool has_hash);
    static Val* new_chunk(box* b, std::size_t capacity);
    void free_chunk(Val* values, std::size_t capacity) noexcept;
    Val* take_first_chunk(Val* values, std::size_t capacity) noexcept;
    Val* make_first_chunk(std::size_t for_entries, box* b);
    Val* first_chunk_of_root(std::size_t for_entries) noexcept;
    template <bool IsRoot>
    void copy_all(const table& other, box* b);
    void copy_part(const row_part& from, Val* values, box* b);
    void copy_entries(const table& other, box* b);
    void index_copies_of(const table& other);
    void make_room(std::size_t for_entries, std::size_t most_without_index);
    void build_index(std::size_t for_entries);
    void drop_index() noexcept;
    void drop_last_chunk() noexcept;
    std::vector<std::uint32_t> filed_hashes() const;
    void close_holes();
    void give_back_room() noexcept;
    void move_into_smaller(std::size_t for_entries);
    static void move_entry(entry_place from, entry_place to) noexcept;
    static void destroy_entry(entry_place at) noexcept;
    void remove_from_row(Val* key) noexcept;
    void take_newest_back() noexcept;
    void add_moved(Val& key, Val& value, std::uint32_t hash);

    allocator<char> memory_;
    chunk_pointer first_;                    // to the first chunk; null: none
    allocator<table_index>::pointer index_;  // with the further chunks; null: none
    static constexpr std::uint32_t scattered = std::uint32_t{1} << 31;
    std::uint32_t size_ = 0;      // positions(), and `scattered` if that is not one row
    std::uint32_t capacity_ = 0;  // of the first chunk
};
static_assert(sizeof(table) == 32, "box header, table and four entries are a block of 384 bytes");

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
    /// With a pool: see if_pool.
    template <class Pool, detail::if_pool<Pool> = 0>
    explicit Tab(Pool) noexcept {}
    template <class Content, class Pool, detail::if_pool<Pool> = 0>
    Tab(const Content& content, Pool) : Tab(content) {}
    Tab(std::initializer_list<std::pair<Val, Val>> items);
    /// A copy of the Tab that a Val holds; std::logic_error when it holds something else.
    template <class V, detail::if_val<V> = 0>
    explicit Tab(const V& v) : Tab(static_cast<Tab&>(v)) {}
    /// Puts the other's entries in, in place of those with the same keys. All or none of them.
    Tab& operator+=(const Tab& other);
    /// As Val's.
    StreamingPool* allocator() const noexcept { return detail::pool_of_region(region()); }
    void swapInto(Tab& other) { swap(other); }
    /// As detail::table's.
    using table::swapInto;
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

/// As Tab, but its order matters when two are compared, and it prints as OrderedDict.
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
    /// As detail::table's.
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
