#include "diagnosis.hpp"

#include "look.hpp"
#include "pipe_side.hpp"
#include "process_words.hpp"
#include "words.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace tool {

using namespace valpool;

namespace {

std::string bytes_of_total(std::size_t part, std::size_t whole) {
    return bytes_text(static_cast<double>(part)) + " of " + bytes_text(static_cast<double>(whole));
}

class doctor {
public:
    doctor(const pool_picture& seen, const diagnosis_options& options)
        : seen_(seen), options_(options), words_(seen) {}

    std::vector<finding> run() {
        look_at_repair();
        look_at_main();
        // Nobody is there who could do, or wait for, anything.
        if (seen_.pool.is_left_over()) return std::move(found_);
        look_at_memory();
        look_at_the_dead();
        look_at_places();
        for (const pipe_status& p : seen_.pipes)
            if (options_.pipe.empty() || p.name == options_.pipe) look_at_pipe(p);
        look_at_the_stopped();
        for (const route_status& r : seen_.routes) look_at(r);
        return std::move(found_);
    }

private:
    // --- the pool ------------------------------------------------------------------------------

    void look_at_repair() {
        const int repairing = seen_.pool.repairing_pid;
        if (repairing != 0 && !words_.obstacle_of(repairing).empty())
            add({"repair_stopped",
                 words_.who(repairing) + " " + words_.obstacle_of(repairing) +
                     " in the middle of a repair: nobody can use the pool before it goes on",
                 words_.cure_of(repairing),
                 "",
                 {repairing}});
        const int delaying = seen_.pool.delaying_pid;
        if (delaying != 0 && delaying != repairing && words_.find(delaying)) {
            const std::string obstacle = words_.obstacle_of(delaying);
            add({"repair_delayed",
                 words_.who(delaying) + " " + (obstacle.empty() ? "is" : obstacle) +
                     " in the middle of an operation: what dead processes held cannot be taken "
                     "back before it goes on",
                 words_.cure_of(delaying),
                 "",
                 {delaying}});
        }
    }

    void look_at_main() {
        const pool_status& p = seen_.pool;
        const std::string name = shown(p.name);
        if (p.is_retired) {
            add({"retired",
                 "the pool is retired: its main has ended, and who waits there for a packet or "
                 "for room gets an error",
                 "end the programs that still use it, or let them restart(); a new main makes a "
                 "new pool",
                 "",
                 {}});
        } else if (p.is_left_over()) {
            add({"left_over",
                 "nobody uses the pool, and it was not kept: it is left over",
                 "`valpool rm " + name + "` frees its memory",
                 "",
                 {}});
        } else if (!p.has_main && p.is_used) {
            add({"no_main",
                 "nobody has the pool's main" +
                     (p.main_pid == 0
                          ? ""
                          : " (the last one was pid " + std::to_string(p.main_pid) + ")") +
                     ": its users go on, but nobody removes it in the end",
                 "`valpool main " + name + " " + std::to_string(p.asked_bytes) + "` takes it up",
                 "",
                 {}});
        }
    }

    bool is_nearly_full() const {
        const pool_status& p = seen_.pool;
        const std::size_t values = p.used_bytes - std::min(p.used_bytes, p.system_bytes);
        constexpr double nearly = 0.9;
        return static_cast<double>(values) >= nearly * static_cast<double>(p.asked_bytes) ||
               p.biggest_free_bytes < p.asked_bytes / 100;
    }

    void look_at_memory() {
        if (!is_nearly_full()) return;
        const pool_status& p = seen_.pool;
        add({"pool_full",
             "the pool is full: " + bytes_of_total(p.used_bytes, p.total_bytes) +
                 " are used, and the largest free piece has " +
                 bytes_text(static_cast<double>(p.biggest_free_bytes)),
             "",
             "",
             {}});
        constexpr double large = 0.1;  // of the pool
        for (const process_status& its : seen_.processes)
            if (static_cast<double>(its.held_bytes + its.raw_bytes) >=
                large * static_cast<double>(p.asked_bytes))
                add_holder(its);
        for (const pipe_status& its : seen_.pipes)
            if (static_cast<double>(its.waiting_bytes) >=
                large * static_cast<double>(p.asked_bytes))
                add({"pipe_holds_memory",
                     counted(its.depth_packets, "packet") + " that wait in " + shown(its.name) +
                         " have " + bytes_of_total(its.waiting_bytes, p.total_bytes),
                     "",
                     its.name,
                     {}});
    }

