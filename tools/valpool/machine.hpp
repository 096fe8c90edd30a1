#pragma once

/// What pools need of the machine.

#include <string>
#include <vector>

namespace tool {

enum class verdict { good, note, bad };

struct machine_check {
    std::string name;  // for programs
    verdict result = verdict::good;
    std::string text;
    std::string advice;  // what to type; may be empty
};

std::vector<machine_check> check_machine();

}  // namespace tool
