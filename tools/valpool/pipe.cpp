// valpool pipe make, pipe rm: pipes without a program that uses them.

#include "attach.hpp"
#include "command_set.hpp"
#include "look.hpp"
#include "output.hpp"
#include "words.hpp"

#include <valpool/upkeep.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool, pipe;
    int capacity = 0;
    double timeout_s = 0;
};

int make_pipe(const settings& s) {
    if (s.timeout_s == 0) open_pool(s.pool);  // for its message, when there is none
    // Without a time-out it tries once; a second is for the repair of a pool that is in use.
    const start_watch watch(std::max(s.timeout_s, 1.0), "memory pool \"" + shown(s.pool) + "\"");
    ServerSide server(s.pool, s.pipe, s.capacity, watch, poll_us);
    if (start_side(server, watch)) {
        print("pipe " + shown(s.pipe) + " has room for " +
              counted(static_cast<std::uint64_t>(s.capacity), "packet") + "\n");
        return exit_done;
    }
    if (was_interrupted()) return interrupted_exit_code();
    complain("memory pool \"" + shown(s.pool) +
             "\" could not be used: nobody uses it, or a stopped process keeps it; `valpool why " +
             shown(s.pool) + "` says more");
    return exit_timed_out;
}

const pipe_status* find(const boost::container::vector<pipe_status>& pipes,
                        const std::string& name) {
    const auto found = std::find_if(pipes.begin(), pipes.end(),
                                    [&](const pipe_status& p) { return p.name == name; });
    return found == pipes.end() ? nullptr : &*found;
}

/// Why a pipe could not be removed.
std::string obstacle_of(const Monitor& pool, const std::string& name) {
    const auto pipes = pool.pipes();
    const pipe_status* const p = find(pipes, name);
    if (!p) return "it has gone meanwhile";
    if (p->depth_packets != 0)
        return counted(p->depth_packets, "packet") + (p->depth_packets == 1 ? " waits" : " wait") +
               " in it: `valpool get " + shown(pool.pool().name) + " " + shown(name) +
               "` takes them out";
    if (p->leased_packets != 0) return "packets of it are leased";
    std::string users;
    for (const process_status& its : pool.processes())
        if (std::find(its.open_pipes.begin(), its.open_pipes.end(), name) != its.open_pipes.end())
            users += (users.empty() ? "" : ", ") + process_text(its);
    if (!users.empty()) return "it is open in " + users;
    return "a stopped process keeps the pool from it; `valpool why` says more";
}

int remove_one_pipe(const settings& s) {
    const Monitor pool = open_pool(s.pool);
    const auto pipes = pool.pipes();
    if (!find(pipes, s.pipe)) throw_no_pipe(pool, s.pool, s.pipe);
    if (!remove_pipe(s.pool, s.pipe))
        throw std::runtime_error("pipe \"" + shown(s.pipe) +
                                 "\" cannot be removed: " + obstacle_of(pool, s.pipe));
    print("removed pipe " + shown(s.pipe) + "\n");
    return exit_done;
}

}  // namespace

void add_pipe(command_set& commands) {
    CLI::App& group = commands.add_group("pipe", "makes a pipe, or removes one");
    const auto made = std::make_shared<settings>();
    command_words make(commands.add(group, "make", "makes a pipe; it stays until it is removed",
                                    [made] { return make_pipe(*made); }));
    make.pool_and_pipe(made->pool, made->pipe);
    make.number_word("CAPACITY", made->capacity, 1 << 24, "how many packets it holds");
    make.timeout(made->timeout_s, "wait so long for the pool (default 0: not at all)");
    const auto removed = std::make_shared<settings>();
    command_words rm(commands.add(group, "rm",
                                  "removes a pipe that is empty and that no process has open",
                                  [removed] { return remove_one_pipe(*removed); }));
    rm.pool_and_pipe(removed->pool, removed->pipe);
}

}  // namespace tool
