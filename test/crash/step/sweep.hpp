#pragma once

#include "crash/step/world.hpp"

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace valpool::test {

/// What happens to a process after N instructions of an operation.
enum class mode {
    kill,        // it is killed; the others repair, and the pool is judged
    unrepaired,  // it is killed; the others use what it was changing, before any repair
    pair,        // it is killed, and so is the next process after M instructions of its repair
    stop         // it is stopped while the others work and another process dies; then it continues
};
const char* name_of(mode m);

/// Which N are tried. The environment decides. By default: all that are beside a system call, and
/// as many of the others as time allows.
/// VALPOOL_STEP_FULL=1: each one after which the pool had changed, or beside a system call.
/// VALPOOL_STEP_EVERY=1: all.
enum class extent { sampled, stores, every };
extent extent_wanted();

/// A recording of an operation, and the states of its tables. Made once for all modes.
struct known_operation {
    recording run;
    std::set<std::string> states;
};
const known_operation& know(const operation& op);

struct tally {
    long candidates = 0;  // how many N the full extent would try
    long tried = 0;
    long reached = 0;  // trials that reached their N (and M)
    long waited = 0;   // mode stop: trials in which others waited for it or gave up
    long bad = 0;
};

/// One operation in one mode, at many N.
class sweep {
public:
    sweep(mode m, const operation& op, unsigned long seed);

    /// Tries them, and reports what was wrong with each bad one. The time limit is for sampled N.
    tally run(double seconds, const std::function<void(const std::string&)>& complain);

private:
    struct candidates {
        std::vector<long> always;
        std::vector<long> others;
    };
    candidates find_candidates() const;
    void try_sample(const std::vector<long>& others, double until_s);
    void try_one(long n);

    std::string kill_at(long n);
    std::string kill_pair_at(long n);
    std::string stop_at(long n);
    bool kill_after(const operation& op, const recording& run, long n, std::string& wrong);
    void expect_answer(const char* what, std::string& wrong);
    bool let_work(const char* what, std::string& wrong);
    void renew();

    const mode mode_;
    const operation& op_;
    const known_operation& known_;
    std::mt19937 random_;
    std::unique_ptr<world> world_;
    std::function<void(const std::string&)> complain_;
    tally tally_;
    bool is_answer_due_ = false;  // the keeper owes the answer of a call that waits
};

}  // namespace valpool::test
