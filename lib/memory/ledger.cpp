#include "memory/ledger.hpp"

#include <stdexcept>

namespace valpool::detail {

ledger_table::~ledger_table() {
    for (auto& l : leaves_) delete l.load(std::memory_order_relaxed);
}

void ledger_table::make_room() {
    const std::uint32_t l = count_ / leaf_size;
    if (l == leaf_count) throw std::runtime_error("one process holds too many shared values");
    if (!leaves_[l].load(std::memory_order_relaxed))
        leaves_[l].store(new leaf{}, std::memory_order_release);  // pairs with block_at's acquire
    free_entries.reserve(free_entries.size() + ledger_block::entry_count);
}

void ledger_table::add(ledger_block& block) noexcept {
    block.index = count_;
    replace(count_, block);
    for (std::uint32_t i = 0; i < ledger_block::entry_count; ++i)
        free_entries.push_back(first_number(count_) + i);
    ++count_;
}

void ledger_table::replace(std::uint32_t i, ledger_block& block) noexcept {
    leaf* const l = leaves_[i / leaf_size].load(std::memory_order_relaxed);
    (*l)[i % leaf_size].store(&block, std::memory_order_release);  // pairs with block_at's acquire
}

}  // namespace valpool::detail
