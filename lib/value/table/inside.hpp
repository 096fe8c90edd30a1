#pragma once

/// What the table's sources share: how many entries go where, and the small functions that the
/// quick ways are made of.

#include <valpool/value/key.hpp>
#include <valpool/value/tab.hpp>

#include "object/box_layout.hpp"
#include "value/containers.hpp"
#include "value/growth_guess.hpp"
#include "value/hash.hpp"
#include "value/table/fingerprints.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace valpool::detail {

constexpr std::size_t most_entries = std::size_t{1} << 30;

inline bool is_hole(const Val& key) noexcept { return key.subtype == '-'; }

/// Of the values of a table that begins with a shape of so many keys, and of its copies. A stage of
/// a pipeline that adds a key or two mostly finds room for them.
constexpr std::size_t room_with_shape(std::size_t count) noexcept {
    return round_up(count, smallest_chunk);
}

inline std::size_t first_capacity_for(std::size_t entries) noexcept {
    return std::max<std::size_t>(entries, smallest_chunk);
}

inline unsigned log2_words_for(std::size_t entries) noexcept {
    return static_cast<unsigned>(std::bit_width(std::max<std::size_t>(entries * 2, 16) - 1));
}

/// Where the thread's next look-up in a row is likely to end: behind the last one. Whoever reads
/// all fields of a table, or writes to them, mostly does so in the order of their insertion.
extern thread_local constinit std::uint32_t next_position [[gnu::tls_model("initial-exec")]];

/// How many chunks of the smallest size the thread's next table is likely to fill.
using table_guess = growth_guess<most_in_row / smallest_chunk>;
extern thread_local constinit table_guess guess [[gnu::tls_model("initial-exec")]];

inline void table_index::put(std::uint32_t hash, std::size_t position) noexcept {
    std::size_t i = hash & mask();
    while (words()[i] != 0) i = (i + 1) & mask();
    words()[i] = (std::uint64_t{hash} << 32) | (position + 1);
}

/// What behind() takes to lead from one to the other.
inline std::int64_t bytes_between(const Val* from, const Val* to) noexcept {
    return reinterpret_cast<const char*>(to) - reinterpret_cast<const char*>(from);
}

inline void table::set_positions(std::size_t count, bool has_holes) noexcept {
    size_ = static_cast<std::uint32_t>(count);
    if (has_holes || size_ > capacity_) size_ |= scattered;
}

inline bool table::has_holes() const noexcept { return !is_one_row() && index_->holes != 0; }

inline std::size_t table::capacity() const noexcept {
    const std::size_t further = index_ ? index_->entries_before(index_->chunks) : 0;
    return capacity_ + further;
}

/// So many entries need neither a chunk nor an index, or a larger one.
inline std::size_t table::room() const noexcept {
    return index_ ? index_->room : std::min<std::size_t>(capacity_, most_in_row);
}

/// Of a table whose first chunk has some.
inline unsigned char* table::fingerprints() const noexcept {
    return reinterpret_cast<unsigned char*>(key_at(get_some(first_)) + capacity_);
}

/// What a first chunk that the table has allocated takes.
inline std::size_t table::own_first_chunk_bytes() const noexcept {
    return has_keys_apart() ? key_distance(capacity_) : first_chunk_bytes(capacity_);
}

inline bool table::shares_keys() const noexcept {
    if (!has_keys_apart()) return false;
    const arena& a = arena_of(*region());
    return a.in_shapes(a.offset_of(key_at(get_some(first_))));
}

/// Makes an entry that is there to be found. `hash` need not be the hash of a key that is a short
/// text if there is no index.
inline void table::file(std::uint32_t hash, std::size_t position) noexcept {
    if (index_)
        index_->put(hash, position);
    else if (has_fingerprints(capacity_) && !shares_keys())
        fingerprints()[position] = fingerprint_of(*place_at(position).key, hash);
}

/// All there is, without an index.
[[gnu::always_inline]] inline entry_row table::first_row() const noexcept {
    return {key_at(get_some(first_)), row_size(), to_keys_};
}

/// What is used from the position on of the chunk that it lies in.
inline entry_row table::row_from(std::uint32_t position) const noexcept {
    if (position < capacity_)
        return {key_at(get_some(first_)) + position, std::min(capacity_, positions()) - position,
                to_keys_};
    const table_index::place place = index_->place_of(position - capacity_);
    return {key_of(get_some(index_->chunk(place.chunk)), place.capacity) + place.at,
            std::min(place.capacity - place.at, positions() - position),
            static_cast<std::int64_t>(key_distance(place.capacity))};
}

/// In a table with an index.
[[gnu::always_inline]] inline table::entry_place table::place_at(
    const table_index& index, std::size_t position) const noexcept {
    if (position < capacity_) {
        Val* const value = get_some(first_) + position;
        return {key_at(value), value};
    }
    const table_index::place place = index.place_of(position - capacity_);
    Val* const value = get_some(index.chunk(place.chunk)) + place.at;
    return {key_of(value, place.capacity), value};
}

inline table::entry_place table::place_at(std::size_t position) const noexcept {
    if (index_) return place_at(*index_, position);
    Val* const value = get_some(first_) + position;
    return {key_at(value), value};
}

// What lies in a box begins at multiples of the grain: a root's chunk is freed as any other.
static_assert((box_header_bytes + sizeof(table)) % region_grain == 0);
static_assert(sizeof(Val) % region_grain == 0);

[[gnu::always_inline]] inline Val* table::new_chunk(box* b, std::size_t size_bytes) {
    return static_cast<Val*>(b ? region_allocate(*b, size_bytes) : ::operator new(size_bytes));
}

[[gnu::always_inline]] inline void table::free_chunk(Val* values, std::size_t size_bytes) noexcept {
    if (box* const b = region())
        region_deallocate(*b, values, size_bytes);
    else
        ::operator delete(values);
}

[[gnu::always_inline]] inline Val* table::take_first_chunk(Val* values,
                                                           std::size_t capacity) noexcept {
    first_ = values;
    capacity_ = static_cast<std::uint32_t>(capacity);
    to_keys_ = static_cast<std::int64_t>(key_distance(capacity));
    // What is not used yet is compared, too. It seldom looks like a key if it is zero.
    if (has_fingerprints(capacity)) {
        std::fill_n(fingerprints(), fingerprint_group, 0);
        if (capacity > fingerprint_group)
            std::fill_n(fingerprints() + fingerprint_group, fingerprint_group, 0);
    }
    return values;
}

/// For so many entries of a table that has none yet.
[[gnu::always_inline]] inline Val* table::make_first_chunk(std::size_t for_entries, box* b) {
    const std::size_t count = first_capacity_for(for_entries);
    return take_first_chunk(new_chunk(b, first_chunk_bytes(count)), count);
}

/// As take_first_chunk, for values alone: the keys are a shape's, which has the same room.
[[gnu::always_inline]] inline Val* table::take_shape(Val* values, std::size_t capacity,
                                                     const Val* keys) noexcept {
    first_ = values;
    capacity_ = static_cast<std::uint32_t>(capacity);
    to_keys_ = bytes_between(values, keys);
    return values;
}

/// The entry at that position, without a hole.
inline void table::destroy_at(std::size_t position) noexcept {
    const entry_place at = place_at(position);
    std::destroy_at(at.value);
    const bool is_apart = position < capacity_ && has_keys_apart();
    if (is_apart && shares_keys()) return;
    std::destroy_at(at.key);
    if (is_apart) std::memset(static_cast<void*>(at.key), 0, sizeof(Val));  // invariant 5
}

}  // namespace valpool::detail
