// valpool check: whether a pool is sound.

#include "command_set.hpp"
#include "json_output.hpp"
#include "look.hpp"
#include "output.hpp"

#include <memory>
#include <sstream>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool;
    bool as_json = false;
};

OTab json_of_report(const pool_report& r) {
    const auto count = [](std::size_t n) { return Val(static_cast<std::uint64_t>(n)); };
    OTab t;
    t["is_sound"] = r.is_sound();
    t["total_bytes"] = count(r.total_bytes);
    t["used_bytes"] = count(r.used_bytes);
    t["system_bytes"] = count(r.system_bytes);
    t["raw_bytes"] = count(r.raw_bytes);
    t["leaked_bytes"] = count(r.leaked_bytes);
    t["boxes"] = count(r.boxes);
    t["references"] = count(r.references);
    t["poisoned"] = count(r.poisoned);
    t["queues"] = count(r.queues);
    t["taps"] = count(r.taps);
    t["packets"] = count(r.packets);
    t["living_processes"] = json_pids(r.living_processes);
    t["dead_processes"] = json_pids(r.dead_processes);
    t["parents"] = json_pids(r.parents);
    t["ended_families"] = count(r.ended_families);
    t["repairing_pid"] = json_pid(r.repairing_process);
    t["delaying_pid"] = json_pid(r.delaying_process);
    Arr problems;
    for (const std::string& problem : r.problems) problems.append(json_text(problem));
    t["problems"] = problems;
    return t;
}

int check_pool(const settings& s) {
    const pool_report report = open_pool(s.pool).report();
    if (s.as_json) {
        print_json(Val(json_of_report(report)));
    } else {
        std::ostringstream text;
        text << report << (report.is_sound() ? "sound\n" : "NOT SOUND\n");
        print(text.str());
    }
    return report.is_sound() ? exit_done : exit_found;
}

}  // namespace

void add_check(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("check", "verifies a pool: counts, memory, links; changes nothing",
                                 [s] { return check_pool(*s); }));
    c.word("POOL", s->pool, "name of the pool");
    c.json_flag(s->as_json);
}

}  // namespace tool
