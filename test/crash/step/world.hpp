#pragma once

#include "crash/step/keeper.hpp"
#include "support/child.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace valpool::test {

/// A process that holds values, raw memory and an end of a pipe, until it is killed.
class mortal {
public:
    explicit mortal(const std::string& pool);
    void die();

private:
    std::optional<child> process_;
};

/// A pool with its keeper and its sleeper, for a number of deaths. The process that makes the world
/// is not attached.
class world {
public:
    world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    const std::string& name() const { return name_; }
    std::string path() const { return name_.path(); }
    step_board& board() { return *board_; }

    /// Tells the keeper the states in which a table is whole.
    void expect(const std::set<std::string>& states);

    /// What the keeper complains of; empty when all is well.
    std::string ask(const std::string& order, double most_seconds = 60);
    /// The same in two steps, for an order that may wait until something else has happened.
    void order(const std::string& order);
    /// Nothing when there is no answer yet.
    std::optional<std::string> answer(double most_seconds);

    std::unique_ptr<victim> start(const operation& op);
    /// Stops the sleeper until it is let go. It would otherwise repair what others are to repair.
    void hold_sleeper() { sleeper_->signal(SIGSTOP); }
    void let_sleeper_go() { sleeper_->signal(SIGCONT); }
    void have_somebody_die();

private:
    shared<step_board> board_;
    pool_name name_;
    line line_;
    std::string order_;
    std::optional<child> keeper_;
    std::optional<child> sleeper_;
};

/// The result of states_of() for the operation, computed in a process of its own.
std::set<std::string> find_states(world& w, const operation& op);

}  // namespace valpool::test
