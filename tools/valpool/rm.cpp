// valpool rm: removes pools that nobody uses.

#include "command_set.hpp"
#include "output.hpp"
#include "terminal.hpp"

#include <valpool/upkeep.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::vector<std::string> pools;
    bool removes_damaged = false;
};

/// False when it could not be removed; the reason has been told then.
bool remove_one(const std::string& name, const settings& s) {
    try {
        if (remove_pool(name, s.removes_damaged ? IfDamaged::remove : IfDamaged::refuse)) {
            print("removed " + shown(name) + "\n");
            return true;
        }
        complain("there is no memory pool \"" + shown(name) +
                 "\"; `valpool ls` lists those there are");
    } catch (const output_closed&) {
        throw;
    } catch (const std::exception& failure) {
        complain(failure.what());
    }
    return false;
}

int remove_pools(const settings& s) {
    bool is_done = true;
    for (const std::string& name : s.pools) is_done = remove_one(name, s) && is_done;
    return is_done ? exit_done : exit_failed;
}

}  // namespace

void add_rm(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("rm", "removes pools that no process uses, kept ones too",
                                 [s] { return remove_pools(*s); }));
    c.words("POOL", s->pools, "names of the pools");
    c.flag("--damaged", s->removes_damaged,
           "remove a damaged pool as well; files that are no pools stay");
}

}  // namespace tool
