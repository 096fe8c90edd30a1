#include <valpool/tab.hpp>

#include "base/prefetch.hpp"
#include "base/round_up.hpp"
#include "value/containers.hpp"
#include "value/numbers.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace valpool {
namespace detail {
namespace {

/// Up to here comparing the keys one by one is faster than hashing: short texts, and others.
constexpr std::size_t most_in_row = 12;
constexpr std::size_t most_of_any_in_row = 8;
constexpr std::size_t most_entries = std::size_t{1} << 30;

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

bool is_hole(const Val& key) noexcept { return key.subtype == '-'; }

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

short_key prepared(const short_text& key) noexcept { return short_key(key); }
long_key prepared(std::string_view key) noexcept { return long_key(key); }
value_key prepared(const Val& key) noexcept { return value_key(key); }

/// Apart from where nothing is missing: building the message must not cost that place anything.
[[noreturn, gnu::cold, gnu::noinline]] void throw_missing(const Val& key) {
    std::ostringstream text;
    text << "Key " << key << " not in table";
    throw std::out_of_range(text.str());
}
[[noreturn, gnu::cold, gnu::noinline]] void throw_missing(const short_text& key) {
    throw_missing(Val(key.view()));
}

/// The first of these keys that it is, or the row's last().
template <class Key>
[[gnu::always_inline]] inline Val* find_in(const entry_row& row, const Key& key) {
    Val* at = row.first;
    Val* const last = row.last();
    while (at != last && !key.is(*at)) ++at;
    return at;
}

std::uint32_t unit_for(std::uint32_t first_capacity) noexcept {
    return std::bit_ceil(first_capacity) << (first_capacity <= 2 * table::smallest_chunk ? 1 : 0);
}

std::size_t first_capacity_for(std::size_t entries) noexcept {
    return std::max<std::size_t>(entries, table::smallest_chunk);
}

unsigned log2_words_for(std::size_t entries) noexcept {
    return static_cast<unsigned>(std::bit_width(std::max<std::size_t>(entries * 2, 16) - 1));
}

/// What a table of the smallest chunk has with its second one.
constexpr std::uint32_t roomy_chunk = 3 * table::smallest_chunk;
/// In a smaller pool memory counts more than speed: what wrong guesses may waste.
constexpr std::size_t least_roomy_pool_bytes = std::size_t{16} << 20;

/// Whether a thread's next table is likely to outgrow the smallest chunk. Programs make tables of
/// the same few shapes again and again; those of five entries or more are one row, which is walked
/// faster, if they begin with a roomy chunk, and take no more memory than with two chunks.
class growth_guess {
public:
    /// A table that is going to be filled begins.
    void begins() noexcept { score_ = std::max(score_ - 3, least); }
    /// Such a one gets its fifth entry.
    void outgrows() noexcept { score_ = std::min(score_ + 4, most); }
    /// More than three of four did.
    bool is_roomy() const noexcept { return score_ > 0; }

private:
    // Some hundreds of tables may begin before the first one of them is filled.
    static constexpr int most = 1000;
    static constexpr int least = -100;
    int score_ = 0;
};
thread_local constinit growth_guess guess;

}  // namespace

table_index::table_index(std::uint32_t first, unsigned log2) noexcept
    : unit(unit_for(first)),
      log2_unit(static_cast<std::uint8_t>(std::countr_zero(unit))),
      log2_words(static_cast<std::uint8_t>(log2)) {
    for (unsigned j = 0; j < most_chunks(); ++j) new (&chunk(j)) chunk_pointer(nullptr);
    std::fill_n(words(), std::size_t{1} << log2, 0);
}

std::size_t table_index::size_bytes(unsigned log2) noexcept {
    return sizeof(table_index) + log2 * sizeof(chunk_pointer) + (sizeof(word) << log2);
}

void table_index::put(std::uint32_t hash, std::size_t position) noexcept {
    std::size_t i = hash & mask();
    while (words()[i] != 0) i = (i + 1) & mask();
    words()[i] = (std::uint64_t{hash} << 32) | (position + 1);
}

void table_index::take_words_of(const table_index& other) noexcept {
    if (log2_words == other.log2_words && other.holes == 0) {
        std::copy_n(other.words(), mask() + 1, words());
        return;
    }
    other.for_each([this](std::uint32_t hash, std::size_t position) { put(hash, position); });
}

void table_index::remove(std::uint32_t hash, std::size_t position) noexcept {
    std::size_t i = hash & mask();
    while ((words()[i] & 0xffffffff) != position + 1) i = (i + 1) & mask();
    words()[i] |= removed;
}

std::uint32_t table::usual_first_capacity(const StreamingPool* pool) noexcept {
    const bool is_roomy = guess.is_roomy() && (!pool || pool->bytes() >= least_roomy_pool_bytes);
    guess.begins();
    return is_roomy ? roomy_chunk : smallest_chunk;
}

void table::set_positions(std::size_t count, bool has_holes) noexcept {
    size_ = static_cast<std::uint32_t>(count);
    if (has_holes || size_ > capacity_) size_ |= scattered;
}

bool table::has_holes() const noexcept { return !is_one_row() && index_->holes != 0; }

std::size_t table::count_entries() const noexcept {
    return positions() - (has_holes() ? index_->holes : 0);
}

std::size_t table::capacity() const noexcept {
    const std::size_t further =
        index_ ? std::size_t{index_->unit} * ((std::size_t{1} << index_->chunks) - 1) : 0;
    return capacity_ + further;
}

/// So many entries need neither a chunk nor an index, or a larger one.
std::size_t table::room(std::size_t most_without_index) const noexcept {
    return index_ ? index_->room : std::min<std::size_t>(capacity_, most_without_index);
}

/// All there is, without an index.
[[gnu::always_inline]] inline entry_row table::first_row() const noexcept {
    return {key_of(get_some(first_), capacity_), row_size(), capacity_};
}

/// What is used from the position on of the chunk that it lies in.
entry_row table::row_from(std::uint32_t position) const noexcept {
    if (position < capacity_)
        return {key_of(get_some(first_), capacity_) + position,
                std::min(capacity_, positions()) - position, capacity_};
    const table_index& index = *index_;
    const std::uint32_t from_unit = position - capacity_ + index.unit;
    const std::uint32_t capacity = std::bit_floor(from_unit);
    const std::uint32_t at = from_unit - capacity;
    return {key_of(get_some(index.chunk(index.number_of(capacity))), capacity) + at,
            std::min(capacity - at, positions() - position), capacity};
}

/// In a table with an index.
[[gnu::always_inline]] inline table::entry_place table::place_at(
    const table_index& index, std::size_t position) const noexcept {
    if (position < capacity_) {
        Val* const value = get_some(first_) + position;
        return {key_of(value, capacity_), value};
    }
    const std::size_t from_unit = position - capacity_ + index.unit;
    const auto log2_capacity = static_cast<unsigned>(std::bit_width(from_unit) - 1);
    const std::size_t capacity = std::size_t{1} << log2_capacity;
    Val* const value =
        get_some(index.chunk(log2_capacity - index.log2_unit)) + (from_unit - capacity);
    return {key_of(value, capacity), value};
}

table::entry_place table::place_at(std::size_t position) const noexcept {
    if (index_) return place_at(*index_, position);
    Val* const value = get_some(first_) + position;
    return {key_of(value, capacity_), value};
}

namespace {
constexpr unsigned none = ~0u;  // no chunk's number
}

/// Of a table that is not one row.
row_part table::first_part() const noexcept {
    return has_holes() ? part_from(0) : row_part(get_some(first_), capacity_, capacity_, false);
}

/// The first such part at or behind the position.
row_part table::part_from(std::uint32_t position) const noexcept {
    while (position < positions()) {
        const entry_row row = row_from(position);
        Val* first = row.first;
        Val* last = row.last();
        if (has_holes()) {
            first = std::find_if_not(first, last, is_hole);
            last = std::find_if(first, last, is_hole);
        }
        position += static_cast<std::uint32_t>(last - row.first);
        if (first != last)
            return {row.value(first), static_cast<std::uint32_t>(last - first), row.capacity,
                    position == positions()};
    }
    return {};
}

/// The number of the one behind this place, if that is a chunk's end; the table has no holes.
[[gnu::always_inline]] inline unsigned table::chunk_behind(const Val* last) const noexcept {
    if (last == get_some(first_) + capacity_) return 0;
    for (unsigned j = 0; j != index_->chunks; ++j)
        if (last == get_some(index_->chunk(j)) + index_->capacity_of(j)) return j + 1;
    return none;
}

/// The part behind this place, which is behind a value. Mostly that is the next chunk's beginning,
/// which takes 90 instructions less to say than by the position.
row_part table::part_behind(const Val* last) const noexcept {
    const unsigned next = has_holes() || !index_ ? none : chunk_behind(last);
    if (next == none) return part_from(position_of(last - 1) + 1);
    const std::uint32_t next_capacity = index_->capacity_of(next);
    const std::uint32_t before = capacity_ + next_capacity - index_->unit;
    if (before >= positions()) return {};
    const std::uint32_t left = positions() - before;
    return {get_some(index_->chunk(next)), std::min(left, next_capacity), next_capacity,
            left <= next_capacity};
}

/// The last one if it is not there any more: who changes a table must not expect its walks to go on
/// as before, but they come to an end.
std::uint32_t table::position_of(const Val* value) const noexcept {
    // The difference is large for what lies before the chunk.
    const auto index_in = [value](const chunk_pointer& chunk) {
        return (reinterpret_cast<std::uintptr_t>(value) -
                reinterpret_cast<std::uintptr_t>(chunk.get())) /
               sizeof(Val);
    };
    if (const std::size_t i = index_in(first_); i < capacity_) return static_cast<std::uint32_t>(i);
    const unsigned chunks = index_ ? index_->chunks : 0;
    for (unsigned j = 0; j != chunks; ++j) {
        const std::uint32_t capacity = index_->capacity_of(j);
        if (const std::size_t i = index_in(index_->chunk(j)); i < capacity)
            return static_cast<std::uint32_t>(capacity_ + capacity - index_->unit + i);
    }
    return positions() - 1;
}

namespace {
/// Behind a root's chunk, too: chunks are multiples of the grain.
constexpr std::size_t distance_to_grain =
    round_up(box_header_bytes + sizeof(table), region_grain) - box_header_bytes - sizeof(table);
static_assert(sizeof(Val) % region_grain == 0);
// Each in one cache line, wherever the chunk begins.
static_assert((box_header_bytes + sizeof(table)) % sizeof(Val) + sizeof(short_text) <= sizeof(Val),
              "what is compared of a key");
}  // namespace

[[gnu::always_inline]] inline Val* table::new_chunk(box* b, std::size_t capacity) {
    if (b) return static_cast<Val*>(region_allocate(*b, chunk_bytes(capacity)));
    return static_cast<Val*>(::operator new(chunk_bytes(capacity)));
}

[[gnu::always_inline]] inline void table::free_chunk(Val* values, std::size_t capacity) noexcept {
    box* const b = region();
    if (!b) return ::operator delete(values);
    void* memory = values;
    // What else lies in a box begins at a multiple of the grain, and what follows a root's chunk
    // leaves as much free behind it.
    if (memory == static_cast<table*>(b->root()) + 1)
        memory = reinterpret_cast<char*>(values) + distance_to_grain;
    region_deallocate(*b, memory, chunk_bytes(capacity));
}

[[gnu::always_inline]] inline Val* table::take_first_chunk(Val* values,
                                                           std::size_t capacity) noexcept {
    first_ = values;
    capacity_ = static_cast<std::uint32_t>(capacity);
    return values;
}

/// For so many entries of a table that has none yet.
[[gnu::always_inline]] inline Val* table::make_first_chunk(std::size_t for_entries, box* b) {
    const std::size_t count = first_capacity_for(for_entries);
    return take_first_chunk(new_chunk(b, count), count);
}

/// The same, for a root object that has room for them behind it.
[[gnu::always_inline]] inline Val* table::first_chunk_of_root(std::size_t for_entries) noexcept {
    return take_first_chunk(reinterpret_cast<Val*>(this + 1), first_capacity_for(for_entries));
}

namespace {
/// Where nothing is yet. If that throws, nothing is there again.
[[gnu::always_inline]] inline void copy_values(const Val* from, std::size_t count, Val* to,
                                               box* region) {
    Val* at = to;
    try {
        for (Val* const last = to + count; at != last; ++at, ++from)
            value_access::new_copy(at, *from, region);
    } catch (...) {
        std::destroy(to, at);
        throw;
    }
}
}  // namespace

/// Copies entries that lie side by side behind those that there are, all of them in one chunk.
[[gnu::always_inline]] inline void table::copy_part(const row_part& from, Val* values, box* b) {
    Val* const to = values + size_;
    copy_values(from.first, from.count, to, b);
    try {
        copy_values(key_of(from.first, from.capacity()), from.count, key_of(to, capacity_), b);
    } catch (...) {
        std::destroy_n(to, from.count);
        throw;
    }
    size_ += from.count;
}

/// Into this one, which is empty.
template <bool IsRoot>
[[gnu::always_inline]] inline void table::copy_all(const table& other, box* b) {
    const bool has_index = static_cast<bool>(other.index_);
    const std::size_t count = has_index ? other.entries() : other.row_size();
    if (count == 0) return;
    Val* const values = IsRoot ? first_chunk_of_root(count) : make_first_chunk(count, b);
    if (!has_index)
        copy_part(row_part(get_some(other.first_), other.row_size(), other.capacity_, true), values,
                  b);
    else
        copy_entries(other, b);
}

table::table(box* region, std::uint32_t capacity) : table(allocator<char>(region)) {
    first_chunk_of_root(capacity);
}

table::table(const table& other, box* region, as_root) : table(allocator<char>(region)) {
    copy_all<true>(other, region);
}

table::table(const table& other, box* region) : table() {
    // Twice, for a compiler that knows which it is does better.
    if (region) {
        new (&memory_) allocator<char>(region);  // who assigns does not know that it is not null
        copy_all<false>(other, region);
    } else {
        copy_all<false>(other, nullptr);
    }
}

/// Of a table with an index, into the first chunk, which has room for them.
void table::copy_entries(const table& other, box* b) {
    make_room(other.entries(), most_of_any_in_row);
    Val* const values = get_some(first_);
    for (row_part part = other.part_from(0); part.count != 0;
         part = other.part_behind(part.first + part.count)) {
        copy_part(part, values, b);
        if (part.is_last()) break;
    }
    if (index_) index_copies_of(other);
}

/// Of a table with an index.
void table::index_copies_of(const table& other) {
    if (!other.has_holes()) return index_->take_words_of(*other.index_);
    std::uint32_t to = 0;
    for (std::uint32_t position = 0; position != other.positions(); ++position) {
        // Not of the copy: a container may be put off.
        const Val& key = *other.place_at(position).key;
        if (!is_hole(key)) index_->put(hash_of(key), to++);
    }
}

table::table(table&& other) {
    // Out of a pool it copies: what lies on the heap must not refer into a box.
    if (other.region())
        *this = static_cast<const table&>(other);
    else
        swap(other);
}

table::table(table&& other, const allocator<char>& memory) : table(memory) {
    if (other.region() == region())
        swap(other);
    else
        *this = static_cast<const table&>(other);
}

table& table::operator=(const table& other) {
    if (this == &other) return *this;
    table copy(other, region());
    swap(copy);
    return *this;
}

table& table::operator=(table&& other) {
    if (this == &other) return *this;
    if (region() != other.region()) return *this = static_cast<const table&>(other);
    const mutation guard(region());
    table taken(std::move(other), memory_);  // before what it may be a part of goes
    swap(taken);
    return *this;
}

void table::move_entry(entry_place from, entry_place to) noexcept {
    *to.key = std::move(*from.key);
    *to.value = std::move(*from.value);
}

void table::destroy_entry(entry_place at) noexcept {
    std::destroy_at(at.key);
    std::destroy_at(at.value);
}

void table::destroy() noexcept {
    for (std::uint32_t position = 0; position != positions();) {
        const entry_row row = row_from(position);
        std::destroy_n(row.first, row.count);
        std::destroy_n(row.value(row.first), row.count);
        position += row.count;
    }
    while (index_ && index_->chunks != 0) drop_last_chunk();
    drop_index();
    free_chunk(first_.get(), capacity_);
}

void table::swap(table& other) {
    if (this == &other) return;
    if (region() != other.region()) {
        const mutation guard(region());
        const mutation other_guard(other.region());
        table mine(other, region());
        table theirs(*this, other.region());
        swap(mine);
        other.swap(theirs);
        return;
    }
    const mutation guard(region());
    std::swap(first_, other.first_);
    std::swap(index_, other.index_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
}

void table::reserve(std::size_t count) {
    checked_length(count, most_entries);
    const mutation guard(region());
    // Of any keys.
    make_room(std::max<std::size_t>(count, positions()), most_of_any_in_row);
}

template <class Key>
[[gnu::always_inline]] inline table::found_entry table::find_entry(const Key& wanted,
                                                                   std::uint32_t hash) const {
    const auto key = prepared(wanted);
    const table_index* const index = index_.get();
    if (!index) {
        const entry_row row = first_row();
        Val* const found = find_in(row, key);
        if (found == row.last()) return {};
        return {{found, row.value(found)}, 0};
    }
    const std::size_t mask = index->mask();
    const table_index::word* const words = index->words();
    for (std::size_t i = hash & mask; words[i] != 0; i = (i + 1) & mask) {
        const std::uint64_t position_plus_one = words[i] & 0xffffffff;
        if (words[i] >> 32 != hash || position_plus_one == table_index::removed) continue;
        const entry_place at = place_at(*index, position_plus_one - 1);
        if (key.is(*at.key)) return {at, position_plus_one - 1};
    }
    return {};
}

namespace {
std::uint32_t hash_if(bool wanted, const short_text& key) { return wanted ? hash_of(key) : 0; }
std::uint32_t hash_if(bool wanted, std::string_view key) { return wanted ? hash_of(key) : 0; }
std::uint32_t hash_if(bool wanted, const Val& key) { return wanted ? hash_of(key) : 0; }
}  // namespace

template <class Key>
const Val* table::find_value(const Key& key) const {
    return find_entry(key, hash_if(static_cast<bool>(index_), key)).value;
}

/// The value of this key, in a table without an index; null when there is none.
[[gnu::always_inline]] inline const Val* table::find_in_row(const short_text& key) const noexcept {
    const entry_row row = first_row();
    // Not find_in, whose result would be compared with the end once more.
    for (Val* at = row.first; at != row.last(); ++at)
        if (short_key(key).is(*at)) return row.value(at);
    return nullptr;
}

// What does not find by the row alone is apart: the quick way then needs no place on the stack.

[[gnu::noinline]] const Val* table::find_short_by_hash(std::uint64_t head, std::uint64_t second,
                                                       std::uint64_t third) const {
    return find_value(short_text(head, second, third));
}

[[gnu::noinline]] const Val* table::find_long(std::string_view key) const {
    return find_value(key);
}

const Val* table::find_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const {
    return index_ ? find_short_by_hash(head, second, third)
                  : find_in_row(short_text(head, second, third));
}

const Val* table::find_text(std::string_view key) const {
    if (key.size() > short_text::most) return find_long(key);
    const short_text text(key);
    return find_short(text.head, text.second, text.third);
}

const Val* table::findValue(const Val& key) const {
    return key.tag == 'a' ? find_text(key.text()) : find_value(key);
}

Val& table::operator()(const Val& key) const {
    const Val* const found = findValue(key);
    if (!found) throw_missing(key);
    return const_cast<Val&>(*found);
}

Val& table::found_value(std::string_view key) const {
    if (key.size() > short_text::most) return found_long(key);
    const short_text text(key);
    return found_short(text.head, text.second, text.third);
}

[[gnu::noinline]] Val& table::found_long(std::string_view key) const {
    const Val* const found = find_value(key);
    if (!found) throw_missing(Val(key));
    return const_cast<Val&>(*found);
}

Val& table::found_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const {
    if (!index_)
        if (const Val* const found = find_in_row(short_text(head, second, third)))
            return const_cast<Val&>(*found);
    return found_short_by_hash(head, second, third);
}

/// Or not at all.
[[gnu::noinline]] Val& table::found_short_by_hash(std::uint64_t head, std::uint64_t second,
                                                  std::uint64_t third) const {
    const short_text key(head, second, third);
    const Val* const found = index_ ? find_value(key) : nullptr;
    if (!found) throw_missing(key);
    return const_cast<Val&>(*found);
}

Val table::get(const Val& key, const Val& instead) const {
    const Val* const found = findValue(key);
    return found ? *found : instead;
}

template <class Key>
Val& table::value_or_new(const Key& key) {
    const bool has_index = static_cast<bool>(index_);
    const std::uint32_t hash = hash_if(has_index, key);
    Val* const value = find_entry(key, hash).value;
    return value ? *value : add(key, hash, has_index);
}

Val& table::value_for(const Val& key) {
    return key.tag == 'a' ? value_for(key.text()) : value_or_new(key);
}

Val& table::value_for(std::string_view key) {
    return key.size() <= short_text::most ? short_value(short_text(key)) : value_or_new(key);
}

namespace {
/// In a table without an index: the thirteenth entry needs one, and the fifth goes where the thread
/// learns of it. As bits, which are asked for faster than two numbers are compared with.
bool is_added_at_once(std::uint32_t position) noexcept {
    constexpr std::uint64_t all = (1U << most_in_row) - 1;
    constexpr std::uint64_t at_once = all & ~(1U << table::smallest_chunk);
    return (at_once >> (position & 63) & 1) != 0;
}
}  // namespace

/// What most insertions are: into the room that there is, of a table that nobody else sees. `b` is
/// the table's region.
[[gnu::always_inline]] inline Val& table::value_at_once(box* b, const short_text& key) {
    if (!index_) {
        const entry_row row = first_row();
        Val* const at = find_in(row, short_key(key));
        if (at != row.last()) return *row.value(at);
        const bool is_shared = b && b->published.load(std::memory_order_relaxed);
        if (size_ < capacity_ && is_added_at_once(size_) && !is_shared) {
            value_access::new_short(at, key, b);
            ++size_;
            return *value_access::new_none(row.value(at), b);
        }
    }
    return value_or_new_short(key.head, key.second, key.third);
}

[[gnu::noinline]] Val& table::value_or_new_short(std::uint64_t head, std::uint64_t second,
                                                 std::uint64_t third) {
    return value_or_new(short_text(head, second, third));
}

Val& table::value_for_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) {
    return value_at_once(region(), short_text(head, second, third));
}

namespace {
template <class Key>
void new_key(Val* place, const Key& key, const allocator<char>& memory) {
    new (place) Val(key, memory);
}
void new_key(Val* place, const short_text& key, const allocator<char>& memory) noexcept {
    value_access::new_short(place, key, memory.region());
}
}  // namespace

template <class Key>
[[gnu::noinline]] Val& table::add(const Key& key, std::uint32_t hash, bool has_hash) {
    const mutation guard(region());
    if (!index_) {
        box* const b = region();
        if (!first_) make_first_chunk(usual_first_capacity(b ? pool_of(*b) : nullptr), b);
        if (size_ == smallest_chunk && capacity_ <= roomy_chunk) guess.outgrows();
    }
    const std::size_t position = positions();
    constexpr std::size_t most_without_index =
        std::is_same_v<Key, short_text> ? most_in_row : most_of_any_in_row;
    if (position >= room(most_without_index)) make_room(position + 1, most_without_index);
    const std::uint32_t its_hash = has_hash ? hash : hash_if(static_cast<bool>(index_), key);
    const entry_place at = place_at(position);
    new_key(at.key, key, memory_);  // the last thing that can fail
    new (at.value) Val(memory_);
    set_positions(position + 1, has_holes());
    if (index_) index_->put(its_hash, position);
    return *at.value;
}

namespace {
root_size root_size_with(std::size_t capacity, std::size_t index_bytes) noexcept {
    const std::size_t root_bytes = sizeof(table) + chunk_bytes(capacity) + distance_to_grain;
    return {root_bytes, box_header_bytes + root_bytes + index_bytes};
}
}  // namespace

root_size table::size_as_root(std::uint32_t capacity) noexcept {
    return root_size_with(capacity, 0);
}

root_size table::size_of_copy_as_root() const noexcept {
    const std::size_t count = entries();
    const bool needs_index = index_ && count > most_of_any_in_row;  // see copy_entries
    return root_size_with(first_capacity_for(count),
                          needs_index ? table_index::size_bytes(log2_words_for(count)) : 0);
}

/// Chunks and an index for so many entries, so that nothing but their content can fail.
void table::make_room(std::size_t for_entries, std::size_t most_without_index) {
    if (for_entries > most_entries) throw std::logic_error("a table holds at most 2^30 entries");
    if (capacity_ == 0 && for_entries != 0) make_first_chunk(for_entries, region());
    // At most two thirds full, or chains get long.
    if (index_ ? for_entries * 3 > (index_->mask() + 1) * 2
               : for_entries > room(most_without_index))
        build_index(for_entries);
    while (capacity() < for_entries) {
        const unsigned j = index_->chunks;
        index_->chunk(j) = new_chunk(region(), index_->capacity_of(j));
        ++index_->chunks;
    }
    if (index_)
        index_->room =
            static_cast<std::uint32_t>(std::min(capacity(), (index_->mask() + 1) * 2 / 3));
}

void table::build_index(std::size_t for_entries) {
    const unsigned log2 = log2_words_for(for_entries);
    const auto memory = memory_.allocate(table_index::size_bytes(log2));
    auto* const fresh = new (memory.get()) table_index(capacity_, log2);
    if (index_) {
        fresh->holes = index_->holes;
        fresh->chunks = index_->chunks;
        for (unsigned j = 0; j < fresh->chunks; ++j) fresh->chunk(j) = index_->chunk(j);
    }
    if (index_) {
        fresh->take_words_of(*index_);
    } else {
        try {
            for (std::size_t i = 0; i < row_size(); ++i) fresh->put(hash_of(*place_at(i).key), i);
        } catch (...) {  // a key that is shared, and poisoned
            memory_.deallocate(memory, table_index::size_bytes(log2));
            throw;
        }
    }
    drop_index();
    index_ = fresh;
}

void table::drop_index() noexcept {
    if (!index_) return;
    const std::size_t size_bytes = table_index::size_bytes(index_->log2_words);
    memory_.deallocate(allocator<char>::pointer(reinterpret_cast<char*>(index_.get())), size_bytes);
    index_ = nullptr;
}

/// By position, as the index has them: to hash a key again could fail.
std::vector<std::uint32_t> table::filed_hashes() const {
    std::vector<std::uint32_t> hashes(positions());
    index_->for_each([&](std::uint32_t hash, std::size_t position) { hashes[position] = hash; });
    return hashes;
}

void table::drop_last_chunk() noexcept {
    const unsigned j = --index_->chunks;
    free_chunk(index_->chunk(j).get(), index_->capacity_of(j));
}

/// Moves the entries behind a hole up and files everything anew in the index that is there.
void table::close_holes() {
    const std::vector<std::uint32_t> hashes = filed_hashes();  // the last thing that can fail
    std::size_t to = 0;
    index_->holes = 0;
    std::fill_n(index_->words(), index_->mask() + 1, 0);
    for (std::size_t from = 0; from < positions(); ++from) {
        const entry_place old = place_at(from);
        if (is_hole(*old.key)) continue;
        const entry_place fresh = place_at(to);
        if (from != to) move_entry(old, fresh);
        index_->put(hashes[from], to);
        ++to;
    }
    for (std::size_t i = to; i < positions(); ++i) destroy_entry(place_at(i));
    set_positions(to, false);
}

bool table::findValue(const Val& key, Val& found) const {
    const Val* const value = findValue(key);
    if (value) found = *value;
    return value != nullptr;
}

/// For append, which must not overwrite.
Val table::free_key(Val key) const {
    if (!contains(key)) return key;
    std::ostringstream text;
    text << "append: the table has the key " << key << " already";
    throw std::runtime_error(text.str());
}

void table::insertKeyAndValue(const Val& key, const Val& value) {
    const mutation guard(region());
    insertKeyAndValue(key, Val(value, memory_));  // it may be a part of this table
}

void table::insertKeyAndValue(const Val& key, Val&& value) {
    const mutation guard(region());
    const std::size_t entries_before = entries();
    Val& place = value_for(key);
    try {
        place = std::move(value);
    } catch (...) {
        if (entries() != entries_before) take_newest_back();
        throw;
    }
}

bool table::swapInto(Val& key, Val& value) {
    const mutation guard(region());
    if (Val* const there = findValue(key)) {
        there->swap(value);
        return true;
    }
    insertKeyAndValue(key, std::move(value));
    key.reset();
    value.reset();
    return false;
}

/// The entry that was added last, and right now: nothing that is in the index has been put there
/// past it, so its word is free again.
void table::take_newest_back() noexcept {
    const std::size_t position = positions() - 1;
    destroy_entry(place_at(position));
    if (index_) {
        table_index::word* const words = index_->words();
        const auto is_its_own = [position](table_index::word w) {
            return (w & 0xffffffff) == position + 1;
        };
        *std::find_if(words, words + index_->mask(), is_its_own) = 0;
    }
    set_positions(position, has_holes());
}

/// First all that can fail: copies of what is added, which may be a part of this table or have this
/// table as a part, where each goes, and room.
void table::add_all(const table& other) {
    if (this == &other) return;
    const mutation guard(region());
    table added(other, region());
    struct destination {
        Val* value;  // null: a new key
        std::uint32_t hash;
    };
    std::vector<destination> destinations;
    destinations.reserve(added.entries());
    std::size_t new_keys = 0;
    for (const auto& [key, value] : std::as_const(added)) {
        const std::uint32_t hash = hash_of(key);
        Val* const there = find_entry(key, hash).value;
        if (!there) ++new_keys;
        destinations.push_back({there, hash});
    }
    if (new_keys != 0) make_room(positions() + new_keys, most_of_any_in_row);
    auto to = destinations.begin();
    for (auto& [key, value] : added) {
        if (to->value)
            *to->value = std::move(value);
        else
            add_moved(const_cast<Val&>(key), value, to->hash);
        ++to;
    }
}

/// A new entry of the same memory, for which there is room.
void table::add_moved(Val& key, Val& value, std::uint32_t hash) {
    const std::size_t position = positions();
    const entry_place at = place_at(position);
    new (at.key) Val(std::move(key), memory_);
    new (at.value) Val(std::move(value), memory_);
    set_positions(position + 1, has_holes());
    if (index_) index_->put(hash, position);
}

bool table::remove(const Val& key) {
    const std::uint32_t hash = hash_if(static_cast<bool>(index_), key);
    const found_entry found = find_entry(key, hash);
    if (!found.key) return false;
    const mutation guard(region());
    if (!index_) {
        remove_from_row(found.key);
        return true;
    }
    index_->remove(hash, found.position);
    found.key->reset();
    found.value->reset();
    found.key->subtype = '-';
    ++index_->holes;
    set_positions(positions(), true);
    // As rarely as removing pays for it.
    if (index_->holes > std::max<std::size_t>(positions() / 2, most_of_any_in_row)) {
        try {
            close_holes();
            if (region()) give_back_room();
        } catch (const std::bad_alloc&) {
            // With the next removal, then.
        }
    }
    return true;
}

/// Of a table with an index, in a pool, where others want the memory: chunks at the end that would
/// stay empty for long, or all, for smaller ones.
void table::give_back_room() noexcept {
    const std::size_t count = positions();
    const std::size_t wanted = count + count / 4 + smallest_chunk;
    while (index_->chunks != 0 && capacity() - index_->capacity_of(index_->chunks - 1U) >= wanted)
        drop_last_chunk();
    index_->room = static_cast<std::uint32_t>(std::min(capacity(), (index_->mask() + 1) * 2 / 3));
    set_positions(count, false);
    if (capacity() <= 4 * wanted && index_->mask() < 8 * wanted) return;
    try {
        move_into_smaller(wanted);
    } catch (const std::exception&) {
        // The pool is full: it keeps what it has.
    }
}

/// Without holes; so that nothing but the allocations can fail.
void table::move_into_smaller(std::size_t for_entries) {
    table smaller(memory_);
    smaller.make_room(for_entries, most_of_any_in_row);
    const std::vector<std::uint32_t> hashes = filed_hashes();
    const std::size_t count = positions();
    for (std::size_t i = 0; i < count; ++i) {
        const entry_place from = place_at(i);
        const entry_place to = smaller.place_at(i);
        new (to.key) Val(std::move(*from.key), memory_);
        new (to.value) Val(std::move(*from.value), memory_);
        if (smaller.index_) smaller.index_->put(hashes[i], i);
    }
    smaller.set_positions(count, false);
    swap(smaller);
}

/// The entries behind it, all in the first chunk, move up.
void table::remove_from_row(Val* key) noexcept {
    const entry_row row = first_row();
    std::move(key + 1, row.last(), key);
    std::move(row.value(key + 1), row.value(row.last()), row.value(key));
    destroy_entry({row.last() - 1, row.value(row.last() - 1)});
    --size_;
}

void table::clear() {
    const mutation guard(region());
    table empty(memory_);
    swap(empty);
}

}  // namespace detail

