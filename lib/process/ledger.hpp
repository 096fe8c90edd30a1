#pragma once

/// What a process holds: its ledger (reference table) in the pool, and where it finds the entries
/// that its holds name by number.

#include "alloc/arena.hpp"

#include <array>
#include <memory>
#include <vector>

namespace valpool::detail {

struct thread_lane;

/// What a process holds: one word a box, 0 when free. Writers: the process's threads, inside.
struct ledger_block {
    static constexpr std::uint32_t entry_count = 126;
    std::atomic<std::uint32_t> magic;
    std::uint32_t index;
    std::uint64_t next;  // the process's older block; 0: none
    std::atomic<std::uint64_t> entries[entry_count];
};
static_assert(sizeof(ledger_block) == 1024, "fits a block of every page size");

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

/// A new, empty ledger block, linked into the slot's chain; 0 when the pool is full.
std::uint64_t add_ledger_block(thread_lane& l, std::uint32_t slot);
/// Gives all ledger blocks of the thread's process back; false when the gate is closed for too
/// long.
bool free_ledger(thread_lane& l) noexcept;

/// A ledger entry's number for this thread, not yet in use. Throws PoolExhausted. Not inside.
std::uint32_t take_entry(thread_lane& l);
/// For an entry that is 0 again, or was never used.
void return_entry(thread_lane& l, std::uint32_t number) noexcept;

}  // namespace valpool::detail
