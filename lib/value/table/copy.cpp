#include "object/box_layout.hpp"
#include "value/table/shapes.hpp"

#include <utility>

/// Copying, moving and swapping tables.

namespace valpool::detail {

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
[[gnu::always_inline]] inline void table::copy_part(const row_part& from, const Val* keys,
                                                    Val* values, box* b) {
    Val* const to = values + size_;
    copy_values(from.first, from.count, to, b);
    try {
        copy_values(keys, from.count, key_of(to, capacity_), b);
    } catch (...) {
        std::destroy_n(to, from.count);
        throw;
    }
    size_ += from.count;
}

/// Into this one, which is empty.
template <bool IsRoot>
[[gnu::always_inline]] inline void table::copy_all(const table& other, box* b,
                                                   const Val* shared_keys) {
    const bool has_index = static_cast<bool>(other.index_);
    const std::size_t count = has_index ? other.entries() : other.row_size();
    if (count == 0) return;
    if (b && shared_keys) {
        const std::size_t capacity = room_with_shape(count);
        Val* const room =
            IsRoot ? reinterpret_cast<Val*>(this + 1) : new_chunk(b, key_distance(capacity));
        copy_values(get_some(other.first_), count, take_shape(room, capacity, shared_keys), b);
        size_ = static_cast<std::uint32_t>(count);
        return;
    }
    Val* const values = IsRoot ? first_chunk_of_root(count) : make_first_chunk(count, b);
    if (!has_index) {
        Val* const first = get_some(other.first_);
        copy_part(row_part(first, other.row_size(), row_part::in_first_chunk, true),
                  other.key_at(first), values, b);
        if (has_fingerprints(capacity_)) take_fingerprints_of(other);
    } else {
        copy_entries(other, b);
    }
}

table::table(box* region, std::uint32_t capacity) : table(allocator<char>(region)) {
    first_chunk_of_root(capacity);
}

table::table(box* region, const shape& keys) : table(allocator<char>(region)) {
    take_shape(reinterpret_cast<Val*>(this + 1), keys.room(), keys.keys());
}

table::table(const table& other, box* region, as_root how) : table(allocator<char>(region)) {
    copy_all<true>(other, region, how.shared_keys);
}

/// Those of a table that shares them already in that pool, or the ones that the thread has seen
/// behind the same first key, if they begin with all of these.
const Val* table::keys_to_share(StreamingPool* pool) const noexcept {
    const std::uint32_t count = row_size();
    if (index_ || count < least_keys_of_shape || count > most_keys_of_shape) return nullptr;
    const Val* const keys = key_at(get_some(first_));
    if (room_with_shape(count) == capacity_ && shares_keys() && pool_of(*region()) == pool)
        return keys;
    if (!is_short_text(*keys)) return nullptr;
    const shape* const s = shapes.begun_by(*static_cast<arena*>(pool), words_of(*keys));
    if (s && s->room() == room_with_shape(count) && s->begins_with(keys, count)) return s->keys();
    shapes.miss();
    return nullptr;
}

table::table(const table& other, box* region) : table() {
    // Twice, for a compiler that knows which it is does better.
    if (region) {
        new (&memory_) allocator<char>(region);  // who assigns does not know that it is not null
        copy_all<false>(other, region, other.keys_to_share(pool_of(*region)));
    } else {
        copy_all<false>(other, nullptr, nullptr);
    }
}

/// Of a table with an index, into the first chunk, which has room for them.
void table::copy_entries(const table& other, box* b) {
    make_room(other.entries());
    Val* const values = get_some(first_);
    for (row_part part = other.part_from(0); part.count != 0;
         part = other.part_behind(part.first + part.count)) {
        copy_part(part, behind(part.first, other.distance_to_keys(part)), values, b);
        if (part.is_last()) break;
    }
    if (index_)
        index_copies_of(other);
    else if (has_fingerprints(capacity_))
        take_fingerprints_of(other);
}

/// Of one of the same keys.
void table::take_fingerprints_of(const table& other) {
    if (!other.index_ && has_fingerprints(other.capacity_)) {
        std::copy_n(other.fingerprints(), row_size(), fingerprints());
        return;
    }
    // Hashing may fail, but then the copy is given up.
    for (std::uint32_t i = 0; i != row_size(); ++i) file(hash_of(*place_at(i).key), i);
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
    std::swap(to_keys_, other.to_keys_);
}

}  // namespace valpool::detail
