#pragma once

#include "base/kill_point.hpp"
#include "support/child.hpp"

#include <valpool/cq.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace valpool::test {

/// What the processes of a crash test tell each other. It lies outside the pool that they damage.
struct crash_board {
    detail::kill_plan plan;
    // The numbers of packets whose enqueue or dequeue has returned.
    std::atomic<int> sent;         // into "from victim"
    std::atomic<int> received;     // out of "to victim"
    std::atomic<int> woken_with;   // sent into "to sleeper"
    std::atomic<int> sleeper_got;  // by the sleeper, in all rounds together
    std::atomic<int> leases_done;  // packets of "leased" that are not to come again
    std::atomic<int> source_base;  // the number before the first one that the victim's source has
    std::atomic<int> marks;        // marks that the sleeper has seen
    std::atomic<int> sleeper_disorder;
    std::atomic<int> poisoned;  // tables that the keeper found poisoned
    // The child that the victim forks: whether it dies instead of its parent, how it ended, and how
    // often each kill point was passed while it lived.
    std::atomic<bool> is_offspring_to_die;
    std::atomic<bool> has_parent_let_go;  // has released what both processes held
    std::atomic<int> offspring_end;
    std::array<std::atomic<std::uint64_t>, detail::kill_plan::max_points> offspring_passes;
    std::atomic<int> command;  // to the keeper: see crash_test.cpp
    std::atomic<int> answer;
    std::atomic<bool> stop;
    std::array<char, 4000> complaint;
};

constexpr int packets_for_victim = 4;
constexpr int packets_to_lease = 8;
/// Of a source that the victim writes for, into "numbered"; the keeper puts in what is missing.
constexpr int packets_of_source = 4;
constexpr const char* source_of_victim = "source of the victim";
/// The packet of "leased" that the victim moves to "dead letters".
constexpr int dead_letter = 3;
/// A temporary pipe of the victim.
constexpr const char* reply_pipe = "reply to the victim";

/// Everything that a process can do with a pool, in one run: attaches, allocates, shares, nests,
/// locks, enqueues, dequeues, waits, wakes, forks, starts a thread, and detaches. Always the same
/// steps.
int live_a_whole_life(const std::string& pool, crash_board& board);

/// Puts in the packets of the victim's source that have not been put in yet.
void feed_from_source(CQ& numbered, StreamingPool& pool, const crash_board& board);

/// Makes the calling process, and none that it forks, the one that the armed kill points kill.
void claim_orders(crash_board& board);

/// Allocates, shares and passes values for ever, without touching what the victim's board counts.
void work_for_ever(const std::string& name);

}  // namespace valpool::test
