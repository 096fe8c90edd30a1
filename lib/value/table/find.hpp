#pragma once

/// How an entry is found, by a key of any kind.

#include "value/numbers.hpp"
#include "value/table/inside.hpp"

#include <bit>
#include <optional>
#include <string_view>

namespace valpool::detail {

// What keys are compared with.

/// A text that fits a value.
class short_key {
public:
    explicit short_key(const short_text& text) noexcept : text_(text) {}
    bool is(const Val& key) const noexcept { return text_.is_stored_at(value_access::stored(key)); }

private:
    const short_text text_;
};

/// A longer one.
class long_key {
public:
    explicit long_key(std::string_view text) noexcept : text_(text) {}
    bool is(const Val& key) const noexcept {
        return key.tag == 'a' && value_access::bytes(key) == text_;
    }

private:
    std::string_view text_;
};

/// A key of any type. Most that are no texts are integers.
class value_key {
public:
    explicit value_key(const Val& key) noexcept : key_(key), integer_(int_8_of(key)) {}
    bool is(const Val& key) const {
        if (integer_) {
            if (const auto other = int_8_of(key)) return *other == *integer_;
            if (key.tag == 'a') return false;
        }
        return !is_hole(key) && key == key_;
    }

private:
    const Val& key_;
    const std::optional<int_8> integer_;
};

inline short_key prepared(const short_text& key) noexcept { return short_key(key); }
inline long_key prepared(std::string_view key) noexcept { return long_key(key); }
inline value_key prepared(const Val& key) noexcept { return value_key(key); }

/// The first of these keys that it is, or the row's last().
template <class AnyKey>
[[gnu::always_inline]] inline Val* find_in(const entry_row& row, const AnyKey& key) {
    Val* at = row.first;
    Val* const last = row.last();
    while (at != last && !key.is(*at)) ++at;
    return at;
}

/// The key behind the one that the thread's last look-up ended at; null if that is
/// another.
template <class AnyKey>
[[gnu::always_inline]] inline Val* find_next(const entry_row& row, const AnyKey& key) {
    const std::uint32_t position = next_position;
    if (position >= row.count || !key.is(row.first[position])) return nullptr;
    next_position = position + 1;
    return row.first + position;
}

/// As find_in, in a row that has fingerprints, among the entries that there is a bit for.
template <class AnyKey>
[[gnu::always_inline]] inline Val* table::find_among(std::uint32_t candidates,
                                                     const AnyKey& key) const {
    const entry_row row = first_row();
    for (; candidates != 0; candidates &= candidates - 1) {
        const auto position = static_cast<std::uint32_t>(std::countr_zero(candidates));
        Val* const at = row.first + position;
        if (!key.is(*at)) continue;
        next_position = position + 1;
        return at;
    }
    return row.last();
}

/// As find_in, in a row that has fingerprints.
template <class AnyKey>
[[gnu::always_inline]] inline Val* table::find_by_fingerprint(const AnyKey& key,
                                                              unsigned char fingerprint) const {
    return find_among(matches(fingerprints(), row_size(), fingerprint), key);
}

/// `hash` need not be the key's unless is_hashed().
template <class AnyKey>
[[gnu::always_inline]] inline table::found_entry table::find_entry(const AnyKey& wanted,
                                                                   std::uint32_t hash) const {
    const auto key = prepared(wanted);
    const table_index* const index = index_.get();
    if (!index) {
        const entry_row row = first_row();
        Val* const found = has_fingerprints(capacity_)
                               ? find_by_fingerprint(key, fingerprint_of(wanted, hash))
                               : find_in(row, key);
        if (found == row.last()) return {};
        return {{found, row.value(found)}, 0};
    }
    const std::size_t mask = index->mask();
    const table_index::word* const words = index->words();
    for (std::size_t i = hash & mask; words[i] != 0; i = (i + 1) & mask) {
        const std::uint64_t position_plus_one = words[i] & 0xffffffff;
        if (words[i] >> 32 != hash || position_plus_one == table_index::removed) continue;
        const entry_place at = place_at(*index, position_plus_one - 1);
        if (!key.is(*at.key)) continue;
        next_position = static_cast<std::uint32_t>(position_plus_one);
        return {at, position_plus_one - 1};
    }
    return {};
}

inline std::uint32_t hash_if(bool wanted, const short_text& key) {
    return wanted ? hash_of(key) : 0;
}
inline std::uint32_t hash_if(bool wanted, std::string_view key) {
    return wanted ? hash_of(key) : 0;
}
inline std::uint32_t hash_if(bool wanted, const Val& key) { return wanted ? hash_of(key) : 0; }

}  // namespace valpool::detail
