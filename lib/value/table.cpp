#include <valpool/tab.hpp>

#include "value/containers.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace valpool {
namespace detail {
namespace {

/// Up to here comparing the keys one by one is faster than hashing.
constexpr std::size_t most_without_index = 8;
constexpr std::size_t most_entries = std::size_t{1} << 30;

/// A text that fits a value, to look for.
class short_key {
public:
    explicit short_key(const short_text& text) noexcept : text_(text) {}

    /// The first of these entries that has it, or `last`.
    table_entry* find_in(table_entry* first, table_entry* last) const noexcept {
        while (first != last && !is_key_of(*first)) ++first;
        return first;
    }
    bool is_key_of(const table_entry& e) const noexcept {
        return text_.is_stored_at(value_access::stored(e.key));
    }

private:
    const short_text text_;
};

/// A longer one.
class long_key {
public:
    explicit long_key(std::string_view text) noexcept : text_(text) {}

    table_entry* find_in(table_entry* first, table_entry* last) const noexcept {
        return std::find_if(first, last, [this](const auto& e) { return is_key_of(e); });
    }
    bool is_key_of(const table_entry& e) const noexcept {
        return e.key.tag == 'a' && value_access::bytes(e.key) == text_;
    }

private:
    std::string_view text_;
};

/// A key of any type.
class value_key {
public:
    explicit value_key(const Val& key) noexcept : key_(key) {}

    table_entry* find_in(table_entry* first, table_entry* last) const {
        return std::find_if(first, last, [this](const auto& e) { return is_key_of(e); });
    }
    bool is_key_of(const table_entry& e) const { return !e.is_hole() && e.key == key_; }

private:
    const Val& key_;
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

}  // namespace

/// The header of one block: the chunks behind the first one follow it, and then the words, each 0
/// or hash << 32 | position + 1.
struct table_index {
    using chunk_pointer = allocator<table_entry>::pointer;
    using word = std::uint64_t;
    static constexpr std::uint64_t removed = 0xffffffff;  // a position that no entry has

    std::uint32_t holes = 0;
    std::uint32_t room = 0;  // so many positions need neither a chunk nor a larger index
    std::uint8_t log2_words;
    std::uint8_t chunks = 0;
    std::uint8_t reserved[6] = {};

    explicit table_index(unsigned log2) noexcept : log2_words(static_cast<std::uint8_t>(log2)) {
        for (unsigned j = 0; j < most_chunks(); ++j) new (&chunk(j)) chunk_pointer(nullptr);
        std::fill_n(words(), std::size_t{1} << log2, 0);
    }

    /// Doubling chunks of at least four entries reach what the words can index in so many steps.
    unsigned most_chunks() const noexcept { return log2_words; }
    chunk_pointer& chunk(unsigned j) noexcept {
        return reinterpret_cast<chunk_pointer*>(this + 1)[j];
    }
    word* words() noexcept { return reinterpret_cast<word*>(this + 1) + most_chunks(); }
    std::size_t mask() const noexcept { return (std::size_t{1} << log2_words) - 1; }

    static std::size_t size_bytes(unsigned log2) noexcept {
        return sizeof(table_index) + log2 * sizeof(chunk_pointer) + (sizeof(word) << log2);
    }

