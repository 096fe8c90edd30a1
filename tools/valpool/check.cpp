// valpool check: whether a pool is sound.

#include "commands.hpp"
#include "output.hpp"

#include <valpool/valpool.hpp>

#include <memory>
#include <sstream>

namespace tool {
namespace {

struct settings {
    std::string pool;
    bool as_json = false;
};

int check_pool(const settings& s) {
    const valpool::pool_report report = valpool::check(s.pool);
    std::ostringstream text;
    text << report;
    print(text.str());
    return report.is_sound() ? exit_done : exit_found;
}

}  // namespace

void add_check(command_set& commands) {
    const auto s = std::make_shared<settings>();
    CLI::App& command =
        commands.add("check", "verifies a pool: counts, memory, links; changes nothing",
                     [s] { return check_pool(*s); });
    add_word(command, "POOL", s->pool, "name of the pool");
    add_json_flag(command, s->as_json);
}

}  // namespace tool
