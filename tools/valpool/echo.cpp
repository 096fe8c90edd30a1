// valpool echo: what passes a pipe, through a tap.

#include "attach.hpp"
#include "command_set.hpp"
#include "look.hpp"
#include "values_text.hpp"
#include "words.hpp"

#include <valpool/json.hpp>
#include <valpool/tab.hpp>
#include <valpool/tap.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool, pipe, field;
    std::size_t count = 0;  // 0: no limit
    std::size_t every = 1;
    std::size_t depth = 1024;
    std::size_t most_bytes = 0;
    std::size_t most_elements = 100;
    bool shows_rate = false;
    bool shows_all = false;
    bool as_json = false;
    double timeout_s = no_timeout;
};

/// What was seen, and what is printed of it.
class watcher {
public:
    explicit watcher(const settings& s) : settings_(s) {
        if (!s.field.empty()) path_.emplace(s.field);
    }

    /// False when that was the last one to print.
    bool see(const Val& packet) {
        ++seen_;
        if (settings_.shows_rate || (seen_ - 1) % settings_.every != 0) return true;
        const Val* const part = path_ ? path_->find(packet) : &packet;
        if (!part) {
            ++without_field_;
            return true;
        }
        print(
            (settings_.as_json
                 ? json_line(*part)
                 : shown_packet(*part, false, settings_.shows_all ? 0 : settings_.most_elements)) +
            "\n");
        return ++printed_ != settings_.count;
    }

    /// False when that was the last one to print.
    bool tell_rate(std::uint64_t missed, double passed_s) {
        const auto passed = static_cast<double>(seen_ + missed - told_);
        told_ = seen_ + missed;
        OTab t;
        t["packets_per_s"] = passed / passed_s;
        t["packets"] = seen_;
        t["missed"] = missed;
        if (settings_.as_json)
            print(to_json(Val(t)) + "\n");
        else
            print(rate_text(passed / passed_s) + " packets/s, " + std::to_string(seen_) +
                  " seen, " + std::to_string(missed) + " missed\n");
        return ++printed_ != settings_.count;
    }

    void say_what_was_seen(std::uint64_t missed) const {
        std::string text = "saw " + counted(seen_, "packet") + ", missed " + std::to_string(missed);
        if (without_field_ != 0)
            text +=
                "; " + std::to_string(without_field_) + " had no field " + shown(settings_.field);
        if (missed != 0) text += "; a larger --depth misses less";
        complain(text);
    }

private:
    const settings& settings_;
    std::optional<field_path> path_;
    std::uint64_t seen_ = 0;
    std::uint64_t printed_ = 0;
    std::uint64_t told_ = 0;
    std::uint64_t without_field_ = 0;
};

/// Until a signal comes, the output is closed, enough has been printed, or nothing comes in time.
int watch_packets(const settings& s, Tap& tap, watcher& its) {
    constexpr double slice_s = 0.1;
    constexpr double rate_period_s = 1;
    time_limit limit(s.timeout_s);
    time_limit second(rate_period_s);
    while (!was_interrupted()) {
        Val packet;
        if (tap.next(std::min(slice_s, std::max(second.left_s(), 0.0)), packet)) {
            limit = time_limit(s.timeout_s);
            if (!its.see(packet)) return exit_done;
        } else if (limit.has_passed()) {
            complain("nothing passed " + shown(s.pipe) + " for " + duration_text(s.timeout_s));
            return exit_timed_out;
        }
        if (!is_output_open()) throw output_closed();
        if (!second.has_passed()) continue;
        const double passed_s = rate_period_s - second.left_s();
        second = time_limit(rate_period_s);
        if (s.shows_rate && !its.tell_rate(tap.missed(), passed_s)) return exit_done;
    }
    return interrupted_exit_code();
}

int echo(const settings& s) {
    watcher its(s);
    open_pool(s.pool);  // for its message, when there is none
    Tap tap(s.pool, s.pipe, s.depth, s.most_bytes);
    int code = exit_done;
    try {
        code = watch_packets(s, tap, its);
    } catch (const PoolRetired&) {
        complain("the pool has been retired");
    } catch (const output_closed&) {
        // What it has seen is told all the same.
    }
    its.say_what_was_seen(tap.missed());
    return code;
}

}  // namespace

void add_echo(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("echo", "shows what passes a pipe, and takes nothing",
                                 [s] { return echo(*s); }));
    c.pool_and_pipe(s->pool, s->pipe);
    c.option("-n,--count", s->count, {1}, "end after so many lines");
    c.flag("--rate", s->shows_rate, "print packets a second instead of packets");
    c.option("--every", s->every, {1}, "print one packet of so many");
    c.option("--field", s->field, "PATH", "print only this part, such as a.b[3]");
    c.option("--depth", s->depth, {1, 1 << 24},
             "how many packets are kept until they are printed (default 1024)");
    c.option("--bytes", s->most_bytes, {}, "and how much memory these may have (default: any)");
    c.flag("--all", s->shows_all, "print long lists and arrays in full");
    c.timeout(s->timeout_s, "give up when nothing has passed for so long");
    c.json_flag(s->as_json);
}

}  // namespace tool
