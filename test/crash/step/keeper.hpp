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

/// The keeper's first use of a value whose writer has died, before any process has repaired the
/// pool.
enum class first_use { read, lock, change };

/// The process with the pool's SHMMain. It judges the pool by public calls only.
class keeper {
public:
    keeper(const std::string& name, step_board& board);

    /// Carries out orders, and answers each with what was wrong, until the line is closed.
    int serve(line& orders);

private:
    std::string obey(const std::string& order);
    void expect_states(const std::string& joined);

    /// After a death: repairs the pool and checks everything.
    std::string judge();
    /// The same, but before the repair it uses everything that the dead process may have been
    /// working on.
    std::string judge_unrepaired(first_use first);
    /// The normal work of a process; its calls have no time-out.
    std::string work();
    /// Calls with a time-out, while a process is stopped.
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
    ServerSide never_;  // where victims wait in vain
    ServerSide own_;
    ServerSide full_;
    std::set<std::string> states_;  // the texts of whole tables
};

/// The keeper's answer when a call without a time-out has given up because a stopped process was in
/// its way.
constexpr const char* gave_up = "gave up";

/// A packet that the sleeper sends back: all packets before it have arrived.
constexpr int mark = -1;

/// Waits on a pipe all the time, and is woken by victims.
int sleep_and_count(const std::string& name, step_board& board);

}  // namespace valpool::test
