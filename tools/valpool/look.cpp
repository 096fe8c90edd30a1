#include "look.hpp"

#include "routes.hpp"

#include "cut_files.hpp"
#include "words.hpp"

#include <array>
#include <fstream>
#include <stdexcept>
#include <vector>

#include <pwd.h>
#include <unistd.h>

namespace tool {

using namespace valpool;

namespace {

/// What can be tried when a pool could not be opened.
std::string advice_for(const std::string& name) {
    if (access(("/dev/shm/" + name).c_str(), F_OK) != 0)
        return "\n`valpool ls` lists the pools of this machine; `valpool main NAME BYTES` makes "
               "one";
    if (access(("/dev/shm/" + name).c_str(), R_OK) != 0)
        return "\nit belongs to somebody else: try again as that user, or as root";
    return "\nif it is a damaged pool, end the programs that use it; then `valpool rm --damaged " +
           shown(name) + "` removes it";
}

std::string name_of_process(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(file, name);
    return shown(name);
}

std::string taken_text(const pipe_status& p) {
    std::string text;
    if (p.leased_packets != 0) text += std::to_string(p.leased_packets) + " leased";
    if (p.returned_packets != 0)
        text += (text.empty() ? "" : ", ") + std::to_string(p.returned_packets) + " again";
    return text;
}

std::string waiters_text(const pipe_status& p) {
    std::string text;
    if (!p.waiting_readers.empty()) text += std::to_string(p.waiting_readers.size()) + " r";
    if (!p.waiting_writers.empty())
        text += (text.empty() ? "" : " ") + std::to_string(p.waiting_writers.size()) + " w";
    return text;
}

/// 0 as nothing, so that what matters is seen.
}  // namespace

std::string unless_none(std::uint64_t count) { return count == 0 ? "" : std::to_string(count); }

Monitor open_pool(const std::string& name) {
    try {
        return Monitor(name);
    } catch (const std::runtime_error& failure) {
        throw std::runtime_error(failure.what() + advice_for(name));
    }
}

void throw_no_pipe(const Monitor& pool, const std::string& name, const std::string& pipe) {
    std::string message = "memory pool \"" + shown(name) + "\" has no pipe \"" + shown(pipe) + "\"";
    const auto pipes = pipes_of(pool);
    if (pipes.empty())
        throw std::runtime_error(message + "; it has none yet. `valpool pipe make` makes one");
    message += "\nits pipes are:";
    constexpr std::size_t most = 20;
    for (std::size_t i = 0; i < std::min(pipes.size(), most); ++i)
        message += " " + shown(pipes[i].name);
    throw std::runtime_error(message + (pipes.size() > most ? " ..." : ""));
}

std::vector<listed_pool> look_at_all(const pool_names& names) {
    std::vector<listed_pool> all;
    for (const std::string& name : names.pools) {
        listed_pool& found = all.emplace_back(listed_pool{name, {}, ""});
        try {
            const look its;
            found.status = Monitor(name).pool();
            its.expect_whole(name);
        } catch (const std::exception& failure) {
            found.status.reset();
            found.problem = failure.what();
        }
    }
    return all;
}

cell state_of(const pool_status& p) {
    if (p.repairing_pid != 0) return {"in repair", style::warning};
    if (p.is_retired) return {"retired", style::warning};
    if (p.has_main) return {"alive", style::good};
    if (p.is_used) return {"no main", style::warning};
    if (p.is_kept) return {"kept", style::dim};
    return {"left over", style::bad};
}

std::string user_name(unsigned uid) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return shown(found->pw_name);
    return std::to_string(uid);
}

std::string pid_text(int pid) {
    if (pid == 0) return "-";
    const std::string name = name_of_process(pid);
    return std::to_string(pid) + (name.empty() ? "" : " " + name);
}

std::string process_text(const process_status& p) {
    return std::to_string(p.pid) + (p.name.empty() ? "" : " " + shown(p.name));
}

cell process_state(const process_status& p) {
    if (p.is_parent_of_holders) return {p.is_alive ? "for children" : "children ended", style::dim};
    if (!p.is_alive) return {"dead", style::bad};
    switch (p.state) {
        case 'R': return "running";
        case 'S': return "sleeping";
        case 'D': return {"waits for disk", style::warning};
        case 'T': return {"stopped (T)", style::bad};
        case 't': return {"traced (t)", style::bad};
        case 'Z': return {"zombie (Z)", style::bad};
        default: return "alive";
    }
}