    std::string held_for_text(const process_status& p) const {
        const held_time* const known = find_held(seen_.held_for, p);
        return known ? " for " + text_of(*known) : "";
    }

    std::string held_text(const process_status& p) const {
        return bytes_of_total(p.held_bytes + p.raw_bytes, seen_.pool.total_bytes) + " in " +
               counted(p.held_boxes, "box");
    }

    void add_holder(const process_status& p) {
        if (p.is_parent_of_holders) return add_children(p);
        std::string text = "pid " + process_text(p) + " holds " + held_text(p) + held_for_text(p);
        if (p.since_last_packet_s >= 1)
            text +=
                ", and has not put or taken a packet for " + duration_text(p.since_last_packet_s);
        const std::string obstacle = words_.obstacle_of(p.pid);
        if (!obstacle.empty()) text += "; it " + obstacle;
        add({"process_holds_memory", text, words_.cure_of(p.pid), "", {p.pid}});
    }

    /// That they have ended is worth a word only here: most programs that fork have such children,
    /// and those mostly held what their parent holds, too.
    void add_children(const process_status& p) {
        const std::string whose = "forked children of pid " + std::to_string(p.pid);
        add({"process_holds_memory",
             p.is_alive
                 ? whose + " hold " + held_text(p)
                 : whose + " have ended, and nobody has given back what they held: " + held_text(p),
             p.is_alive ? "" : advice_to_clean_up(),
             "",
             {p.pid}});
    }

    std::string advice_to_clean_up() const {
        return "whoever waits next does it; `valpool gc " + shown(seen_.pool.name) +
               "` does it now";
    }

    void look_at_the_dead() {
        for (const process_status& p : seen_.processes) {
            if (p.is_alive || p.is_parent_of_holders) continue;
            add({"dead_process",
                 "pid " + std::to_string(p.pid) +
                     " has died, and nobody has cleaned up after it: " + held_text(p) + " and " +
                     counted(p.leased_packets, "lease"),
                 advice_to_clean_up(),
                 "",
                 {p.pid}});
        }
    }

    /// Those that no other finding names.
    void look_at_the_stopped() {
        for (const process_status& p : seen_.processes) {
            if (!p.is_stopped() || p.is_parent_of_holders) continue;
            if (!options_.pipe.empty() && !words_.has_open(p, options_.pipe)) continue;
            const auto names_it = [&](const finding& f) {
                return std::find(f.pids.begin(), f.pids.end(), p.pid) != f.pids.end();
            };
            if (std::any_of(found_.begin(), found_.end(), names_it)) continue;
            add({"process_stopped",
                 words_.who(p.pid) + " " + words_.obstacle_of(p.pid),
                 words_.cure_of(p.pid),
                 "",
                 {p.pid}});
        }
    }

    void look_at_places() {
        if (seen_.pool.threads < seen_.pool.thread_places) return;
        add({"no_places",
             "all " + std::to_string(seen_.pool.thread_places) +
                 " places for threads are taken: no further thread can use the pool",
             "end some, or make a larger pool: it has more",
             "",
             {}});
    }

    // --- pipes ---------------------------------------------------------------------------------

    void look_at_pipe(const pipe_status& p) {
        if (p.is_full())
            look_at_full(p);
        else if (p.depth_packets == 0 && !p.waiting_readers.empty())
            look_at_empty(p);
        else if (p.depth_packets != 0 && p.counters.since_last_dequeue_s >= options_.after_s &&
                 p.counters.since_last_enqueue_s >= options_.after_s)
            look_at_unread(p);
        if (p.leased_packets != 0 && !p.is_full()) look_at_leases(p);
    }

    bool moves(double since_s) const { return since_s < options_.after_s; }

    /// "and nobody has read it for 12 s", "and nobody has ever read it".
    static std::string since_text(double since_s, const char* done, const char* did_ever) {
        if (std::isinf(since_s)) return std::string("nobody has ever ") + did_ever;
        return std::string("nobody has ") + done + " for " + duration_text(since_s);
    }

    void look_at_full(const pipe_status& p) {
        if (moves(p.counters.since_last_dequeue_s)) return;
        finding f{"pipe_full", shown(p.name) + " is full (" + depth_text(p) + ")", "", p.name, {}};
        if (p.leased_packets != 0)
            f.text += ", " + std::to_string(p.leased_packets) + " more leased by " +
                      holders_of_leases(p, f.pids);
        f.text += " and " + since_text(p.counters.since_last_dequeue_s, "read it", "read it");
        pipe_side::readers(seen_, p).explain(f);
        add_waiting(p.waiting_writers, " for room", f);
        add(std::move(f));
    }

