#pragma once

/// What the system says of a process.

#include <string>

namespace valpool::detail {

struct system_process {
    std::string name;       // empty: it cannot be seen from here, or has ended
    char state = '?';       // as in proc(5)
    double running_s = -1;  // negative: unknown
};
system_process look_up_process(int pid);

}  // namespace valpool::detail
