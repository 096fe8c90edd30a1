// valpool get: takes packets out of a pipe, and prints them as lines of JSON.

#include "attach.hpp"
#include "command_set.hpp"
#include "look.hpp"
#include "values_text.hpp"
#include "words.hpp"

#include <valpool/lease.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool, pipe;
    std::size_t count = 0;  // 0: what is there
    bool follows = false;
    bool acknowledges = false;
    bool is_for_people = false;
    double timeout_s = no_timeout;

    bool waits() const noexcept { return follows || count != 0; }
};

std::string line_of(const settings& s, const Val& packet) {
    return (s.is_for_people ? shown_packet(packet, false, 0) : json_line(packet)) + "\n";
}

/// What has been taken is never lost: if it cannot be printed as it should be, it is printed
/// otherwise.
void print_taken(const settings& s, const Val& packet) {
    std::string line;
    try {
        line = line_of(s, packet);
    } catch (const std::logic_error& wrong) {
        throw std::runtime_error(std::string("a packet that was taken cannot be printed: ") +
                                 wrong.what() + "\nit is " + shown_packet(packet, false, 0));
    }
    try {
        print(line);
    } catch (const std::exception& failure) {
        complain(std::string(failure.what()) + "; the packet that was taken last is\n" + line +
                 "with --ack it would have stayed in the pipe");
        throw;
    }
}

enum class taken { one, none };

taken take_for_good(CQ& pipe, const settings& s, double wait_s) {
    Val packet;
    if (!pipe.dequeue(wait_s, packet)) return taken::none;
    print_taken(s, packet);
    return taken::one;
}

/// If anything goes wrong before the line has been written, the packet stays in the pipe.
taken take_by_lease(CQ& pipe, const settings& s, double wait_s) {
    Lease lease = pipe.lease(wait_s);
    if (!lease) return taken::none;
    print(line_of(s, lease.value()));
    lease.ack();
    return taken::one;
}

/// The output may have been closed while this waits for a packet: then it must not take one.
taken take_while_output_is_open(CQ& pipe, const settings& s, double wait_s) {
    constexpr double slice_s = 0.2;
    const time_limit limit(wait_s);
    while (!was_interrupted()) {
        if (!is_output_open()) throw output_closed();
        const double wait = std::clamp(limit.left_s(), 0.0, slice_s);
        const taken result =
            s.acknowledges ? take_by_lease(pipe, s, wait) : take_for_good(pipe, s, wait);
        if (result == taken::one || limit.has_passed()) return result;
    }
    return taken::none;
}

int nothing_came(const settings& s, std::size_t count) {
    if (was_interrupted()) return interrupted_exit_code();
    if (!s.waits()) {
        if (count == 0) complain("no packet waits in " + shown(s.pipe));
        return exit_done;
    }
    complain("no packet came for " + duration_text(s.timeout_s) + ": `valpool why " +
             shown(s.pool) + " " + shown(s.pipe) + "` may say why");
    return exit_timed_out;
}

int take_packets(CQ& pipe, const settings& s) {
    const std::size_t most = s.count == 0 ? std::numeric_limits<std::size_t>::max() : s.count;
    for (std::size_t count = 0; count < most; ++count) {
        const double wait_s = s.waits() ? s.timeout_s : 0.0;
        try {
            if (take_while_output_is_open(pipe, s, wait_s) == taken::none)
                return nothing_came(s, count);
        } catch (const PoolRetired&) {
            if (s.follows) return exit_done;  // the pool's main has ended, and all has been read
            throw;
        }
    }
    return exit_done;
}

/// Without waiting: throws when there is no such pipe.
void expect_pipe(const settings& s) {
    const Monitor pool = open_pool(s.pool);
    const auto pipes = pool.pipes();
    if (std::none_of(pipes.begin(), pipes.end(),
                     [&](const pipe_status& p) { return p.name == s.pipe; }))
        throw_no_pipe(pool, s.pool, s.pipe);
}

int get(const settings& s) {
    if (!s.waits()) expect_pipe(s);
    const start_watch watch(
        s.timeout_s, "pipe \"" + shown(s.pipe) + "\" of memory pool \"" + shown(s.pool) + "\"");
    ClientSide client(s.pool, s.pipe, watch, poll_us);
    if (!start_side(client, watch)) {
        if (was_interrupted()) return interrupted_exit_code();
        complain("there was no such pool or pipe for " + duration_text(s.timeout_s) +
                 ": `valpool ls` lists the pools");
        return exit_timed_out;
    }
    return take_packets(client.pipe(), s);
}

}  // namespace

void add_get(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("get",
                                 "takes packets out of a pipe and prints them as lines of JSON",
                                 [s] { return get(*s); }));
    c.pool_and_pipe(s->pool, s->pipe);
    c.option("-n,--count", s->count, {1},
             "wait until so many packets have come; without it, take those that are there");
    c.flag("--follow", s->follows, "go on until Ctrl-C, or until the pool is retired");
    c.exclude("--follow", "--count");
    c.flag("--ack", s->acknowledges,
           "take by lease, and acknowledge when the line has been written: a packet whose line "
           "was not stays in the pipe");
    c.flag("--text", s->is_for_people, "print Python literals instead of JSON");
    c.timeout(s->timeout_s, "give up when nothing has come for so long");
}

}  // namespace tool
