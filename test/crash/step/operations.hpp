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

/// What the processes tell each other; outside of the pool that they wreck.
struct step_board {
    std::atomic<int> sent;         // into "from victim": those whose enqueue has returned
    std::atomic<int> received;     // out of "to victim": those whose dequeue has
    std::atomic<int> in_doubt;     // how many more it may have taken without having said so
    std::atomic<int> woken_with;   // into "to sleeper"
    std::atomic<int> sleeper_got;  // by the sleeper
    std::atomic<int> poisoned;     // tables that the keeper found so
    std::atomic<int> whole;        // and whole
    std::atomic<int> patience_s;   // the keeper's, with what should happen at once
};

constexpr int packets_for_victim = 4;
constexpr const char* untouched_text = "there from the start";

/// What a pool repairs when it is asked for more than it has: the public way to say "now".
void have_it_repair(StreamingPool& pool);

/// All that a victim has. It goes in the opposite order of its making.
class victim_life {
public:
    victim_life(const std::string& pool_name, step_board& common)
        : name(pool_name), board(common) {}

    void open();
    /// And the pipe through which the keeper gets what is being changed.
    void open_for_changes();
    StreamingPool* pool() const { return in->pool(); }
    Val packet(int number) const { return Shared(pool(), Tab{{"number", number}}); }
    /// A new table of the victim's that the keeper can reach as well.
    Val& public_table();
    /// Somebody dies in the middle of the lock of the table.
    void have_somebody_die_in_the_lock(Val& table);
    /// While the states are looked for: what the tables are like now, for others may find them so.
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
    std::size_t tables = 0;  // of the values, the first so many are public
};

/// Something that a process does with a pool, in steps between which every value is whole.
struct operation {
    using deed = std::function<void(victim_life&)>;

    std::string name;
    deed prepare;
    std::vector<deed> steps;
    bool in_thread = false;      // the steps are those of a thread of their own, to its end
    bool after_a_death = false;  // somebody has died just before
    bool in_a_new_pool = false;  // what it makes stays
    bool in_waits = false;       // what libc does in it matters, whether the pool changes or not
};

std::vector<operation> all_operations();
const operation& find_operation(const std::string& name);

/// Prepares, and does the steps between the two marks.
void live_through(const operation& op, victim_life& life, const victim::marks& marks);

/// The states in which the operation's public tables are before, between and after the steps, as
/// text. It runs once for that, in this process.
std::set<std::string> states_of(const operation& op, victim_life& life);

/// The text of all of a value.
std::string text_of(const Val& value);

}  // namespace valpool::test
