// valpool rec: works with recordings, without a pool.

#include "rec.hpp"

#include "commands.hpp"

namespace tool {

void add_rec(command_set& commands) {
    CLI::App& rec = commands.add_group("rec", "works with recordings: shows, cuts and mends them");
    add_rec_info(commands, rec);
    add_rec_cat(commands, rec);
    add_rec_copies(commands, rec);
}

}  // namespace tool
