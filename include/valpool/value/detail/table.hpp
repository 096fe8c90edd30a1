#pragma once

/// What Tab and OTab have in common. Their users read tab.hpp, which says what each call does.

#include <valpool/value/detail/table_entry.hpp>
#include <valpool/value/detail/table_layout.hpp>
#include <valpool/value/detail/value_access.hpp>
#include <valpool/value/val.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace valpool {
namespace detail {

struct shape;

/// What Tab and OTab are: entries in chunks that never move, in the
/// order of their insertion; and, from a few entries on, an index that finds keys by their hash.
/// Invariants:
///   1. entries lie at the positions 0 to positions() - 1; a removed one leaves a hole there (if
///      there is an index) or the ones behind it move up (if there is none);
///   2. there is an index as soon as there are two chunks or more than `most_in_row` entries;
///   3. each entry that is no hole stands in the index, if there is one;
///   4. without an index, and if the first chunk has fingerprints, they are those of the keys;
///   5. the keys of a first chunk lie right behind its values, or apart: those of a shape, with
///      room for as many as the chunk has, or a block of the table's own, where no unused place
///      looks like a key. So a key that is the next one there is a shape's, and not in the table
///      yet.
class VALPOOL_API table {
public:
    /// For the first chunk of a table that is going to be filled, in that pool (null: on the heap):
    /// as much as most tables that this thread has begun of late came to need.
    static std::uint32_t usual_first_capacity(const StreamingPool* pool) noexcept;

    table() noexcept : table(allocator<char>()) {}
    explicit table(const allocator<char>& memory) noexcept : memory_(memory) {}
    /// The root object of a box, with room for so many entries right behind it.
    table(box* region, std::uint32_t capacity);
    /// The same, of a table that is likely to get these keys.
    table(box* region, const shape& keys);
    table(const table& other) : table(other, allocator<char>()) {}
    table(const table& other, const allocator<char>& memory) : table(other, memory.region()) {}
    /// For who knows the region.
    table(const table& other, box* region);
    /// The root object of a box, with room for the entries right behind it. Never of none: a
    /// compiler that knows it compares nothing for each value.
    struct as_root {
        const Val* shared_keys;  // keys_to_share()
    };
    [[gnu::nonnull]] table(const table& other, box* region, as_root);
    table(table&& other);
    table(table&& other, const allocator<char>& memory);
    table& operator=(const table& other);
    table& operator=(table&& other);
    ~table() {
        if (first_) destroy();
    }

    // What each of these does: tab.hpp.

    Val& operator[](const Val& key) { return find_or_insert(key); }
    template <class T, if_text<T> = 0>
    VALPOOL_ALWAYS_INLINE Val& operator[](const T& key) {
        return visit_text(
            key, [this](const short_text& t) -> Val& { return find_or_insert(t); },
            [this](std::string_view bytes) -> Val& { return find_or_insert(bytes); });
    }
    Val& operator[](const Key& key) { return find_or_insert(key); }
    const Val& operator[](const Key& key) const { return (*this)(key); }
    const Val& operator[](const Val& key) const { return (*this)(key); }
    template <class T, if_text<T> = 0>
    VALPOOL_ALWAYS_INLINE const Val& operator[](const T& key) const {
        return (*this)(key);
    }
    Val& operator()(const Val& key) const { return at(key); }
    Val& operator()(const Key& key) const { return at(key); }
    template <class T, if_text<T> = 0>
    VALPOOL_ALWAYS_INLINE Val& operator()(const T& key) const {
        return visit_text(
            key, [this](const short_text& t) -> Val& { return at(t); },
            [this](std::string_view bytes) -> Val& { return at(bytes); });
    }
    const Val* findValue(const Val& key) const { return find(key); }
    Val* findValue(const Val& key) { return const_cast<Val*>(std::as_const(*this).findValue(key)); }
    bool findValue(const Val& key, Val& found) const;
    const Val* findValue(const Key& key) const { return find(key); }
    Val* findValue(const Key& key) { return const_cast<Val*>(std::as_const(*this).findValue(key)); }