namespace {
template <class T>
void add_items(T& to, std::initializer_list<std::pair<Val, Val>> items) {
    to.reserve(items.size());
    for (const auto& [key, value] : items) to.insertKeyAndValue(key, value);
}
}  // namespace

// Here, where the tables' quickest ways can become a part of them.
Val& Val::at_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) {
    const detail::short_text key(head, second, third);
    if (detail::value_access::is_handle_of_table(*this)) {
        detail::box* const b = detail::value_access::box_of(*this);
        if (__builtin_expect(detail::is_untouched(*b), true))
            return static_cast<detail::table*>(b->root())->value_at_once(b, key);
    }
    return any_at_short(head, second, third);
}

[[gnu::noinline]] Val& Val::any_at_short(std::uint64_t head, std::uint64_t second,
                                         std::uint64_t third) {
    const detail::short_text key(head, second, third);
    if (!detail::is_table(tag)) return (*this)[Val(key.view())];
    return detail::table_of(*this).value_for_short(head, second, third);
}

Val& Val::get_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const {
    if (!detail::is_table(tag)) return (*this)(Val(detail::short_text(head, second, third).view()));
    return detail::table_of(*this).found_short(head, second, third);
}

Val& Val::at_text(std::string_view key) {
    if (key.size() <= detail::short_text::most) return at_short_text(detail::short_text(key));
    return detail::is_table(tag) ? detail::table_of(*this)[key] : (*this)[Val(key)];
}

Val& Val::get_text(std::string_view key) const {
    if (key.size() <= detail::short_text::most) return get_short_text(detail::short_text(key));
    return detail::is_table(tag) ? detail::table_of(*this)(key) : (*this)(Val(key));
}

Tab::Tab(std::initializer_list<std::pair<Val, Val>> items) { add_items(*this, items); }
OTab::OTab(std::initializer_list<std::pair<Val, Val>> items) { add_items(*this, items); }
Tab& Tab::operator+=(const Tab& other) {
    add_all(other);
    return *this;
}
OTab& OTab::operator+=(const OTab& other) {
    add_all(other);
    return *this;
}

}  // namespace valpool
