#pragma once

#include "crash/step/stepper.hpp"

#include <valpool/valpool.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace valpool::test {

/// What the processes tell each other. It lies outside the pool that they damage.
struct step_board {
    std::atomic<int> sent;         // into "from victim": those whose enqueue has returned
    std::atomic<int> received;     // out of "to victim": those whose dequeue has
    std::atomic<int> in_doubt;     // how many more it may have taken without having reported them
    std::atomic<int> woken_with;   // into "to sleeper"
    std::atomic<int> sleeper_got;  // by the sleeper
    std::atomic<int> poisoned;     // tables that the keeper found poisoned
    std::atomic<int> whole;        // tables that the keeper found whole
    std::atomic<int> patience_s;   // how long the keeper waits for what should happen at once
};

constexpr int packets_for_victim = 4;
constexpr const char* untouched_text = "there from the start";

/// Makes a pool repair itself, by asking for more than it has: the public way to say "now".
void have_it_repair(StreamingPool& pool);

/// All that a victim has. It is destroyed in the opposite order of its construction.
class victim_life {
public:
    victim_life(const std::string& pool_name, step_board& common)
        : name(pool_name), board(common) {}

    void open();
    /// Also opens the pipe through which the keeper gets the values that are being changed.
    void open_for_changes();
    StreamingPool* pool() const { return in->pool(); }
    Val packet(int number) const { return Shared(pool(), Tab{{"number", number}}); }
    /// A new table of the victim that the keeper can reach as well.
    Val& public_table();
    /// Makes another process die while it holds the table's lock.
    void have_somebody_die_in_the_lock(Val& table);
    /// While the states are collected: notes the tables as they are now, because others may find
    /// them so.
    void note_states();

    const std::string& name;
    step_board& board;
    bool is_noting = false;
    std::set<std::string> states;
    std::unique_ptr<ServerSide> in;   // the victim's packets
    std::unique_ptr<ClientSide> out;  // packets for the victim
    std::unique_ptr<ServerSide> changing;
    std::unique_ptr<ServerSide> own;
    std::unique_ptr<ClientSide> sleeper;
    std::vector<Val> values;
    std::vector<char*> raw;
    std::size_t tables = 0;  // how many of the first values are public tables
};

/// An operation of a process on a pool, in steps between which every value is whole.
struct operation {
    using deed = std::function<void(victim_life&)>;

    std::string name;
    deed prepare;
    std::vector<deed> steps;
    bool in_thread = false;      // a separate thread does the steps, up to its end
    bool after_a_death = false;  // another process has died just before
    bool in_a_new_pool = false;  // what it makes stays in the pool
    bool in_waits = false;       // libc's instructions matter, even if the pool does not change
};

std::vector<operation> all_operations();
const operation& find_operation(const std::string& name);

/// Prepares the operation, and does its steps between the two marks.
void live_through(const operation& op, victim_life& life, const victim::marks& marks);

/// The states of the operation's public tables before, between and after the steps, as text. Runs
/// the operation once for that, in this process.
std::set<std::string> states_of(const operation& op, victim_life& life);

/// A whole value as text.
std::string text_of(const Val& value);

}  // namespace valpool::test
