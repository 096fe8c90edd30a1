// valpool: looks into memory pools and helps out with them. One source a subcommand.

#include "commands.hpp"

int main(int argc, char** argv) {
    tool::command_set commands;
    tool::add_check(commands);
    return commands.run(argc, argv);
}
