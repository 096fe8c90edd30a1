// valpool top: a pool, or all pools, live.

#include "command_set.hpp"
#include "cut_files.hpp"
#include "holdings.hpp"
#include "interrupt.hpp"
#include "json_output.hpp"
#include "look.hpp"
#include "output.hpp"
#include "rates.hpp"
#include "screen.hpp"
#include "words.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool;  // empty: all
    double interval_s = 1;
    std::size_t count = 0;  // 0: until it is ended
    std::string shows = "pipes";
    bool as_json = false;
};

/// What is shown of a pool, with the key that shows it.
enum class part { pipes, taps, memory };
struct part_name {
    part what;
    const char* name;
    char key;
};
constexpr std::array parts{part_name{part::pipes, "pipes", 'p'}, part_name{part::taps, "taps", 't'},
                           part_name{part::memory, "memory", 'm'}};

part part_of(const std::string& name) {
    for (const part_name& p : parts)
        if (name == p.name) return p.what;
    throw usage_error("--show: '" + name + "' is none of pipes, taps, memory");
}

enum class order { name, depth, in, out };
constexpr order last_order = order::out;

const char* name_of(order by) {
    switch (by) {
        case order::name: return "name";
        case order::depth: return "depth";
        case order::in: return "packets in";
        case order::out: return "packets out";
    }
    return "";
}

/// The pipes of a pool over time.
class pipe_history {
public:
    void take(const Monitor& pool) {
        sampler_.take(pool);
        std::map<std::string, std::vector<double>> kept;
        for (const pipe_status& p : sampler_.pipes()) {
            std::vector<double>& its = kept[p.name];
            its = std::move(rates_[p.name]);
            if (const pipe_rates* const now = sampler_.rates(p.name)) its.push_back(now->in);
            if (its.size() > most) its.erase(its.begin());
        }
        rates_ = std::move(kept);
    }

    const pipe_sampler& sampler() const noexcept { return sampler_; }

    std::vector<const pipe_status*> sorted(order by) const {
        std::vector<const pipe_status*> all;
        for (const pipe_status& p : sampler_.pipes()) all.push_back(&p);
        std::stable_sort(all.begin(), all.end(),
                         [&](const auto* a, const auto* b) { return key(*a, by) > key(*b, by); });
        return all;
    }

    table as_table(order by) const {
        table all({{"PIPE", align::left, column::narrow::shrinks},
                   {"", align::left, column::narrow::goes},
                   {"DEPTH", align::right},
                   {"IN/s", align::right},
                   {"OUT/s", align::right},
                   {"IN, LATELY", align::left, column::narrow::goes},
                   {"WAITING", align::left, column::narrow::goes},
                   {"LAST OUT", align::right, column::narrow::goes}});
        for (const pipe_status* const p : sorted(by)) add_row(*p, all);
        return all;
    }

private:
    static constexpr std::size_t most = 40;
    static constexpr std::size_t columns = 10;  // of a bar

    double key(const pipe_status& p, order by) const {
        const pipe_rates* const its = sampler_.rates(p.name);
        switch (by) {
            case order::name: return 0;  // they come sorted by name
            case order::depth:
                return static_cast<double>(p.depth_packets) /
                       static_cast<double>(p.capacity_packets);
            case order::in: return its ? its->in : 0;
            case order::out: return its ? its->out : 0;
        }
        return 0;
    }

    void add_row(const pipe_status& p, table& into) const {
        const pipe_rates* const its = sampler_.rates(p.name);
        const std::string waiting =
            (p.waiting_readers.empty() ? "" : std::to_string(p.waiting_readers.size()) + " r ") +
            (p.waiting_writers.empty() ? "" : std::to_string(p.waiting_writers.size()) + " w");
        const style how = p.is_full() ? style::bad : style::plain;
        into.add({shown(p.name),
                  cell(bar(static_cast<double>(p.depth_packets),
                           static_cast<double>(p.capacity_packets), columns),
                       p.is_full() ? style::bad : style::good),
                  cell(depth_text(p), how), its ? rate_text(its->in) : "",
                  its ? rate_text(its->out) : "", sparkline(rates_.at(p.name), 2 * columns),
                  waiting, duration_text(p.counters.since_last_dequeue_s)});
    }