    bool contains(const Val& key) const { return findValue(key) != nullptr; }
    bool contains(const Key& key) const { return findValue(key) != nullptr; }
    Val get(const Val& key, const Val& instead = Val()) const;
    void insertKeyAndValue(const Val& key, const Val& value);
    void insertKeyAndValue(const Val& key, Val&& value);
    void insertKeyAndValue(const Key& key, const Val& value);
    void insertKeyAndValue(const Key& key, Val&& value);
    bool swapInto(Val& key, Val& value);
    void append(const Val& value) { insertKeyAndValue(free_key(Val(entries())), value); }
    void append(Val&& value) { insertKeyAndValue(free_key(Val(entries())), std::move(value)); }
    void appendStr(const Val& value) {
        insertKeyAndValue(free_key(Val(std::to_string(entries()))), value);
    }
    Arr keys() const;
    Arr values() const;
    Arr items() const;
    bool remove(const Val& key);
    void clear();
    std::size_t entries() const noexcept { return is_one_row() ? row_size() : count_entries(); }
    std::size_t length() const noexcept { return entries(); }
    std::size_t size() const noexcept { return entries(); }
    bool isEmpty() const noexcept { return entries() == 0; }
    void swap(table& other);

    /// As tab.hpp says.
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
                to_key_bytes_ = t.to_keys_;
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
        Val* key() const noexcept { return behind(at_, to_key_bytes_); }
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
            to_key_bytes_ = table_->distance_to_keys(part);
            if (part.is_last()) table_ = nullptr;
        }

