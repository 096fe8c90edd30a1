#pragma once

#include <atomic>
#include <cstdint>

namespace valpool::detail {

struct attachment;
struct box;

/// One process's share in a box: an entry in the process's ledger and a count of the handles that
/// use it. Lives on the process's heap; survives fork, where the child's copy names an entry of the
/// child's own. Thread safe.
struct hold {
    std::atomic<std::uint32_t> handles;
    std::uint32_t entry;
    box* target;
    attachment* at;
    hold* next = nullptr;  // in a list of those that a queue keeps
};

}  // namespace valpool::detail
