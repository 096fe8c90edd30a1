#pragma once

#include "base/kill_point.hpp"
#include "support/child.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace valpool::test {

/// What the processes of a crash test tell each other; outside of the pool that they wreck.
struct crash_board {
    detail::kill_plan plan;
    // Numbers of packets whose enqueue has returned, and of those whose dequeue has.
    std::atomic<int> sent;         // into "from victim"
    std::atomic<int> received;     // out of "to victim"
    std::atomic<int> woken_with;   // sent into "to sleeper"
    std::atomic<int> sleeper_got;  // by the sleeper, all rounds together
    std::atomic<int> marks;        // marks that the sleeper has seen
    std::atomic<int> sleeper_disorder;
    std::atomic<int> poisoned;  // tables that the keeper found so
    // The child that the victim forks: whether it is to die in its parent's place, how it ended,
    // and how often each point was passed while it lived.
    std::atomic<bool> is_offspring_to_die;
    std::atomic<bool> has_parent_let_go;  // of what both hold
    std::atomic<int> offspring_end;
    std::array<std::atomic<std::uint64_t>, detail::kill_plan::max_points> offspring_passes;
    std::atomic<int> command;  // to the keeper: see crash_test.cpp
    std::atomic<int> answer;
    std::atomic<bool> stop;
    std::array<char, 4000> complaint;
};

constexpr int packets_for_victim = 4;
/// A temporary one of the victim's.
constexpr const char* reply_pipe = "reply to the victim";

/// Everything a process can do with a pool, in one go: attaches, allocates, shares, nests, locks,
/// enqueues, dequeues, waits, wakes, forks, starts a thread, and detaches. Always the same steps.
int live_a_whole_life(const std::string& pool, crash_board& board);

/// The calling process, and none that it forks, is the one that dies at what is armed.
void claim_orders(crash_board& board);

/// Allocates, shares and passes values for ever, away from what the victim's board counts.
void work_for_ever(const std::string& name);

}  // namespace valpool::test
