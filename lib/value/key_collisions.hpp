#pragma once

#include "value/hash.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace valpool::detail {

/// Watches the keys of a table that is read from bytes of somebody else's. A hash has no secret in
/// it, because processes share the tables that keep hashes. So keys can be made that all have the
/// same one, and a table of n of them would take n * n steps. This takes the same steps in a set
/// of bits, and says when they are far more than they can be by chance.
class key_collisions {
public:
    /// Call it before the table gets this key.
    template <class Table, class AnyKey>
    void expect(const Table& keys, const AnyKey& key) {
        // Few keys take few steps, whatever they are.
        before_ = keys.entries();
        if (before_ >= unwatched) hash_ = hash_of(key);
    }
    /// When the table has it. False when too many of the table's keys collide.
    template <class Table>
    bool accepts(const Table& keys) {
        // A key that was there already takes no step.
        return before_ < unwatched || keys.entries() == before_ || take();
    }
    static constexpr const char* refusal =
        "this table has too many keys with the same hash: they were made to collide";

private:
    static constexpr std::size_t unwatched = 256;
    // By chance it is less than one step a key.
    static constexpr std::uint64_t steps_a_key = 64;

    bool take() {
        if (2 * hashes_.size() >= bits_.size()) grow();
        hashes_.push_back(hash_);
        put(hash_);
        return steps_ <= steps_a_key * (hashes_.size() + unwatched);
    }
    /// As the index of a table.
    void put(std::uint32_t hash) {
        const std::size_t mask = bits_.size() - 1;
        std::size_t i = hash & mask;
        for (; bits_[i]; i = (i + 1) & mask) ++steps_;
        bits_[i] = true;
    }
    void grow() {
        bits_.assign(bits_.empty() ? 8 * unwatched : 2 * bits_.size(), false);
        for (const std::uint32_t hash : hashes_) put(hash);
    }

    std::vector<std::uint32_t> hashes_;
    std::vector<bool> bits_;
    std::size_t before_ = 0;  // keys that the table had
    std::uint32_t hash_ = 0;  // of the one that it is about to get
    std::uint64_t steps_ = 0;
};

}  // namespace valpool::detail
