// valpool stat: one pool, its pipes, processes and memory.

#include "command_set.hpp"
#include "interrupt.hpp"
#include "json_output.hpp"
#include "look.hpp"
#include "output.hpp"
#include "rates.hpp"
#include "routes.hpp"
#include "words.hpp"

#include <memory>
#include <string>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool;
    bool as_json = false;
    bool names_only = false;
    double sample_s = 0.2;
};

std::string main_text(const pool_status& p) {
    if (p.has_main) return "main " + pid_text(p.main_pid);
    return p.main_pid == 0
               ? "nobody is its main"
               : "nobody is its main (the last one: pid " + std::to_string(p.main_pid) + ")";
}

std::string head_of(const pool_status& p) {
    const cell state = state_of(p);
    std::string text = styled(shown(p.name), style::bold) + ": " + styled(state.text, state.how);
    text += ", " + main_text(p) + ", age " + duration_text(p.age_s) + ", owner " +
            user_name(p.owner_uid) + "\n";
    text += bytes_text(static_cast<double>(p.used_bytes)) + " of " +
            bytes_text(static_cast<double>(p.total_bytes)) + " used (" +
            bytes_text(static_cast<double>(p.system_bytes)) + " by pipes and bookkeeping), " +
            "largest free piece " + bytes_text(static_cast<double>(p.biggest_free_bytes)) + "\n";
    text += counted(p.living_processes, "process") + ", " + counted(p.threads, "thread") + " of " +
            std::to_string(p.thread_places) + ", " + counted(p.pipes, "pipe") + ", " +
            (p.recoveries == 1 ? "1 recovery" : std::to_string(p.recoveries) + " recoveries") +
            " so far\n";
    if (p.dead_processes != 0)
        text += styled(counted(p.dead_processes, "dead process") + " not cleaned up after yet" +
                           (p.is_left_over() ? "" : ": `valpool gc` does it now"),
                       style::warning) +
                "\n";
    if (!p.has_name)
        text +=
            styled("its name leads to it no more: its main restores it, or nobody", style::bad) +
            "\n";
    return text;
}

void print_section(const table& t) {
    if (!t.is_empty()) print("\n" + t.text());
}

void print_pipe_names(const Monitor& pool) {
    std::string text;
    for (const pipe_status& p : pipes_of(pool)) text += p.name + "\n";
    print(text);
}

int show(const settings& s) {
    const Monitor pool = open_pool(s.pool);
    if (s.names_only) {
        print_pipe_names(pool);
        return exit_done;
    }
    pipe_sampler sampler;
    if (s.sample_s > 0) {
        sampler.take(pool);
        if (!sleep_unless_interrupted(s.sample_s)) return interrupted_exit_code();
    }
    sampler.take(pool);
    const auto rates = [&](const std::string& pipe) { return sampler.rates(pipe); };
    if (s.as_json) {
        const pool_picture seen{
            pool.pool(), sampler.pipes(), pool.processes(), {}, routes_of(pool)};
        print_json(Val(json_of_all(pool, seen, rates)));
        return exit_done;
    }
    print(head_of(pool.pool()));
    print_section(table_of(sampler.pipes(), rates));
    print_section(table_of(pool.processes()));
    print_section(table_of(pool.taps()));
    print_section(table_of(routes_of(pool)));
    print_section(table_of(pool.memory()));
    return exit_done;
}

}  // namespace

void add_stat(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("stat", "shows a pool: pipes, processes, memory, taps",
                                 [s] { return show(*s); }));
    c.word("POOL", s->pool, "name of the pool");
    c.flag("--names", s->names_only, "print the names of the pipes alone, one a line");
    c.seconds("--sample", s->sample_s, {0, 3600},
              "between two looks, for the rates; 0: no rates (default 0.2)");
    c.json_flag(s->as_json);
}

}  // namespace tool
