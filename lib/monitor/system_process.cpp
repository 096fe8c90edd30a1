#include "monitor/system_process.hpp"

#include "base/system_file.hpp"

#include <algorithm>
#include <sstream>

#include <time.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

double seconds_since_boot() noexcept {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// proc(5): "pid (name) state ppid ... starttime", the last one field 22, in ticks since boot. The
/// name may contain anything, even brackets.
system_process parse_stat(const std::string& line) {
    system_process found;
    const std::size_t open = line.find('(');
    const std::size_t close = line.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open) return found;
    found.name = line.substr(open + 1, close - open - 1);
    std::istringstream rest(line.substr(close + 1));
    rest >> found.state;
    constexpr int fields_before_start = 18;
    std::string skipped;
    for (int i = 0; i < fields_before_start; ++i) rest >> skipped;
    double ticks = 0;
    const long ticks_a_second = sysconf(_SC_CLK_TCK);
    if (rest >> ticks && ticks_a_second > 0)
        found.running_s =
            std::max(0.0, seconds_since_boot() - ticks / static_cast<double>(ticks_a_second));
    return found;
}

}  // namespace

system_process look_up_process(int pid) {
    std::string all;
    if (pid <= 0) return {};
    // A name may contain the end of a line.
    for_each_line("/proc/" + std::to_string(pid) + "/stat", [&](const char* line) {
        all += line;
        return true;
    });
    return parse_stat(all);
}

}  // namespace valpool::detail
