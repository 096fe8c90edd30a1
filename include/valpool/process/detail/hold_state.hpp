#pragma once

#include <atomic>
#include <cstdint>

namespace valpool::detail {

struct attachment;
struct box;

/// One process's counted reference to a box: an entry in the process's ledger, and the number of
/// handles that share it. It lives on the process's heap. It survives a fork: the child's copy
/// names an entry of the child's own ledger. Thread safe.
struct hold {
    std::atomic<std::uint32_t> handles;
    std::uint32_t entry;
    box* target;
    attachment* at;
    hold* next = nullptr;  // in a queue's list of holds
};

}  // namespace valpool::detail
