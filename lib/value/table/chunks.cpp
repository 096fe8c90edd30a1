#include "value/table/inside.hpp"
#include "value/table/shapes.hpp"

#include <stdexcept>
#include <vector>

/// The chunks that entries lie in, and how much room there is.

namespace valpool::detail {

[[gnu::tls_model("initial-exec")]] thread_local constinit table_guess guess;

std::uint32_t table::usual_first_capacity(const StreamingPool* pool) noexcept {
    const std::size_t chunks = guess.usual_steps();
    guess.begins();
    const bool is_roomy = chunks != 1 && may_be_roomy(pool);
    return static_cast<std::uint32_t>(is_roomy ? chunks * smallest_chunk : smallest_chunk);
}

void table::destroy() noexcept {
    const bool shares = shares_keys();
    for (std::uint32_t position = 0; position != positions();) {
        const entry_row row = row_from(position);
        if (position >= capacity_ || !shares) std::destroy_n(row.first, row.count);
        std::destroy_n(row.value(row.first), row.count);
        position += row.count;
    }
    while (index_ && index_->chunks != 0) drop_last_chunk();
    drop_index();
    Val* const values = get_some(first_);
    if (has_keys_apart() && !shares) free_chunk(key_at(values), first_keys_bytes(capacity_));
    free_chunk(values, own_first_chunk_bytes());
}

void table::reserve(std::size_t count) {
    checked_length(count, most_entries);
    const mutation guard(region());
    make_room(std::max<std::size_t>(count, positions()));
}

namespace {
root_size root_size_with(std::size_t chunk_bytes, std::size_t index_bytes) noexcept {
    const std::size_t root_bytes = sizeof(table) + chunk_bytes;
    return {root_bytes, box_header_bytes + root_bytes + index_bytes};
}
}  // namespace

root_size table::size_as_root(std::uint32_t capacity) noexcept {
    return root_size_with(first_chunk_bytes(capacity), 0);
}

root_size table::size_as_root(const shape& keys) noexcept {
    return root_size_with(key_distance(keys.room()), 0);
}

root_size table::size_of_copy_as_root(const Val* shared_keys) const noexcept {
    const std::size_t count = entries();
    if (shared_keys) return root_size_with(key_distance(room_with_shape(count)), 0);
    const bool needs_index = index_ && count > most_in_row;  // see copy_entries
    return root_size_with(first_chunk_bytes(first_capacity_for(count)),
                          needs_index ? table_index::size_bytes(log2_words_for(count)) : 0);
}

/// Chunks and an index for so many entries, so that nothing but their content can fail.
void table::make_room(std::size_t for_entries) {
    if (for_entries > most_entries) throw std::logic_error("a table holds at most 2^30 entries");
    if (!first_ && for_entries != 0) make_first_chunk(for_entries, region());
    // At most two thirds full, or chains get long.
    if (index_ ? for_entries * 3 > (index_->mask() + 1) * 2 : for_entries > room())
        build_index(for_entries);
    while (capacity() < for_entries) {
        const unsigned j = index_->chunks;
        index_->chunk(j) = new_chunk(region(), chunk_bytes(index_->capacity_of(j)));
        ++index_->chunks;
    }
    if (index_) note_room();
}

/// In the index, of which at most two thirds may be full.
void table::note_room() noexcept {
    index_->room = static_cast<std::uint32_t>(std::min(capacity(), (index_->mask() + 1) * 2 / 3));
}

/// Of a table with an index, in a pool, where others want the memory: chunks at the end that would
/// stay empty for long, or all, for smaller ones.
void table::give_back_room() noexcept {
    const std::size_t count = positions();
    const std::size_t wanted = count + count / 4 + smallest_chunk;
    while (index_->chunks != 0 && capacity() - index_->capacity_of(index_->chunks - 1U) >= wanted)
        drop_last_chunk();
    note_room();
    set_positions(count, false);
    if (capacity() <= 4 * wanted && index_->mask() < 8 * wanted) return;
    try {
        move_into_new(wanted);
    } catch (const std::exception&) {
        // The pool is full: it keeps what it has.
    }
}

/// Without holes; so that nothing but the allocations can fail.
void table::move_into_new(std::size_t for_entries) {
    table fresh(memory_);
    fresh.make_room(for_entries);
    const std::vector<std::uint32_t> hashes = filed_hashes();
    const std::size_t count = positions();
    const bool shares = shares_keys();
    for (std::size_t i = 0; i < count; ++i) {
        const entry_place from = place_at(i);
        const entry_place to = fresh.place_at(i);
        if (i < capacity_ && shares)
            new (to.key) Val(*from.key, memory_);  // a short text
        else
            new (to.key) Val(std::move(*from.key), memory_);
        new (to.value) Val(std::move(*from.value), memory_);
        fresh.file(hashes[i], i);
    }
    fresh.set_positions(count, false);
    swap(fresh);
}

/// Before keys move, or another than the shape's next one is added. The values stay where they are.
void table::own_keys() {
    const std::size_t count = std::min(positions(), capacity_);
    const std::size_t bytes = first_keys_bytes(capacity_);
    Val* const values = get_some(first_);
    Val* const keys = new_chunk(region(), bytes);
    std::memset(static_cast<void*>(keys), 0, bytes);
    const Val* const shared = key_at(values);
    for (std::size_t i = 0; i != count; ++i) new (keys + i) Val(shared[i], memory_);  // short texts
    const unsigned char* const its_fingerprints = fingerprints();
    to_keys_ = bytes_between(values, keys);
    if (has_fingerprints(capacity_)) std::copy_n(its_fingerprints, count, fingerprints());
}

}  // namespace valpool::detail
