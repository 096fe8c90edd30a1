// valpool why: says in plain words why nothing moves.

#include "command_set.hpp"
#include "diagnosis.hpp"
#include "holdings.hpp"
#include "interrupt.hpp"
#include "json_output.hpp"
#include "look.hpp"
#include "output.hpp"
#include "words.hpp"

#include <algorithm>
#include <memory>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool;
    diagnosis_options options;
    double watch_s = 1.0;
    bool as_json = false;
};

void print_findings_as_json(const std::vector<finding>& found) {
    OTab all;
    all["findings"] = json_list(found);
    print_json(Val(all));
}

/// What there is to say of a pool in which nothing stands still.
std::string calm_text(const pool_picture& seen, const diagnosis_options& options) {
    std::string text = "nothing stands still in " + shown(seen.pool.name);
    for (const pipe_status& p : seen.pipes) {
        if (!options.pipe.empty() && p.name != options.pipe) continue;
        text += "\n" + shown(p.name) + ": " + depth_text(p) + " packets wait; last one in " +
                ago_text(p.counters.since_last_enqueue_s) + ", last one out " +
                ago_text(p.counters.since_last_dequeue_s);
    }
    return text + "\n";
}

void print_findings(const std::vector<finding>& found) {
    for (const finding& f : found) {
        print(styled("- ", style::bad) + f.text + "\n");
        if (!f.advice.empty()) print(styled("  try: ", style::dim) + f.advice + "\n");
    }
}

/// Looks once more, so that it is known whether somebody keeps what he has.
void look_again(const Monitor& pool, const settings& s, pool_picture& seen) {
    holdings held;
    held.take(seen.processes, holdings::clock::now());
    if (!sleep_unless_interrupted(s.watch_s)) return;
    seen = picture_of(pool);
    held.take(seen.processes, holdings::clock::now());
    seen.held_for = held.held_for();
}

std::vector<finding> findings_of(const Monitor& pool, const settings& s, pool_picture& seen) {
    std::vector<finding> found = diagnose(seen, s.options);
    const bool has_holder = std::any_of(found.begin(), found.end(), [](const finding& f) {
        return f.kind == "process_holds_memory";
    });
    if (!has_holder || s.watch_s <= 0) return found;
    look_again(pool, s, seen);
    return diagnose(seen, s.options);
}

int explain(const settings& s) {
    const Monitor pool = open_pool(s.pool);
    pool_picture seen = picture_of(pool);
    const auto is_wanted = [&](const pipe_status& p) { return p.name == s.options.pipe; };
    if (!s.options.pipe.empty() && std::none_of(seen.pipes.begin(), seen.pipes.end(), is_wanted))
        throw_no_pipe(pool, s.pool, s.options.pipe);
    const std::vector<finding> found = findings_of(pool, s, seen);
    if (was_interrupted()) return interrupted_exit_code();
    if (s.as_json)
        print_findings_as_json(found);
    else if (found.empty())
        print(calm_text(seen, s.options));
    else
        print_findings(found);
    return found.empty() ? exit_done : exit_found;
}

}  // namespace

void add_why(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("why", "says in plain words why nothing moves, and what to try",
                                 [s] { return explain(*s); }));
    c.word("POOL", s->pool, "name of the pool");
    c.optional_word("PIPE", s->options.pipe, "only about this pipe");
    c.seconds("--after", s->options.after_s, {},
              "what has stood still for less counts as moving (default 1)");
    c.seconds("--watch", s->watch_s, {0, 3600},
              "how long to watch processes that hold much of a full pool (default 1; 0: not)");
    c.json_flag(s->as_json);
}

}  // namespace tool
