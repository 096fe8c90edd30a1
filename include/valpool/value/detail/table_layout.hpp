#pragma once

/// How a table's entries lie in memory; docs/design/tables.md has the reasons.

#include <valpool/value/val.hpp>

#include <cstddef>
#include <cstdint>

namespace valpool {
namespace detail {

// A chunk has all its values first, then all its keys: a search for a key, and a walk over the
// values, reads half as many cache lines as it would if they alternated. Values come first so that
// those of a table that is the root object of a box lie right behind it, in the same cache lines.
// The keys of a first chunk in a pool may lie apart: a shape's, which many tables share, or such a
// table's own, once they are no shape's any more (docs/design/shapes.md).

/// So many entries are found without an index: by comparing all keys of a smallest chunk, and by
/// their fingerprints (lib/value/table/fingerprints.hpp) in a larger one.
constexpr std::size_t smallest_chunk = 4;
constexpr std::size_t most_in_row = 32;

/// To a chunk's first value.
using chunk_pointer = allocator<Val>::pointer;
constexpr std::size_t key_distance(std::size_t capacity) noexcept { return capacity * sizeof(Val); }
constexpr std::size_t chunk_bytes(std::size_t capacity) noexcept {
    return 2 * capacity * sizeof(Val);
}
/// A first chunk whose entries may be without an index, but are too many to be compared one by one,
/// ends with their keys' fingerprints.
constexpr bool has_fingerprints(std::size_t capacity) noexcept {
    return capacity > smallest_chunk && capacity <= most_in_row;
}
/// They are read in groups of so many, up to the end of a group that has begun.
constexpr std::size_t fingerprint_group = 16;
constexpr std::size_t first_chunk_bytes(std::size_t capacity) noexcept {
    const std::size_t count = has_fingerprints(capacity) ? capacity : 0;
    const std::size_t groups = (count + fingerprint_group - 1) / fingerprint_group;
    return chunk_bytes(capacity) + groups * fingerprint_group;
}
/// What that takes beside the values: the keys, and their fingerprints.
constexpr std::size_t first_keys_bytes(std::size_t capacity) noexcept {
    return first_chunk_bytes(capacity) - key_distance(capacity);
}
inline Val* key_of(Val* value, std::size_t capacity) noexcept { return value + capacity; }
inline Val* behind(Val* value, std::int64_t bytes) noexcept {
    return reinterpret_cast<Val*>(reinterpret_cast<char*>(value) + bytes);
}

/// The header of one block: the chunks behind the first one follow it, and then the words, each 0
/// or hash << 32 | position + 1.
struct table_index {
    using word = std::uint64_t;
    static constexpr std::uint64_t removed = 0xffffffff;  // a position that no entry has

    std::uint32_t holes = 0;
    std::uint32_t room = 0;  // so many positions need neither a chunk nor a larger index
    /// Entries of the first pair of chunks: chunk_unit << log2_smallest.
    const std::uint32_t smallest;
    const std::uint8_t log2_smallest;
    const std::uint8_t log2_words;
    std::uint8_t chunks = 0;
    std::uint8_t reserved = 0;

    table_index(std::uint32_t first_capacity, unsigned log2) noexcept;
    static std::size_t size_bytes(unsigned log2) noexcept;

    /// The chunks behind the first one come in pairs of the same size, each pair twice as large as
    /// the one before: so a table grows by a half or a third at a time. Their sizes are multiples
    /// of this, not powers of two: with its header in a box's region, such a chunk nearly fills a
    /// block or whole pages, where one of a power of two would begin another page for the header.
    static constexpr std::uint32_t chunk_unit = 15;
    std::uint32_t capacity_of(unsigned j) const noexcept { return smallest << (j / 2); }
    /// How many entries the chunks before that one have together; without the table's first.
    std::size_t entries_before(unsigned j) const noexcept {
        const std::size_t pairs = 2 * std::size_t{smallest} * ((std::size_t{1} << (j / 2)) - 1);
        return pairs + (j % 2 != 0 ? capacity_of(j) : 0);
    }
    /// Where an entry lies, by its position behind the table's first chunk.
    struct place {
        unsigned chunk;
        std::uint32_t at;
        std::uint32_t capacity;  // of that chunk
    };
    place place_of(std::size_t position) const noexcept {
        // As if a pair of half the size, or one chunk of the same, came before the first pair: then
        // each pair begins at a power of two, in units.
        const auto p = static_cast<std::uint32_t>(position) + 2 * smallest;
        const std::uint32_t units = p / chunk_unit;
        const auto log2 = static_cast<unsigned>(30 - __builtin_clz(units));  // of the capacity
        const std::uint32_t capacity = chunk_unit << log2;
        const std::uint32_t number = units >> log2;  // 2 or 3: the first or the second of its pair
        return {2 * (log2 - log2_smallest) + (number & 1), p - number * capacity, capacity};
    }
    /// Pairs of doubling chunks reach what the words can index in so many steps.
    unsigned most_chunks() const noexcept { return most_chunks(log2_words); }
    static constexpr unsigned most_chunks(unsigned log2_words) noexcept { return 2 * log2_words; }
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
    std::int64_t to_keys = 0;  // from a value, in bytes

    Val* last() const noexcept { return first + count; }
    Val* value(Val* key) const noexcept { return behind(key, -to_keys); }
};

/// Values of one chunk that lie side by side, none of them a hole. So small that it is returned in
/// registers.
class row_part {
public:
    row_part() noexcept = default;
    row_part(Val* values, std::uint32_t how_many, std::uint32_t capacity, bool is_last) noexcept
        : first(values), count(how_many), capacity_and_last_(capacity | (is_last ? last_bit : 0)) {}

    /// In place of the first chunk's capacity: the table knows where its keys are.
    static constexpr std::uint32_t in_first_chunk = 0;
    std::uint32_t capacity() const noexcept { return capacity_and_last_ & ~last_bit; }
    bool is_last() const noexcept { return (capacity_and_last_ & last_bit) != 0; }

    Val* first = nullptr;
    std::uint32_t count = 0;

private:
    static constexpr std::uint32_t last_bit = std::uint32_t{1} << 31;
    std::uint32_t capacity_and_last_ = last_bit;  // of the chunk; nothing comes behind the part
};
static_assert(sizeof(row_part) == 16, "two registers");

}  // namespace detail
}  // namespace valpool
