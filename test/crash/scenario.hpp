#pragma once

#include "base/kill_point.hpp"
#include "support/child.hpp"

#include <array>
#include <atomic>
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
    std::atomic<int> command;   // to the keeper: see crash_test.cpp
    std::atomic<int> answer;
    std::atomic<bool> stop;
    std::array<char, 4000> complaint;
};

constexpr int packets_for_victim = 4;

/// Everything a process can do with a pool, in one go: attaches, allocates, shares, nests, locks,
/// enqueues, dequeues, waits, wakes, forks, starts a thread, and detaches. Always the same steps.
int live_a_whole_life(const std::string& pool, crash_board& board);

/// Allocates, shares and passes values for ever, away from what the victim's board counts.
void work_for_ever(const std::string& name);

}  // namespace valpool::test
