#include <valpool/tab.hpp>

#include "value/containers.hpp"

#include <algorithm>
#include <bit>
#include <sstream>
#include <stdexcept>

namespace valpool {
namespace detail {
namespace {

/// Up to here comparing the keys one by one is faster than hashing.
constexpr std::size_t most_without_index = 8;
constexpr std::size_t nowhere = ~std::size_t{0};
constexpr std::uint64_t tombstone = 0xffffffff;  // a position that no entry has

bool is_key(const table_entry& e, std::string_view key) noexcept {
    return e.key.tag == 'a' && e.key.text() == key;
}
bool is_key(const table_entry& e, const Val& key) { return !e.is_hole() && e.key == key; }

[[noreturn]] void throw_missing(const Val& key) {
    std::ostringstream text;
    text << "Key " << key << " not in table";
    throw std::out_of_range(text.str());
}

}  // namespace

table_entry::table_entry(std::string_view k, const allocator<char>& memory)
    : key(memory), value(memory) {
    key = k;
}

// The index is one array of words: the first one has the number of the others, a power of two, and
// above it the number of holes among the entries.
std::size_t table::index_words() const noexcept { return *index_ & 0xffffffff; }
std::size_t table::holes() const noexcept { return index_ ? *index_ >> 32 : 0; }

table::table(const table& other, const allocator<char>& memory) : table(memory) {
    reserve(other.entries());
    for (const entry& e : other) entries_.emplace_back(e);
    if (entries_.size() > most_without_index) build_index(entries_.size());
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

table::~table() { drop_index(); }

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
    entries_.swap(other.entries_);
    std::swap(index_, other.index_);
}

void table::reserve(std::size_t count) {
    const mutation guard(region());
    entries_.reserve(static_cast<std::uint32_t>(
        std::min<std::size_t>(count, std::size_t{1} << 30)));
}

template <class Key>
std::size_t table::position_of(const Key& key, std::uint32_t hash) const {
    if (!index_) {
        for (std::size_t i = 0; i < entries_.size(); ++i)
            if (is_key(first()[i], key)) return i;
        return nowhere;
    }
    const std::size_t mask = index_words() - 1;
    const word* const words = index_.get() + 1;
    for (std::size_t i = hash & mask; words[i] != 0; i = (i + 1) & mask) {
        const std::uint64_t position = (words[i] & 0xffffffff) - 1;
        if (words[i] >> 32 == hash && position + 1 != tombstone &&
            is_key(first()[position], key))
            return position;
    }
    return nowhere;
}

namespace {
std::uint32_t hash_if(bool wanted, std::string_view key) { return wanted ? hash_of(key) : 0; }
std::uint32_t hash_if(bool wanted, const Val& key) { return wanted ? hash_of(key) : 0; }
}  // namespace

const Val* table::find_text(std::string_view key) const {
    const std::size_t i = position_of(key, hash_if(static_cast<bool>(index_), key));
    return i == nowhere ? nullptr : &first()[i].value;
}

const Val* table::findValue(const Val& key) const {
    if (key.tag == 'a') return find_text(key.text());
    const std::size_t i = position_of(key, hash_if(static_cast<bool>(index_), key));
    return i == nowhere ? nullptr : &first()[i].value;
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

Val table::get(const Val& key, const Val& instead) const {
    const Val* const found = findValue(key);
    return found ? *found : instead;
}

template <class Key>
Val& table::value_for(const Key& key) {
    std::uint32_t hash = hash_if(static_cast<bool>(index_), key);
    const std::size_t i = position_of(key, hash);
    return i == nowhere ? add(key, hash) : first()[i].value;
}
template Val& table::value_for(const Val& key);
template Val& table::value_for(const std::string_view& key);

template <class Key>
Val& table::add(const Key& key, std::uint32_t hash) {
    const mutation guard(region());
    if (entries_.size() == entries_.capacity()) {
        // The key may lie in this table, whose entries are about to move.
        const Val copy(key);
        make_room();
        return add(copy, hash_of(copy));
    }
    const bool had_index = static_cast<bool>(index_);
    make_room();
    if (index_ && !had_index) hash = hash_of(key);
    entries_.emplace_back(key);
    if (index_) put_into_index(hash, entries_.size() - 1);
    return entries_.back().value;
}

/// For one more entry, so that nothing can fail after it has been added.
void table::make_room() {
    if (entries_.size() == entries_.capacity()) {
        if (holes() > entries_.size() / 4) compact();
        if (entries_.size() == entries_.capacity())
            entries_.reserve(static_cast<std::uint32_t>(
                std::max<std::size_t>(4, std::size_t{entries_.capacity()} * 2)));
    }
    const std::size_t after = entries_.size() + 1;
    // At most two thirds full, or chains get long.
    if (index_ ? after * 3 > index_words() * 2 : after > most_without_index) build_index(after);
}

void table::put_into_index(std::uint32_t hash, std::size_t position) noexcept {
    const std::size_t mask = index_words() - 1;
    word* const words = index_.get() + 1;
    std::size_t i = hash & mask;
    while (words[i] != 0) i = (i + 1) & mask;
    words[i] = (std::uint64_t{hash} << 32) | (position + 1);
}

void table::build_index(std::size_t for_entries) {
    if (holes() != 0) compact();
    const std::size_t words = std::bit_ceil(std::max<std::size_t>(for_entries * 2, 32));
    allocator<word> memory{allocator<char>(region())};
    const auto fresh = memory.allocate(words + 1);
    std::fill_n(fresh.get(), words + 1, 0);
    drop_index();
    *fresh = words;
    index_ = fresh;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        put_into_index(hash_of(first()[i].key), i);
}

void table::drop_index() noexcept {
    if (!index_) return;
    allocator<word>(allocator<char>(region())).deallocate(index_, index_words() + 1);
    index_ = nullptr;
}

/// Closes the holes and files everything anew in the index that is there.
void table::compact() {
    std::size_t to = 0;
    for (std::size_t from = 0; from < entries_.size(); ++from) {
        if (first()[from].is_hole()) continue;
        if (from != to) first()[to] = std::move(first()[from]);
        ++to;
    }
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(to), entries_.end());
    const std::size_t words = index_words();
    std::fill_n(index_.get(), words + 1, 0);
    *index_ = words;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        put_into_index(hash_of(first()[i].key), i);
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
    const std::size_t position = position_of(key, hash);
    if (position == nowhere) return false;
    const mutation guard(region());
    if (!index_) {
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(position));
        return true;
    }
    const std::size_t mask = index_words() - 1;
    word* const words = index_.get() + 1;
    std::size_t i = hash & mask;
    while ((words[i] & 0xffffffff) != position + 1) i = (i + 1) & mask;
    words[i] |= tombstone;
    first()[position].key.reset();
    first()[position].value.reset();
    first()[position].key.subtype = '-';
    *index_ += std::uint64_t{1} << 32;
    if (holes() == entries_.size()) clear();
    return true;
}

void table::clear() {
    const mutation guard(region());
    entries_.clear();
    drop_index();
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