    pipe_sampler sampler_;
    std::map<std::string, std::vector<double>> rates_;  // packets in a second, the last ones
};

/// What is shown of one pool, or of all.
class view {
public:
    explicit view(const settings& s) : settings_(s) {}

    /// Looks anew: the pool may have gone, or be another one.
    void take() {
        problem_.clear();
        if (settings_.pool.empty()) return take_all();
        try {
            const look its;
            const Monitor pool(settings_.pool);
            status_ = pool.pool();
            history_.take(pool);
            processes_ = pool.processes();
            held_.take(processes_, holdings::clock::now());
            taps_ = pool.taps();
            memory_ = pool.memory();
            routes_ = routes_of(pool);
            its.expect_whole(settings_.pool);
        } catch (const std::runtime_error& failure) {
            problem_ = failure.what();
            history_ = {};
            held_ = {};
            processes_.clear();
        }
    }

    std::vector<std::string> lines(part what, order by) const {
        std::vector<std::string> all;
        const auto add = [&](const std::string& text) {
            for (std::string& line : lines_of(text)) all.push_back(std::move(line));
        };
        if (settings_.pool.empty()) {
            add(pools_table().text());
            return all;
        }
        if (!problem_.empty()) {
            add(problem_);
            return all;
        }
        add(head());
        add("");
        if (what == part::taps) {
            add(taps_text(terminal_columns()));
        } else if (what == part::memory) {
            add(table_of(memory_).text());
        } else {
            add(history_.as_table(by).text());
            all.emplace_back();
            add(table_of(processes_, held_.held_for()).text());
            if (!routes_.empty()) {
                all.emplace_back();
                add(table_of(routes_).text());
            }
        }
        return all;
    }

    /// For an output that is no terminal.
    std::string as_lines(part what) const {
        if (settings_.pool.empty()) return pools_table().text(0);
        if (!problem_.empty()) return problem_ + "\n";
        const std::string rest = what == part::taps     ? taps_text(0)
                                 : what == part::memory ? table_of(memory_).text(0)
                                                        : pipe_lines();
        return head_line() + "\n" + rest;
    }

    Val as_json() const {
        OTab t;
        if (settings_.pool.empty()) {
            t["pools"] = json_list(pools_);
            return Val(t);
        }
        if (!problem_.empty()) {
            t["problem"] = json_text(problem_);
            return Val(t);
        }
        t = json_of(status_);
        t["pipes"] = json_list(history_.sampler().pipes());
        t["processes"] = json_of_processes(processes_, held_.held_for());
        t["memory"] = json_list(memory_);
        t["taps"] = json_list(taps_);
        t["routes"] = json_list(routes_);
        return Val(t);
    }

private:
    void take_all() {
        pools_.clear();
        for (const std::string& name : Monitor::names().pools) {
            try {
                pools_.push_back(Monitor(name).pool());
            } catch (const std::exception&) {
                // `valpool ls` says what is wrong with it.
            }
        }
    }

    std::string taps_text(std::size_t columns) const {
        return taps_.empty() ? "no taps\n" : table_of(taps_).text(columns);
    }
    std::string pipe_lines() const {
        std::string text;
        for (const pipe_status* const p : history_.sorted(order::name)) {
            const pipe_rates* const its = history_.sampler().rates(p->name);
            text +=
                shown(p->name) + " " + std::to_string(p->depth_packets) + "/" +
                std::to_string(p->capacity_packets) +
                (its ? " in " + rate_text(its->in) + "/s out " + rate_text(its->out) + "/s" : "") +
                "\n";
        }
        return text;
    }

    std::string head_line() const {
        return shown(status_.name) + ": " + state_of(status_).text + ", " +
               bytes_text(static_cast<double>(status_.used_bytes)) + " of " +
               bytes_text(static_cast<double>(status_.total_bytes)) + " used, " +
               counted(status_.living_processes, "process") + ", " +
               counted(status_.recoveries, "repair");
    }
    std::string head() const {
        constexpr std::size_t columns = 20;
        return head_line() + "\nmemory " +
               bar(static_cast<double>(status_.used_bytes),
                   static_cast<double>(status_.total_bytes), columns) +
               "\n";
    }