    void look_at_empty(const pipe_status& p) {
        if (moves(p.counters.since_last_enqueue_s)) return;
        finding f{"pipe_empty",
                  shown(p.name) + " is empty and " +
                      since_text(p.counters.since_last_enqueue_s, "written to it", "written to it"),
                  "",
                  p.name,
                  {}};
        pipe_side::writers(seen_, p).explain(f);
        add_waiting(p.waiting_readers, " for a packet", f);
        add(std::move(f));
    }

    void look_at_unread(const pipe_status& p) {
        finding f{"pipe_unread",
                  counted(p.depth_packets, "packet") + (p.depth_packets == 1 ? " waits" : " wait") +
                      " in " + shown(p.name) + " and " +
                      since_text(p.counters.since_last_dequeue_s, "read it", "read it"),
                  "",
                  p.name,
                  {}};
        pipe_side::readers(seen_, p).explain(f);
        add(std::move(f));
    }

    void look_at_leases(const pipe_status& p) {
        finding f{"leases_held", "", "", p.name, {}};
        f.text = counted(p.leased_packets, "packet") + " of " + shown(p.name) +
                 (p.leased_packets == 1 ? " is" : " are") + " leased and not acknowledged, by " +
                 holders_of_leases(p, f.pids);
        bool is_stuck = false;
        for (const int pid : f.pids) {
            const std::string obstacle = words_.obstacle_of(pid);
            if (obstacle.empty()) continue;
            is_stuck = true;
            f.text += "; pid " + std::to_string(pid) + " " + obstacle;
            f.advice = words_.cure_of(pid);
        }
        // A worker that works on its job is as it should be.
        if (is_stuck || !options_.pipe.empty()) add(std::move(f));
    }

    std::string holders_of_leases(const pipe_status& p, std::vector<int>& pids) const {
        std::vector<std::string> names;
        for (const int pid : std::set<int>(p.lease_holders.begin(), p.lease_holders.end())) {
            names.push_back(words_.who(pid));
            pids.push_back(pid);
        }
        return joined(names);
    }

    void add_waiting(const boost::container::vector<int>& pids, const char* what,
                     finding& f) const {
        const std::set<int> waiting(pids.begin(), pids.end());
        std::vector<std::string> names;
        constexpr std::size_t most = 5;
        for (const int pid : waiting) {
            if (names.size() == most) {
                names.push_back(std::to_string(waiting.size() - most) + " more");
                break;
            }
            names.push_back(words_.who(pid));
        }
        if (!names.empty())
            f.text += "; " + joined(names) + (waiting.size() == 1 ? " waits" : " wait") + what;
    }

    void look_at(const route_status& r) {
        if (!options_.pipe.empty() && r.pipe != options_.pipe) return;
        const std::string route = "the route " + route_text(r);
        const std::string last =
            r.trouble.empty() ? "" : "; the last trouble was: " + shown(r.trouble);
        if (!r.is_connected)
            add({"route_is_down",
                 route + " has no connection" + last,
                 "look whether the broker is there, and whether this host reaches it",
                 r.pipe,
                 {r.pid}});
        else if (r.waiting_s > options_.after_s && !r.is_out())
            add({"route_waits",
                 route + " has waited for room in pipe " + shown(r.pipe) + ", or for memory, for " +
                     duration_text(r.waiting_s) + last,
                 "let somebody read the pipe",
                 r.pipe,
                 {r.pid}});
        else if (r.waiting_s > options_.after_s)
            add({"route_is_held_up",
                 "nothing of what the route " + route_text(r) +
                     " has taken has been confirmed for " + duration_text(r.waiting_s) + last,
                 "look at the route's other end, which may be missing or full",
                 r.pipe,
                 {r.pid}});
    }

    void add(finding f) { found_.push_back(std::move(f)); }

    const pool_picture& seen_;
    const diagnosis_options& options_;
    process_words words_;
    std::vector<finding> found_;
};

}  // namespace

pool_picture picture_of(const Monitor& pool) {
    return {pool.pool(), pipes_of(pool), pool.processes(), {}, routes_of(pool)};
}

std::vector<finding> diagnose(const pool_picture& seen, const diagnosis_options& options) {
    return doctor(seen, options).run();
}

}  // namespace tool
