#pragma once

/// Where a process finds the ledger entries that its holds name by number.

#include "memory/arena.hpp"

#include <array>
#include <memory>
#include <vector>

namespace valpool::detail {

/// Numbers of ledger entries to their blocks in the pool. The numbers stay valid over a fork, in
/// which the child puts blocks of its own in place of its parent's.
/// Thread safety: entry() at any time; the others under the attachment's mutex.
class ledger_table {
public:
    std::atomic<std::uint64_t>& entry(std::uint32_t number) const noexcept {
        return block_at(number / numbers_a_block)->entries[number % numbers_a_block];
    }
    ledger_block* block_at(std::uint32_t i) const noexcept {
        const leaf* const l = leaves_[i / leaf_size].load(std::memory_order_acquire);
        return (*l)[i % leaf_size].load(std::memory_order_acquire);
    }
    std::uint32_t block_count() const noexcept { return count_; }

    /// Makes sure that add() cannot fail. Throws std::bad_alloc, std::runtime_error when full.
    void make_room();
    void add(ledger_block& block) noexcept;
    void replace(std::uint32_t i, ledger_block& block) noexcept;

    /// Number of a block's first entry. A power of two apart: numbers are taken apart all the time.
    static constexpr std::uint32_t first_number(std::uint32_t block) noexcept {
        return block * numbers_a_block;
    }

    /// Entries that nobody uses and no thread has set aside.
    std::vector<std::uint32_t> free_entries;

    ledger_table() = default;
    ~ledger_table();
    ledger_table(const ledger_table&) = delete;
    ledger_table& operator=(const ledger_table&) = delete;

private:
    static constexpr std::uint32_t numbers_a_block = 128;
    static_assert(ledger_block::entry_count <= numbers_a_block);
    static constexpr std::uint32_t leaf_size = 1024;
    static constexpr std::uint32_t leaf_count = 1024;
    using leaf = std::array<std::atomic<ledger_block*>, leaf_size>;
    std::array<std::atomic<leaf*>, leaf_count> leaves_{};
    std::uint32_t count_ = 0;
};

}  // namespace valpool::detail