    void put(std::uint32_t hash, std::size_t position) noexcept {
        std::size_t i = hash & mask();
        while (words()[i] != 0) i = (i + 1) & mask();
        words()[i] = (std::uint64_t{hash} << 32) | (position + 1);
    }
    /// Those of a smaller index, which know their hashes; what was removed stays behind.
    void take_words_of(table_index& other) noexcept {
        for (std::size_t i = 0; i <= other.mask(); ++i) {
            const word w = other.words()[i];
            const std::uint64_t position_plus_one = w & 0xffffffff;
            if (position_plus_one != 0 && position_plus_one != removed)
                put(static_cast<std::uint32_t>(w >> 32), position_plus_one - 1);
        }
    }
    void remove(std::uint32_t hash, std::size_t position) noexcept {
        std::size_t i = hash & mask();
        while ((words()[i] & 0xffffffff) != position + 1) i = (i + 1) & mask();
        words()[i] |= removed;
    }
};
static_assert(sizeof(table_index) % sizeof(table_index::word) == 0, "words follow, aligned");
static_assert(sizeof(table_index::chunk_pointer) == sizeof(table_index::word), "as above");

namespace {
/// Chunk j behind a first one of this capacity has this many << j entries: as many as all before it
/// together, or a few more; twice as many behind a small one, so that ten entries are two chunks.
std::uint32_t unit_for(std::uint32_t first_capacity) noexcept {
    return std::bit_ceil(first_capacity) << (first_capacity <= most_without_index ? 1 : 0);
}
}  // namespace

std::size_t table::count_holes() const noexcept { return index_->holes; }

std::size_t table::capacity() const noexcept {
    const std::size_t further =
        index_ ? std::size_t{unit_for(first_capacity_)} * ((std::size_t{1} << index_->chunks) - 1)
               : 0;
    return first_capacity_ + further;
}

/// So many entries need neither a chunk nor an index, or a larger one.
std::size_t table::room() const noexcept {
    return index_ ? index_->room : std::min<std::size_t>(first_capacity_, most_without_index);
}

table_entry& table::entry_at(std::size_t position) const noexcept {
    if (position < first_capacity_) return first_.get()[position];
    const auto [j, at] = further_place(static_cast<std::uint32_t>(position));
    return index_->chunk(j).get()[at];
}

/// Which chunk behind the first one, and where in it.
table::place_in_chunk table::further_place(std::uint32_t position) const noexcept {
    const auto unit = unit_for(first_capacity_);
    const std::uint32_t from_unit = position - first_capacity_ + unit;
    const auto j = static_cast<unsigned>(std::bit_width(from_unit) - std::bit_width(unit));
    return {j, from_unit - (unit << j)};
}

/// What is used from the position on of the chunk that it lies in.
table::entry_row table::chunk_from(std::uint32_t position) const noexcept {
    if (position < first_capacity_) {
        const std::uint32_t end = std::min<std::uint32_t>(first_capacity_, size_);
        return {first_.get() + position, first_.get() + end, end};
    }
    const auto [j, at] = further_place(position);
    const auto end = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(position - at + further_capacity(j), size_));
    entry* const first = index_->chunk(j).get() + at;
    return {first, first + (end - position), end};
}

/// The first row at or behind the position; empty when there is none.
table::entry_row table::row_from(std::uint32_t position) const noexcept {
    if (holes() == 0) return chunk_from(position);
    const auto is_hole = [](const entry& e) { return e.is_hole(); };
    while (position < size_) {
        const entry_row chunk = chunk_from(position);
        entry* const first = std::find_if_not(chunk.first, chunk.last, is_hole);
        entry* const last = std::find_if(first, chunk.last, is_hole);
        position += static_cast<std::uint32_t>(last - chunk.first);
        if (first != last) return {first, last, position};
    }
    return {};
}

std::size_t table::further_capacity(unsigned j) const noexcept {
    return std::size_t{unit_for(first_capacity_)} << j;
}

table::table(const table& other, const allocator<char>& memory) : table(memory) {
    if (other.entries() == 0) return;
    make_room(other.entries());
    for (const entry& e : other) {
        entry& place = entry_at(size_);
        new (&place) entry(e, memory_);
        ++size_;
        if (index_) index_->put(hash_of(e.key), size_ - 1);  // the copy may be put off
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
    table copy(other, allocator<char>(region()));
    swap(copy);
    return *this;
}

table& table::operator=(table&& other) {
    if (region() != other.region()) return *this = static_cast<const table&>(other);
    swap(other);
    return *this;
}

void table::destroy() noexcept {
    for (entry& e : *this) std::destroy_at(&e);  // a hole has nothing to destroy
    while (index_ && index_->chunks != 0) drop_last_chunk();
    drop_index();
    allocator<entry>(memory_).deallocate(first_, first_capacity_);
}

void table::swap(table& other) {
    if (this == &other) return;
    if (region() != other.region()) {
        table mine(other, allocator<char>(region()));
        table theirs(*this, allocator<char>(other.region()));
        swap(mine);
        other.swap(theirs);
        return;
    }
    const mutation guard(region());
    std::swap(first_, other.first_);
    std::swap(index_, other.index_);
    std::swap(size_, other.size_);
    const std::uint32_t capacity = first_capacity_;
    const bool has_holes = has_holes_;
    first_capacity_ = other.first_capacity_;
    has_holes_ = other.has_holes_;
    other.first_capacity_ = capacity & 0x7fffffff;
    other.has_holes_ = has_holes;
}

void table::reserve(std::size_t count) {
    checked_length(count, most_entries);
    const mutation guard(region());
    make_room(std::max<std::size_t>(count, size_));
}

template <class Key>
table::found_entry table::find_entry(const Key& wanted, std::uint32_t hash) const {
    const auto key = prepared(wanted);
    if (!index_) {
        entry* const first = first_.get();
        entry* const found = key.find_in(first, first + size_);
        return {found == first + size_ ? nullptr : found, static_cast<std::size_t>(found - first)};
    }
    const std::size_t mask = index_->mask();
    const table_index::word* const words = index_->words();
    for (std::size_t i = hash & mask; words[i] != 0; i = (i + 1) & mask) {
        const std::uint64_t position_plus_one = words[i] & 0xffffffff;
        if (words[i] >> 32 != hash || position_plus_one == table_index::removed) continue;
        entry& e = entry_at(position_plus_one - 1);
        if (key.is_key_of(e)) return {&e, position_plus_one - 1};
    }
    return {nullptr, 0};
}

namespace {
std::uint32_t hash_if(bool wanted, const short_text& key) { return wanted ? hash_of(key) : 0; }
std::uint32_t hash_if(bool wanted, std::string_view key) { return wanted ? hash_of(key) : 0; }
std::uint32_t hash_if(bool wanted, const Val& key) { return wanted ? hash_of(key) : 0; }
}  // namespace

template <class Key>
const Val* table::find_value(const Key& key) const {
    const entry* const e = find_entry(key, hash_if(static_cast<bool>(index_), key)).at;
    return e ? &e->value : nullptr;
}

/// The entry with this key, of a table without an index; null when there is none.
[[gnu::always_inline]] inline table_entry* table::find_in_row(
    const short_text& key) const noexcept {
    entry* const first = first_.get();
    entry* const last = first + size_;
    entry* const found = short_key(key).find_in(first, last);
    return found == last ? nullptr : found;
}

const Val* table::find_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const {
    const short_text key(head, second, third);
    if (index_) return find_value(key);
    const entry* const e = find_in_row(key);
    return e ? &e->value : nullptr;
}

const Val* table::find_text(std::string_view key) const {
    if (key.size() > short_text::most) return find_value(key);
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
    const Val* const found = find_text(key);
    if (!found) throw_missing(Val(key));
    return const_cast<Val&>(*found);
}

Val& table::found_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const {
    const Val* const found = find_short(head, second, third);
    if (!found) throw_missing(Val(short_text(head, second, third).view()));
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
    entry* const e = find_entry(key, hash).at;
    return e ? e->value : add(key, hash, has_index);
}

Val& table::value_for(const Val& key) {
    return key.tag == 'a' ? value_for(key.text()) : value_or_new(key);
}

Val& table::value_for(std::string_view key) {
    return key.size() <= short_text::most ? short_value(short_text(key)) : value_or_new(key);
}

/// What most insertions are: into the room that there is, of a table that nobody else sees. `b` is
/// the table's region.
[[gnu::always_inline]] inline Val& table::value_at_once(box* b, const short_text& key) {
    if (!index_) {
        entry* const first = first_.get();
        entry* const last = first + size_;
        entry* const place = short_key(key).find_in(first, last);
        if (place != last) return place->value;
        const bool is_shared = b && b->published.load(std::memory_order_relaxed);
        if (size_ < first_capacity_ && size_ < most_without_index && !is_shared) {
            new (place) entry(key, allocator<char>(b));
            ++size_;
            return place->value;
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

template <class Key>
[[gnu::noinline]] Val& table::add(const Key& key, std::uint32_t hash, bool has_hash) {
    const mutation guard(region());
    if (size_ >= room()) make_room(std::size_t{size_} + 1);
    entry& place = entry_at(size_);
    new (&place) entry(key, memory_);  // the last thing that can fail
    ++size_;
    if (index_) index_->put(has_hash ? hash : hash_if(true, key), size_ - 1);
    return place.value;
}

/// Chunks and an index for so many entries, so that nothing but their content can fail.
void table::make_room(std::size_t for_entries) {
    if (for_entries > most_entries) throw std::logic_error("a table holds at most 2^30 entries");
    if (first_capacity_ == 0 && for_entries != 0) {
        const std::size_t count = std::max<std::size_t>(for_entries, smallest_chunk);
        first_ = allocator<entry>(memory_).allocate(count);
        first_capacity_ = static_cast<std::uint32_t>(count) & 0x7fffffff;
    }
    // At most two thirds full, or chains get long.
    if (index_ ? for_entries * 3 > (index_->mask() + 1) * 2 : for_entries > room())
        build_index(for_entries);
    while (capacity() < for_entries) {
        const unsigned j = index_->chunks;
        index_->chunk(j) = allocator<entry>(memory_).allocate(further_capacity(j));
        ++index_->chunks;
    }
    if (index_)
        index_->room =
            static_cast<std::uint32_t>(std::min(capacity(), (index_->mask() + 1) * 2 / 3));
}

void table::build_index(std::size_t for_entries) {
    const auto log2 =
        static_cast<unsigned>(std::bit_width(std::max<std::size_t>(for_entries * 2, 16) - 1));
    const auto memory = memory_.allocate(table_index::size_bytes(log2));
    auto* const fresh = new (memory.get()) table_index(log2);
    if (index_) {
        fresh->holes = index_->holes;
        fresh->chunks = index_->chunks;
        for (unsigned j = 0; j < fresh->chunks; ++j) fresh->chunk(j) = index_->chunk(j);
    }
    if (index_) {
        fresh->take_words_of(*index_);
    } else {
        for (std::size_t i = 0; i < size_; ++i) fresh->put(hash_of(entry_at(i).key), i);
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

void table::drop_last_chunk() noexcept {
    const unsigned j = --index_->chunks;
    allocator<entry>(memory_).deallocate(index_->chunk(j), further_capacity(j));
}

/// Moves the entries behind a hole up and files everything anew in the index that is there.
void table::close_holes() noexcept {
    std::size_t to = 0;
    index_->holes = 0;
    has_holes_ = 0;
    std::fill_n(index_->words(), index_->mask() + 1, 0);
    for (std::size_t from = 0; from < size_; ++from) {
        entry& e = entry_at(from);
        if (e.is_hole()) continue;
        entry& place = entry_at(to);
        if (from != to) place = std::move(e);
        index_->put(hash_of(place.key), to);
        ++to;
    }
    for (std::size_t i = to; i < size_; ++i) std::destroy_at(&entry_at(i));
    size_ = static_cast<std::uint32_t>(to);
}

void table::insertKeyAndValue(const Val& key, const Val& value) {
    const mutation guard(region());
    const Val copy(value, allocator<char>(region()));  // it may be a part of this table
    const bool was_there = contains(key);
    Val& place = value_for(key);
    try {
        place = copy;
    } catch (...) {
        if (!was_there) remove(key);
        throw;
    }
}

bool table::remove(const Val& key) {
    const std::uint32_t hash = hash_if(static_cast<bool>(index_), key);
    const auto [e, position] = find_entry(key, hash);
    if (!e) return false;
    const mutation guard(region());
    if (!index_) {
        remove_from_row(e);
        return true;
    }
    index_->remove(hash, position);
    e->key.reset();
    e->value.reset();
    e->key.subtype = '-';
    ++index_->holes;
    has_holes_ = 1;
    // As rarely as removing pays for it.
    if (index_->holes > std::max<std::size_t>(size_ / 2, most_without_index)) close_holes();
    return true;
}

/// The entries behind it, all in the first chunk, move up.
void table::remove_from_row(entry* at) noexcept {
    entry* const last = first_.get() + size_ - 1;
    for (; at != last; ++at) *at = std::move(at[1]);
    std::destroy_at(last);
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
void add_all(T& to, const detail::table& from) {
    if (&to == &from) return;
    for (const auto& [key, value] : from) to.insertKeyAndValue(key, value);
}
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
        detail::box* const b = detail::value_access::hold_of(*this)->target;
        detail::check_usable(*b);
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
    add_all(*this, other);
    return *this;
}
OTab& OTab::operator+=(const OTab& other) {
    add_all(*this, other);
    return *this;
}

}  // namespace valpool
