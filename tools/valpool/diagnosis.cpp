#include "diagnosis.hpp"

#include "look.hpp"
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

std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (std::size_t i = 0; i < parts.size(); ++i)
        all += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return all;
}

class doctor {
public:
    doctor(const pool_picture& seen, const diagnosis_options& options)
        : seen_(seen), options_(options) {}

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
        return std::move(found_);
    }

private:
    // --- processes -----------------------------------------------------------------------------

    const process_status* process_of(int pid) const {
        for (const process_status& p : seen_.processes)
            if (p.pid == pid && !p.is_parent_of_holders) return &p;
        return nullptr;
    }
    std::string who(int pid) const {
        const process_status* const p = process_of(pid);
        return "pid " + (p ? process_text(*p) : std::to_string(pid));
    }
    /// What keeps a process from doing its part; empty: nothing that can be seen.
    std::string obstacle_of(int pid) const {
        const process_status* const p = process_of(pid);
        if (!p) return "has left the pool";
        if (!p->is_alive) return "has died";
        if (p->state == 't') return "is stopped by a debugger (t)";
        if (p->is_stopped()) return "is stopped (T)";
        if (p->state == 'Z') return "has ended, and its parent has not noticed (Z)";
        if (p->state == 'D') return "waits for a disk or a network drive (D)";
        return "";
    }
    static std::string cure_of(const std::string& obstacle, int pid) {
        const std::string number = std::to_string(pid);
        if (obstacle == "is stopped (T)")
            return "`kill -CONT " + number + "` lets it go on; `kill -KILL " + number + "` ends it";
        if (obstacle == "has left the pool") return "start a new one";
        return "";
    }
    /// What it waits for instead, at another pipe: "itself waits for room in q".
    std::string other_wait_of(int pid, const std::string& except) const {
        const auto has = [pid](const auto& pids) {
            return std::find(pids.begin(), pids.end(), pid) != pids.end();
        };
        for (const pipe_status& p : seen_.pipes) {
            if (p.name == except) continue;
            if (has(p.waiting_writers)) return "itself waits for room in " + shown(p.name);
            if (has(p.waiting_readers)) return "itself waits for a packet in " + shown(p.name);
        }
        return "";
    }

    // --- the pool ------------------------------------------------------------------------------

    void look_at_repair() {
        const int repairing = seen_.pool.repairing_pid;
        if (repairing != 0 && !obstacle_of(repairing).empty())
            add({"repair_stopped",
                 who(repairing) + " " + obstacle_of(repairing) +
                     " in the middle of a repair: nobody can use the pool before it goes on",
                 cure_of(obstacle_of(repairing), repairing),
                 "",
                 {repairing}});
        const int delaying = seen_.pool.delaying_pid;
        if (delaying != 0 && delaying != repairing && process_of(delaying))
            add({"repair_delayed",
                 who(delaying) + " " +
                     (obstacle_of(delaying).empty() ? "is" : obstacle_of(delaying)) +
                     " in the middle of an operation: what dead processes held cannot be taken "
                     "back before it goes on",
                 cure_of("is stopped (T)", delaying),
                 "",
                 {delaying}});
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

    void add_holder(const process_status& p) {
        std::string text = "pid " + process_text(p) + " holds " +
                           bytes_of_total(p.held_bytes + p.raw_bytes, seen_.pool.total_bytes) +
                           " in " + counted(p.held_boxes, "box");
        if (p.since_last_packet_s >= 1)
            text +=
                ", and has not put or taken a packet for " + duration_text(p.since_last_packet_s);
        const std::string obstacle = obstacle_of(p.pid);
        if (!obstacle.empty()) text += "; it " + obstacle;
        add({"process_holds_memory", text, cure_of(obstacle, p.pid), "", {p.pid}});
    }

    void look_at_the_dead() {
        for (const process_status& p : seen_.processes) {
            if (p.is_alive || p.is_parent_of_holders) continue;
            add({"dead_process",
                 "pid " + std::to_string(p.pid) +
                     " has died, and nobody has cleaned up after it: " +
                     bytes_of_total(p.held_bytes + p.raw_bytes, seen_.pool.total_bytes) + " in " +
                     counted(p.held_boxes, "box") + " and " + counted(p.leased_packets, "lease"),
                 "whoever waits next does it; `valpool gc " + shown(seen_.pool.name) +
                     "` does it now",
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
        add_partner(p, p.last_reader_pid, "reader", f);
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
        add_partner(p, p.last_writer_pid, "writer", f);
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
        add_partner(p, p.last_reader_pid, "reader", f);
        add(std::move(f));
    }

    void look_at_leases(const pipe_status& p) {
        finding f{"leases_held", "", "", p.name, {}};
        f.text = counted(p.leased_packets, "packet") + " of " + shown(p.name) +
                 (p.leased_packets == 1 ? " is" : " are") + " leased and not acknowledged, by " +
                 holders_of_leases(p, f.pids);
        bool is_stuck = false;
        for (const int pid : f.pids) {
            const std::string obstacle = obstacle_of(pid);
            if (obstacle.empty()) continue;
            is_stuck = true;
            f.text += "; pid " + std::to_string(pid) + " " + obstacle;
            f.advice = cure_of(obstacle, pid);
        }
        // A worker that works on its job is as it should be.
        if (is_stuck || !options_.pipe.empty()) add(std::move(f));
    }

    std::string holders_of_leases(const pipe_status& p, std::vector<int>& pids) const {
        std::vector<std::string> names;
        for (const int pid : std::set<int>(p.lease_holders.begin(), p.lease_holders.end())) {
            names.push_back(who(pid));
            pids.push_back(pid);
        }
        return joined(names);
    }

    /// Says what is wrong with the process that should read, or write.
    void add_partner(const pipe_status& p, int pid, const std::string& role, finding& f) const {
        if (pid == 0) return add_holders(p, role, f);
        f.pids.push_back(pid);
        const std::string obstacle = obstacle_of(pid);
        const std::string wait = other_wait_of(pid, p.name);
        f.text += "; its last " + role + ", " + who(pid) + ", ";
        if (!obstacle.empty())
            f.text += obstacle;
        else if (!wait.empty())
            f.text += wait;
        else
            f.text += "is alive and does something else";
        f.advice = cure_of(obstacle, pid);
    }

    /// Nobody has read it ever: those that have it open may be about to.
    void add_holders(const pipe_status& p, const std::string& role, finding& f) const {
        std::vector<std::string> holders;
        for (const process_status& its : seen_.processes) {
            if (std::find(its.open_pipes.begin(), its.open_pipes.end(), p.name) ==
                its.open_pipes.end())
                continue;
            if ((role == "reader" && its.pid == p.last_writer_pid) ||
                (role == "writer" && its.pid == p.last_reader_pid))
                continue;
            const std::string obstacle = obstacle_of(its.pid);
            holders.push_back(who(its.pid) + (obstacle.empty() ? "" : ", which " + obstacle));
            if (!obstacle.empty()) f.advice = cure_of(obstacle, its.pid);
            f.pids.push_back(its.pid);
        }
        if (holders.empty())
            f.text += "; no process that could be its " + role + " has it open";
        else
            f.text += "; it is open in " + joined(holders);
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
            names.push_back(who(pid));
        }
        if (!names.empty())
            f.text += "; " + joined(names) + (waiting.size() == 1 ? " waits" : " wait") + what;
    }

    void add(finding f) { found_.push_back(std::move(f)); }

    const pool_picture& seen_;
    const diagnosis_options& options_;
    std::vector<finding> found_;
};

}  // namespace

pool_picture picture_of(const Monitor& pool) {
    return {pool.pool(), pool.pipes(), pool.processes()};
}

std::vector<finding> diagnose(const pool_picture& seen, const diagnosis_options& options) {
    return doctor(seen, options).run();
}

}  // namespace tool
