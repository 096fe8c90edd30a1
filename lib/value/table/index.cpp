#include "value/table/inside.hpp"

#include <vector>

/// The index of hashes.

namespace valpool::detail {

namespace {
/// So that the first pair is about as large as the first chunk.
std::uint8_t log2_smallest_for(std::uint32_t first_capacity) noexcept {
    const std::uint32_t units = first_capacity / (2 * table_index::chunk_unit);
    return static_cast<std::uint8_t>(std::bit_width(units));
}
}  // namespace

table_index::table_index(std::uint32_t first, unsigned log2) noexcept
    : smallest(chunk_unit << log2_smallest_for(first)),
      log2_smallest(log2_smallest_for(first)),
      log2_words(static_cast<std::uint8_t>(log2)) {
    for (unsigned j = 0; j < most_chunks(); ++j) new (&chunk(j)) chunk_pointer(nullptr);
    std::fill_n(words(), std::size_t{1} << log2, 0);
}

std::size_t table_index::size_bytes(unsigned log2) noexcept {
    return sizeof(table_index) + most_chunks(log2) * sizeof(chunk_pointer) + (sizeof(word) << log2);
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

void table::drop_last_chunk() noexcept {
    const unsigned j = --index_->chunks;
    free_chunk(index_->chunk(j).get(), chunk_bytes(index_->capacity_of(j)));
}

/// By position, as the index has them: to hash a key again could fail.
std::vector<std::uint32_t> table::filed_hashes() const {
    std::vector<std::uint32_t> hashes(positions());
    if (!index_) {  // a shape's keys, whose hashing cannot fail
        for (std::size_t i = 0; i != hashes.size(); ++i) hashes[i] = hash_of(*place_at(i).key);
        return hashes;
    }
    index_->for_each([&](std::uint32_t hash, std::size_t position) { hashes[position] = hash; });
    return hashes;
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
    for (std::size_t i = to; i < positions(); ++i) destroy_at(i);
    set_positions(to, false);
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

}  // namespace valpool::detail