    table pools_table() const {
        table all({{"POOL", align::left, column::narrow::shrinks},
                   {"", align::left, column::narrow::goes},
                   {"USED", align::right},
                   {"OF", align::right},
                   {"PIPES", align::right, column::narrow::goes},
                   {"PROCESSES", align::right, column::narrow::goes},
                   {"STATE"}});
        constexpr std::size_t columns = 10;
        for (const pool_status& p : pools_)
            all.add({shown(p.name),
                     bar(static_cast<double>(p.used_bytes), static_cast<double>(p.total_bytes),
                         columns),
                     bytes_text(static_cast<double>(p.used_bytes)),
                     bytes_text(static_cast<double>(p.total_bytes)), std::to_string(p.pipes),
                     std::to_string(p.living_processes), state_of(p)});
        return all;
    }

    const settings& settings_;
    std::string problem_;
    pool_status status_;
    pipe_history history_;
    boost::container::vector<process_status> processes_;
    holdings held_;
    boost::container::vector<tap_status> taps_;
    boost::container::vector<memory_class> memory_;
    std::vector<route_status> routes_;
    boost::container::vector<pool_status> pools_;
};

int print_lines(const settings& s, view& its) {
    for (std::size_t i = 0; s.count == 0 || i < s.count; ++i) {
        if (i != 0 && !sleep_unless_interrupted(s.interval_s)) return interrupted_exit_code();
        its.take();
        if (s.as_json)
            print_json(its.as_json());
        else
            print(its.as_lines(part_of(s.shows)));
        if (was_interrupted()) return interrupted_exit_code();
    }
    return exit_done;
}

struct choices {
    part shown = part::pipes;
    order by = order::name;
    bool is_paused = false;
};

/// False when the key ends it.
bool obey(char key, choices& now) {
    if (key == 'q' || key == 'Q') return false;
    order& by = now.by;
    if (key == 's')
        by = by == last_order ? order::name : static_cast<order>(static_cast<int>(by) + 1);
    if (key == ' ') now.is_paused = !now.is_paused;
    for (const part_name& p : parts)
        if (key == p.key) now.shown = p.what;
    return true;
}

std::string status_line(const settings& s, const choices& now) {
    std::string text = std::string("q quits   space ") + (now.is_paused ? "goes on" : "pauses");
    if (!s.pool.empty())
        text += std::string("   s sorts by ") + name_of(now.by) + "   p pipes  t taps  m memory";
    return styled(text, style::dim);
}

int show_live(const settings& s, view& its) {
    const live_screen screen;
    choices now;
    now.shown = part_of(s.shows);
    for (std::size_t i = 0; (s.count == 0 || i < s.count) && !was_interrupted(); ++i) {
        if (!now.is_paused) its.take();
        std::vector<std::string> lines = its.lines(now.shown, now.by);
        lines.insert(lines.begin(), status_line(s, now));
        screen.show(lines);
        if (!obey(screen.key(s.interval_s), now)) return exit_done;
    }
    return interrupted_exit_code();
}

int watch(const settings& s) {
    part_of(s.shows);                        // for its message
    if (!s.pool.empty()) open_pool(s.pool);  // for its message, when there is none
    view its(s);
    return is_terminal() && !s.as_json ? show_live(s, its) : print_lines(s, its);
}

}  // namespace

void add_top(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("top", "shows a pool, or all pools, live; q quits",
                                 [s] { return watch(*s); }));
    c.optional_word("POOL", s->pool, "name of the pool; all pools without it");
    c.seconds("--interval", s->interval_s, {0.05, 3600}, "between two looks (default 1)");
    c.option("--show", s->shows, "WHAT", "of the pool: pipes, taps or memory (default pipes)");
    c.option("-n,--count", s->count, {1}, "end after so many looks");
    c.json_flag(s->as_json);
}

}  // namespace tool
