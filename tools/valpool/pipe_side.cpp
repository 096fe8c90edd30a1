#include "pipe_side.hpp"

#include "terminal.hpp"

#include <algorithm>
#include <vector>

namespace tool {

using namespace valpool;

pipe_side pipe_side::readers(const pool_picture& seen, const pipe_status& p) {
    static const words its{"reader", "nobody reads it", "waits for room there itself",
                           "writes to it"};
    pipe_side side(seen, p, its);
    side.last_ = p.last_reader_pid;
    side.last_of_others_ = p.last_writer_pid;
    side.other_waits_ = &p.waiting_writers;
    side.remedy_ = "start its reader; `valpool get " + shown(seen.pool.name) + " " + shown(p.name) +
                   "` takes its packets out";
    return side;
}

pipe_side pipe_side::writers(const pool_picture& seen, const pipe_status& p) {
    static const words its{"writer", "nobody writes to it", "waits for a packet there itself",
                           "reads it"};
    pipe_side side(seen, p, its);
    side.last_ = p.last_writer_pid;
    side.last_of_others_ = p.last_reader_pid;
    side.other_waits_ = &p.waiting_readers;
    side.remedy_ = "start its writer; `valpool put " + shown(seen.pool.name) + " " + shown(p.name) +
                   " JSON` puts a packet in";
    return side;
}

bool pipe_side::waits_for_others(int pid) const {
    return std::find(other_waits_->begin(), other_waits_->end(), pid) != other_waits_->end();
}

void pipe_side::explain(finding& f) const {
    if (last_ != 0) {
        f.pids.push_back(last_);
        f.text += std::string("; its last ") + words_.role + ", " + processes_.who(last_) + ", " +
                  doing_of(last_);
        f.advice = processes_.cure_of(last_);
    }
    // What waits for the others at this pipe will do nothing for them, if it is continued.
    if (last_ == 0 || processes_.has_gone(last_) || waits_for_others(last_)) add_openers(f);
}

std::string pipe_side::doing_of(int pid) const {
    const std::string obstacle = processes_.obstacle_of(pid);
    if (waits_for_others(pid))
        return (obstacle.empty() ? "" : obstacle + " and ") + words_.other_wait;
    if (!obstacle.empty()) return obstacle;
    const std::string wait = processes_.other_wait_of(pid, pipe_.name);
    return wait.empty() ? "is alive and does something else" : wait;
}

void pipe_side::add_openers(finding& f) const {
    std::vector<std::string> candidates, others;
    f.advice.clear();
    for (const process_status& p : seen_.processes) {
        if (p.pid == last_ || p.is_parent_of_holders || !processes_.has_open(p, pipe_.name))
            continue;
        f.pids.push_back(p.pid);
        const std::string obstacle = processes_.obstacle_of(p.pid);
        if (p.pid == last_of_others_ || waits_for_others(p.pid)) {
            others.push_back(processes_.who(p.pid) + ", which " + words_.other_doing +
                             (obstacle.empty() ? "" : " and " + obstacle));
            continue;
        }
        candidates.push_back(processes_.who(p.pid) +
                             (obstacle.empty() ? "" : ", which " + obstacle));
        if (f.advice.empty() && !obstacle.empty()) f.advice = processes_.cure_of(p.pid);
    }
    if (candidates.empty()) return add_absence(others, f);
    f.text += "; it is open in " + joined(candidates);
}

void pipe_side::add_absence(const std::vector<std::string>& others, finding& f) const {
    f.advice = remedy_;
    f.text += std::string("; ") + words_.absent + ": ";
    if (others.empty())
        f.text += "no process that could be its " + std::string(words_.role) + " has it open";
    else
        f.text += "it is open only in " + joined(others);
}

}  // namespace tool
