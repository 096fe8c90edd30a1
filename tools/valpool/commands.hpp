#pragma once

/// The subcommands. Each has a source of its own, which defines its function here; main.cpp calls
/// them in the order of --help.

#include "command_set.hpp"

namespace tool {

void add_ls(command_set& commands);
void add_stat(command_set& commands);
void add_top(command_set& commands);
void add_why(command_set& commands);
void add_peek(command_set& commands);
void add_put(command_set& commands);
void add_get(command_set& commands);
void add_echo(command_set& commands);
void add_check(command_set& commands);
void add_main(command_set& commands);
void add_rm(command_set& commands);
void add_clean(command_set& commands);
void add_gc(command_set& commands);
void add_pipe(command_set& commands);
void add_doctor(command_set& commands);
void add_dashboard(command_set& commands);
// Where libzstd and liblz4 are.
void add_record(command_set& commands);
void add_play(command_set& commands);
void add_rec(command_set& commands);
// Where libnats, ZeroMQ and toml++ are.
void add_bridge(command_set& commands);
/// For the build: prints the man page, and the shells' completions.
void add_manual(command_set& commands);

}  // namespace tool
