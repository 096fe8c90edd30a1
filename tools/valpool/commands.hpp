#pragma once

/// The subcommands. Each has a source of its own, which defines its function here; main.cpp calls
/// them in the order of --help.

#include "command.hpp"

namespace tool {

void add_check(command_set& commands);

}  // namespace tool