std::string depth_text(const pipe_status& p) {
    return std::to_string(p.depth_packets) + " of " + std::to_string(p.capacity_packets);
}

table table_of(const boost::container::vector<pipe_status>& pipes, const rates_of& rates) {
    table all({{"PIPE", align::left, column::narrow::shrinks},
               {"DEPTH", align::right},
               {"IN", align::right, column::narrow::goes},
               {"OUT", align::right, column::narrow::goes},
               {"IN/s", align::right},
               {"OUT/s", align::right},
               {"BYTES", align::right, column::narrow::goes},
               {"LEASES", align::left, column::narrow::goes},
               {"WAITING"},
               {"DROPS", align::right},
               {"AGAIN", align::right, column::narrow::goes},
               {"TAPS", align::right, column::narrow::goes},
               {"LAST IN", align::right, column::narrow::goes},
               {"LAST OUT", align::right, column::narrow::goes}});
    for (const pipe_status& p : pipes) {
        const pipe_rates* const its = rates ? rates(p.name) : nullptr;
        all.add({shown(p.name), cell(depth_text(p), p.is_full() ? style::bad : style::plain),
                 std::to_string(p.counters.packets_in), std::to_string(p.counters.packets_out),
                 its ? rate_text(its->in) : "", its ? rate_text(its->out) : "",
                 bytes_text(static_cast<double>(p.waiting_bytes)), taken_text(p), waiters_text(p),
                 unless_none(p.counters.dropped), unless_none(p.counters.redelivered),
                 unless_none(p.taps), duration_text(p.counters.since_last_enqueue_s),
                 duration_text(p.counters.since_last_dequeue_s)});
    }
    return all;
}

table table_of(const boost::container::vector<process_status>& processes,
               const std::map<int, held_time>& held) {
    table all({{"PID", align::right},
               {"NAME", align::left, column::narrow::shrinks},
               {"STATE"},
               {"RUNNING", align::right, column::narrow::goes},
               {"THREADS", align::right, column::narrow::goes},
               {"VALUES", align::right},
               {"HOLDS", align::right},
               {"FOR", align::left, column::narrow::goes},
               {"RAW", align::right},
               {"LEASES", align::right, column::narrow::goes},
               {"LAST PACKET", align::right, column::narrow::goes},
               {"PIPES", align::left, column::narrow::shrinks}});
    for (const process_status& p : processes) {
        std::string pipes;
        for (const std::string& name : p.open_pipes)
            pipes += (pipes.empty() ? "" : " ") + shown(name);
        const held_time* const held_for = find_held(held, p);
        all.add({std::to_string(p.pid), shown(p.name), process_state(p), duration_text(p.running_s),
                 std::to_string(p.threads), std::to_string(p.held_boxes),
                 bytes_text(static_cast<double>(p.held_bytes)), held_for ? text_of(*held_for) : "",
                 p.raw_bytes == 0 ? "" : bytes_text(static_cast<double>(p.raw_bytes)),
                 unless_none(p.leased_packets),
                 p.since_last_packet_s < 0 ? "never" : duration_text(p.since_last_packet_s),
                 pipes});
    }
    return all;
}

table table_of(const boost::container::vector<memory_class>& memory) {
    table all({{"BLOCKS OF", align::right},
               {"USED", align::right},
               {"OF", align::right},
               {"BYTES USED", align::right},
               {"PAGES", align::right}});
    for (const memory_class& m : memory)
        all.add({m.block_bytes == 0 ? std::string("larger") : std::to_string(m.block_bytes),
                 std::to_string(m.used_blocks), std::to_string(m.blocks),
                 bytes_text(static_cast<double>(m.used_bytes)),
                 bytes_text(static_cast<double>(m.pages_bytes))});
    return all;
}

table table_of(const boost::container::vector<tap_status>& taps) {
    table all({{"TAP OF", align::left, column::narrow::shrinks},
               {"PROCESS"},
               {"DEPTH", align::right},
               {"STATE"}});
    for (const tap_status& t : taps)
        all.add({shown(t.pipe), pid_text(t.pid), std::to_string(t.depth_packets),
                 t.is_connected ? cell("connected") : cell("waits for the pipe", style::dim)});
    return all;
}

}  // namespace tool
