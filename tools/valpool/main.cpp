// valpool: looks into memory pools and helps out with them. One source a subcommand.

#include "commands.hpp"

int main(int argc, char** argv) {
    tool::command_set commands;
    for (const auto add :
         {tool::add_ls, tool::add_stat, tool::add_top, tool::add_why, tool::add_peek, tool::add_put,
          tool::add_get, tool::add_echo, tool::add_check, tool::add_main, tool::add_rm,
          tool::add_clean, tool::add_gc, tool::add_pipe, tool::add_doctor, tool::add_dashboard})
        add(commands);
#ifdef VALPOOL_HAS_RECORDER
    for (const auto add : {tool::add_record, tool::add_play, tool::add_rec}) add(commands);
#endif
#ifdef VALPOOL_HAS_BRIDGE
    tool::add_bridge(commands);
#endif
    tool::add_manual(commands);
    return commands.run(argc, argv);
}
