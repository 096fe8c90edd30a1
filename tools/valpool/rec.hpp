#pragma once

/// The subcommands of `valpool rec`. Each is in a source of its own.

#include "command_set.hpp"

namespace tool {

void add_rec_info(command_set& commands, CLI::App& rec);
void add_rec_cat(command_set& commands, CLI::App& rec);
/// cut, recover and convert, which all write the messages of one file into another one.
void add_rec_copies(command_set& commands, CLI::App& rec);

}  // namespace tool
