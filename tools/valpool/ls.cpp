// valpool ls: the pools of this machine.

#include "command_set.hpp"
#include "json_output.hpp"
#include "look.hpp"
#include "output.hpp"
#include "words.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    bool as_json = false;
    bool names_only = false;
};

std::string percent(std::size_t part, std::size_t whole) {
    if (whole == 0) return "";
    return std::to_string(100 * part / whole) + "%";
}

std::vector<cell> row_of(const listed_pool& pool) {
    if (!pool.status)
        return {shown(pool.name), "", "", "", "", "", "", {"unusable", style::bad}, ""};
    const pool_status& p = *pool.status;
    return {shown(p.name),
            bytes_text(static_cast<double>(p.asked_bytes)),
            percent(p.used_bytes, p.total_bytes),
            std::to_string(p.pipes),
            std::to_string(p.living_processes) +
                (p.dead_processes == 0 ? "" : "+" + std::to_string(p.dead_processes) + " dead"),
            p.has_main ? pid_text(p.main_pid) : std::string("-"),
            duration_text(p.age_s),
            state_of(p),
            user_name(p.owner_uid)};
}

void print_table(const std::vector<listed_pool>& pools) {
    table all({{"POOL", align::left, column::narrow::shrinks},
               {"SIZE", align::right},
               {"USED", align::right},
               {"PIPES", align::right, column::narrow::goes},
               {"PROCESSES", align::right},
               {"MAIN", align::left, column::narrow::shrinks},
               {"AGE", align::right, column::narrow::goes},
               {"STATE"},
               {"OWNER", align::left, column::narrow::goes}});
    for (const listed_pool& pool : pools) all.add(row_of(pool));
    print(all.is_empty() ? "no memory pools on this machine\n" : all.text());
    for (const listed_pool& pool : pools)
        if (!pool.status) complain(pool.problem);
}

void print_names(const pool_names& names) {
    std::string text;
    for (const std::string& name : names.pools) text += name + "\n";
    print(text);
}

int list_pools(const settings& s) {
    const pool_names names = Monitor::names();
    if (s.names_only) {
        print_names(names);
        return exit_done;
    }
    const std::vector<listed_pool> pools = look_at_all(names);
    if (s.as_json) {
        print_json(Val(json_of_pools(pools, names)));
        return exit_done;
    }
    print_table(pools);
    if (!names.unreadable.empty())
        complain(counted(names.unreadable.size(), "file") +
                 " in /dev/shm may be pools, but this user may not read them; root may");
    return exit_done;
}

}  // namespace

void add_ls(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("ls", "lists the pools of this machine, alive or left over",
                                 [s] { return list_pools(*s); }));
    c.flag("--names", s->names_only, "print the names alone, one a line");
    c.json_flag(s->as_json);
}

}  // namespace tool
