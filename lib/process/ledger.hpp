#pragma once

/// The ledger of a process (reference table): its blocks in the pool say which boxes the process
/// holds. The ledger_table finds the entries by the numbers that holds keep.

#include "alloc/arena.hpp"

#include <array>
#include <memory>
#include <vector>

namespace valpool::detail {

struct thread_lane;

/// A block of a ledger: one word for each box that the process holds, 0 when free. Writers: the
/// process's threads, inside.
struct ledger_block {
    static constexpr std::uint32_t entry_count = 126;
    std::atomic<std::uint32_t> magic;
    std::uint32_t index;
    std::uint64_t next;  // the process's older block; 0: none
    std::atomic<std::uint64_t> entries[entry_count];
};
static_assert(sizeof(ledger_block) == 1024, "fits a block of every page size");

/// Maps the numbers of ledger entries to their blocks in the pool. The numbers stay valid after a
/// fork, although the child replaces its parent's blocks with its own.
/// Thread safety: entry() and block_at() at any time; the other functions under the attachment's
/// mutex.
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

    /// Makes sure that the next add() cannot fail. Throws std::bad_alloc, and std::runtime_error
    /// when the table is full.
    void make_room();
    void add(ledger_block& block) noexcept;
    void replace(std::uint32_t i, ledger_block& block) noexcept;

    /// The number of a block's first entry. The first numbers of blocks are a power of two apart,
    /// because numbers are split into block and entry all the time.
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
/// Gives back all ledger blocks of the thread's process; false when the gate is closed for too
/// long.
bool free_ledger(thread_lane& l) noexcept;

/// Gives this thread the number of an unused ledger entry. Throws PoolExhausted. Must not be called
/// inside.
std::uint32_t take_entry(thread_lane& l);
/// Takes back the number of an entry that is 0 again, or was never used.
void return_entry(thread_lane& l, std::uint32_t number) noexcept;

}  // namespace valpool::detail
