#pragma once

#include "crash/step/line.hpp"
#include "crash/step/operations.hpp"

#include <valpool/valpool.hpp>

#include <functional>
#include <iosfwd>
#include <set>
#include <string>
#include <vector>

namespace valpool::test {

/// What the keeper does first with a value whose writer has died, before anybody has repaired.
enum class first_use { read, lock, change };

/// The process with the pool's SHMMain, which judges by public calls only.
class keeper {
public:
    keeper(const std::string& name, step_board& board);

    /// Does what it is told, and answers what was wrong with it, until its line is gone.
    int serve(line& orders);

private:
    std::string obey(const std::string& order);
    void expect_states(const std::string& joined);

    /// After a death: repairs, and looks at everything.
    std::string judge();
    /// The same, but first it uses, unrepaired, all that the dead may have been at.
    std::string judge_unrepaired(first_use first);
    /// What a process does all day; its calls have no time-out.
    std::string work();
    /// Calls with a time-out, beside a process that is stopped.
    std::string keep_deadlines();
    std::string repair();
    void empty_own_pipe();

    void use_pipes_unrepaired(std::ostream& wrong);
    void use_tables_unrepaired(std::ostream& wrong, first_use first);
    bool use(std::ostream& wrong, Val& table, first_use what);
    void judge_packets(std::ostream& wrong);
    void judge_tables(std::ostream& wrong);
    void judge_table(std::ostream& wrong, Val& table);
    void judge_sleeper(std::ostream& wrong);
    void judge_memory(std::ostream& wrong);
    void expect_whole(std::ostream& wrong, const Val& table);
    void refill();

    step_board& board_;
    SHMMain main_;
    ServerSide from_victim_;
    ServerSide to_victim_;
    ServerSide to_sleeper_;
    ServerSide from_sleeper_;
    ServerSide changing_;
    ServerSide never_;  // where victims wait for nothing
    ServerSide own_;
    ServerSide full_;
    std::set<std::string> states_;  // of whole tables
};

/// What the keeper answers when a call without a time-out has given up, for a process that is
/// stopped was in its way.
constexpr const char* gave_up = "gave up";

/// A packet that the sleeper sends back: all before it have come.
constexpr int mark = -1;

/// Waits on a pipe all its life; woken by victims.
int sleep_and_count(const std::string& name, step_board& board);

}  // namespace valpool::test