        const table* table_ = nullptr;   // null: there is nothing behind this row
        Val* at_ = nullptr;              // the value
        Val* last_ = nullptr;            // behind the last value of this row; there at the end
        std::int64_t to_key_bytes_ = 0;  // from the value; bytes spare the loop multiplying
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
    static root_size size_as_root(const shape& keys) noexcept;
    root_size size_of_copy_as_root(const Val* shared_keys) const noexcept;
    /// The keys that a copy in that pool shares with other tables; null: it has its own.
    const Val* keys_to_share(StreamingPool* pool) const noexcept;
    void reserve(std::size_t count);

protected:
    /// The entries of another table, in place of those here with the same keys; all or none.
    void add_all(const table& other);

private:
    friend class ::valpool::Val;
    friend class shape_learner;

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
    /// compares, has the address before first_ has come from the cache. That takes a walk over ten
    /// entries in a pool from 1.14 to 1.03 ns an entry: docs/design/tables.md.
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
    /// Of the first chunk.
    bool has_keys_apart() const noexcept {
        return to_keys_ != static_cast<std::int64_t>(key_distance(capacity_));
    }
    /// They are a shape's, so only the values are this table's own.
    bool shares_keys() const noexcept;
    /// Of a value in the first chunk.
    Val* key_at(Val* value) const noexcept { return behind(value, to_keys_); }
    std::int64_t distance_to_keys(const row_part& part) const noexcept {
        return part.capacity() == row_part::in_first_chunk
                   ? to_keys_
                   : static_cast<std::int64_t>(key_distance(part.capacity()));
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
    std::size_t room() const noexcept;
    unsigned char* fingerprints() const noexcept;
    std::size_t own_first_chunk_bytes() const noexcept;
    bool is_hashed() const noexcept { return index_ || has_fingerprints(capacity_); }
    entry_row first_row() const noexcept;
    entry_row row_from(std::uint32_t position) const noexcept;
    row_part first_part() const noexcept;
    row_part part_from(std::uint32_t position) const noexcept;
    row_part part_behind(const Val* last) const noexcept;
    unsigned chunk_behind(const Val* last) const noexcept;
    std::uint32_t position_of(const Val* value) const noexcept;
    entry_place place_at(const table_index& index, std::size_t position) const noexcept;
    entry_place place_at(std::size_t position) const noexcept;
    template <class AnyKey>
    found_entry find_entry(const AnyKey& key, std::uint32_t hash) const;

    // The value of a key: null, an exception or a new entry when it is not there. A short text has
    // its own way. In a few entries it is compared with each; what needs more than that is apart:
    // the quick way then needs no place on the stack.
    const Val* find(const Val& key) const;
    const Val* find(std::string_view key) const;
    const Val* find(const short_text& key) const;
    const Val* find(const Key& key) const;
    Val& at(const Val& key) const;
    Val& at(std::string_view key) const;
    Val& at(const Key& key) const;
    Val& at(const short_text& key) const { return at_words(key.head, key.second, key.third); }
    Val& find_or_insert(const Val& key);
    Val& find_or_insert(std::string_view key);
    Val& find_or_insert(const Key& key);
    Val& find_or_insert(const short_text& key) {
        return find_or_insert_words(key.head, key.second, key.third);
    }
    // A short_text in registers: as one parameter it would go by way of memory. On the way to what
    // is apart alone that takes 18 instructions more for a packet of three keys.
    Val& at_words(std::uint64_t head, std::uint64_t second, std::uint64_t third) const;
    Val& find_or_insert_words(std::uint64_t head, std::uint64_t second, std::uint64_t third);

    const Val* find_in_row(const short_text& key) const noexcept;
    template <class AnyKey>
    Val* find_among(std::uint32_t candidates, const AnyKey& key) const;
    template <class AnyKey>
    Val* find_by_fingerprint(const AnyKey& key, unsigned char fingerprint) const;
    template <class... Words>
    const Val* find_short_by_fingerprint(Words... key) const noexcept;
    template <class... Words>
    Val& at_fingerprint(Words... key) const;
    template <class... Words>
    Val& find_or_insert_by_fingerprint(Words... key);
    template <class... Words>
    Val& find_or_insert_among(std::uint32_t candidates, Words... key);
    Val* insert_at_once(box* b, entry_place at, const short_text& key);
    Val& find_or_insert_in_row(box* b, const short_text& key);
    template <class... Words>
    Val& find_or_insert_in_row_apart(Words... key);
    template <bool IsRoot>
    Val& find_or_insert_short(box* b, const short_text& key);
    template <class... Words>
    Val& add_short(Words... key);
    // With a short_text's words.
    template <class... Words>
    const Val* find_anywhere(Words... key) const;
    template <class... Words>
    Val& at_anywhere(Words... key) const;
    template <class... Words>
    Val& find_or_insert_anywhere(Words... key);
    const Val* find_long(std::string_view key) const;
    Val& at_long(std::string_view key) const;
    template <class AnyKey>
    const Val* find_any(const AnyKey& key) const;
    template <class AnyKey>
    Val& find_or_insert_any(const AnyKey& key);
    template <class... Words>
    Val& find_or_insert_in_shape(Words... key);
    template <class... Words>
    Val& find_or_insert_not_next(Words... key);
    template <class AnyKey>
    bool is_next_of_shape(const AnyKey& key, std::size_t position) const noexcept;
    template <class AnyKey>
    void begin_with(const AnyKey& key);
    template <class AnyKey>
    bool leave_shape(const AnyKey& next);
    void own_keys();
    Val* take_shape(Val* values, std::size_t capacity, const Val* keys) noexcept;
    void destroy_at(std::size_t position) noexcept;
    template <class AnyKey>
    Val& add(const AnyKey& key, std::uint32_t hash, bool has_hash);
    template <class AnyKey>
    void insert_value(const AnyKey& key, Val&& value);
    static Val* new_chunk(box* b, std::size_t size_bytes);
    void free_chunk(Val* values, std::size_t size_bytes) noexcept;
    Val* take_first_chunk(Val* values, std::size_t capacity) noexcept;
    Val* make_first_chunk(std::size_t for_entries, box* b);
    Val* first_chunk_of_root(std::size_t for_entries) noexcept;
    template <bool IsRoot>
    void copy_all(const table& other, box* b, const Val* shared_keys);
    void copy_part(const row_part& from, const Val* keys, Val* values, box* b);
    void copy_entries(const table& other, box* b);
    void index_copies_of(const table& other);
    void file(std::uint32_t hash, std::size_t position) noexcept;
    void take_fingerprints_of(const table& other);
    void make_room(std::size_t for_entries);
    void note_room() noexcept;
    void build_index(std::size_t for_entries);
    void drop_index() noexcept;
    void drop_last_chunk() noexcept;
    std::vector<std::uint32_t> filed_hashes() const;
    void close_holes();
    void give_back_room() noexcept;
    void move_into_new(std::size_t for_entries);
    static void move_entry(entry_place from, entry_place to) noexcept;
    void remove_from_row(Val* key) noexcept;
    void take_newest_back() noexcept;
    void add_moved(const Val& key, Val& value, std::uint32_t hash);

    allocator<char> memory_;
    chunk_pointer first_;                    // to the first chunk; null: none
    allocator<table_index>::pointer index_;  // with the further chunks; null: none
    static constexpr std::uint32_t scattered = std::uint32_t{1} << 31;
    std::uint32_t size_ = 0;      // positions(), and `scattered` if that is not one row
    std::uint32_t capacity_ = 0;  // of the first chunk
    std::int64_t to_keys_ = 0;    // from a value in the first chunk, in bytes
};
static_assert(sizeof(table) == 40, "box header, table and four entries are a block of 384 bytes");

}  // namespace detail
}  // namespace valpool
