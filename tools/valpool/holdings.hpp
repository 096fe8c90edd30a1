#pragma once

/// For how long processes have held what they hold. Nothing in a pool says it: to note the time
/// would cost every handle of a value. So it is known only as far as somebody has been looking.

#include <valpool/monitor.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace tool {

struct held_time {
    double seconds = 0;
    bool may_be_longer = false;  // it was so at the first look
};
/// "40 s", "40 s or longer".
std::string text_of(const held_time& t);

/// Looks at the processes of a pool, again and again.
class holdings {
public:
    using clock = std::chrono::steady_clock;

    void take(const boost::container::vector<valpool::process_status>& processes,
              clock::time_point now);

    /// By pid, for those that hold something and have been looked at twice: for how long no look
    /// has found them with less than nine tenths of what they hold now. What was given back and
    /// taken again between two looks cannot be seen.
    std::map<int, held_time> held_for() const;

private:
    struct step {
        clock::time_point since;
        double bytes = 0;
    };
    /// The least that was held since each time: both grow from step to step.
    struct record {
        std::vector<step> steps;
        clock::time_point first_look;
        double now_bytes = 0;
        double running_s = 0;
    };
    static void add(record& its, double bytes, clock::time_point now);

    std::map<int, record> records_;
    clock::time_point last_look_;
};

/// Of one process; null when nothing is known. What forked children hold is not their parent's.
const held_time* find_held(const std::map<int, held_time>& all, const valpool::process_status& p);

}  // namespace tool
