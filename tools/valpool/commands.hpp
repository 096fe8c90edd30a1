#pragma once

/// The subcommands. Each has a source of its own, which defines its function here; main.cpp calls
/// them in the order of --help.

#include "command.hpp"

namespace tool {

void add_check(command_set& commands);
// Where libzstd and liblz4 are.
void add_record(command_set& commands);
void add_play(command_set& commands);
void add_rec(command_set& commands);

}  // namespace tool
