#include <valpool/value/tab.hpp>

#include "value/table/find.hpp"

#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

/// Changing tables: replacing, merging, removing.

namespace valpool {
namespace detail {

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

template <class AnyKey>
void table::insert_value(const AnyKey& key, Val&& value) {
    const mutation guard(region());
    const std::size_t entries_before = entries();
    Val& place = find_or_insert(key);
    try {
        place = std::move(value);
    } catch (...) {
        if (entries() != entries_before) take_newest_back();
        throw;
    }
}

void table::insertKeyAndValue(const Val& key, const Val& value) {
    const mutation guard(region());
    insert_value(key, Val(value, memory_));  // it may be a part of this table
}
void table::insertKeyAndValue(const Val& key, Val&& value) { insert_value(key, std::move(value)); }
void table::insertKeyAndValue(const Key& key, const Val& value) {
    const mutation guard(region());
    insert_value(key, Val(value, memory_));  // as above
}
void table::insertKeyAndValue(const Key& key, Val&& value) { insert_value(key, std::move(value)); }

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
    destroy_at(position);
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
    if (new_keys != 0 && positions() < capacity_ && shares_keys()) own_keys();
    if (new_keys != 0) make_room(positions() + new_keys);
    auto to = destinations.begin();
    for (auto& [key, value] : added) {
        if (to->value)
            *to->value = std::move(value);
        else
            add_moved(key, value, to->hash);
        ++to;
    }
}

/// A new entry of the same memory, for which there is room. A key that owns nothing may be a
/// shape's.
void table::add_moved(const Val& key, Val& value, std::uint32_t hash) {
    const std::size_t position = positions();
    const entry_place at = place_at(position);
    if (value_access::owns_something(key))
        new (at.key) Val(std::move(const_cast<Val&>(key)), memory_);
    else
        new (at.key) Val(key, memory_);
    new (at.value) Val(std::move(value), memory_);
    set_positions(position + 1, has_holes());
    file(hash, position);
}

namespace {
/// A few holes are not worth closing.
constexpr std::size_t least_holes = 8;
}  // namespace

bool table::remove(const Val& key) {
    const std::uint32_t hash = hash_if(is_hashed(), key);
    found_entry found = find_entry(key, hash);
    if (!found.key) return false;
    const mutation guard(region());
    if (shares_keys()) {
        own_keys();
        found = find_entry(key, hash);
    }
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
    if (index_->holes > std::max<std::size_t>(positions() / 2, least_holes)) {
        try {
            close_holes();
            if (region()) give_back_room();
        } catch (const std::bad_alloc&) {
            // With the next removal, then.
        }
    }
    return true;
}

void table::move_entry(entry_place from, entry_place to) noexcept {
    *to.key = std::move(*from.key);
    *to.value = std::move(*from.value);
}

/// The entries behind it, all in the first chunk, move up.
void table::remove_from_row(Val* key) noexcept {
    const entry_row row = first_row();
    if (has_fingerprints(capacity_)) {
        unsigned char* const its_own = fingerprints() + (key - row.first);
        std::copy(its_own + 1, fingerprints() + row.count, its_own);
    }
    std::move(key + 1, row.last(), key);
    std::move(row.value(key + 1), row.value(row.last()), row.value(key));
    destroy_at(row.count - 1);
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
