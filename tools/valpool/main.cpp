// valpool: looks into memory pools and helps out with them. One source a subcommand.

#include "commands.hpp"

int main(int argc, char** argv) {
    tool::command_set commands;
    tool::add_check(commands);
#ifdef VALPOOL_HAS_RECORDER
    tool::add_record(commands);
    tool::add_play(commands);
    tool::add_rec(commands);
#endif
    return commands.run(argc, argv);
}
