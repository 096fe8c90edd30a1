// valpool put: puts packets into a pipe, one for each line of JSON.

#include "attach.hpp"
#include "command_set.hpp"
#include "values_text.hpp"
#include "words.hpp"

#include <valpool/monitor.hpp>
#include <valpool/when_full.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool, pipe, json;
    double timeout_s = no_timeout;
    int capacity = 64;
    bool drops_oldest = false;
    bool drops_newest = false;
};

/// A pipe to put packets into: one that is there, whatever its capacity, or a new one.
class open_pipe {
public:
    explicit open_pipe(const settings& s) : settings_(s) {}

    /// False when a signal has come, or the time is over.
    bool start() { return is_there() ? start_client() : start_server(); }
    CQ& pipe() { return server_ ? server_->pipe() : client_->pipe(); }

private:
    bool is_there() const {
        try {
            const auto pipes = Monitor(settings_.pool).pipes();
            return std::any_of(pipes.begin(), pipes.end(),
                               [this](const pipe_status& p) { return p.name == settings_.pipe; });
        } catch (const std::runtime_error&) {
            return false;  // there is no pool yet; a foreign file is found by the start
        }
    }
    start_watch watch() const {
        return start_watch(settings_.timeout_s, "memory pool \"" + shown(settings_.pool) + "\"");
    }
    bool start_client() {
        const start_watch w = watch();
        client_.emplace(settings_.pool, settings_.pipe, w, poll_us);
        return start_side(*client_, w);
    }
    bool start_server() {
        const start_watch w = watch();
        server_.emplace(settings_.pool, settings_.pipe, settings_.capacity, w, poll_us);
        try {
            return start_side(*server_, w);
        } catch (const std::logic_error&) {
            // Somebody has just made it, with another capacity.
            server_.reset();
            return start_client();
        }
    }

    const settings& settings_;
    std::optional<ServerSide> server_;
    std::optional<ClientSide> client_;
};

WhenFull policy_of(const settings& s) {
    if (s.drops_oldest) return WhenFull::DropOldest;
    return s.drops_newest ? WhenFull::DropNewest : WhenFull::Wait;
}

/// False when there was no room in time.
bool put_one(CQ& pipe, const Val& packet, const settings& s, const time_limit& limit) {
    if (policy_of(s) != WhenFull::Wait) {
        pipe.enqueue(packet, policy_of(s), 0.0);
        return true;
    }
    return pipe.enqueue(packet, std::max(limit.left_s(), 0.0));
}

int gave_up(const settings& s, const std::string& what) {
    if (was_interrupted()) return interrupted_exit_code();
    complain(what + " for " + duration_text(s.timeout_s) + ": `valpool why " + shown(s.pool) +
             "` may say why");
    return exit_timed_out;
}

/// Calls put(line, number) for each line of standard input that is not empty, until it returns
/// something other than exit_done.
template <class Put>
int for_each_line_of_input(Put put) {
    std::string line;
    for (std::size_t number = 1; !was_interrupted() && std::getline(std::cin, line); ++number) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        if (const int code = put(line, number); code != exit_done) return code;
    }
    return interrupted_exit_code();
}

Val parsed(const std::string& json, std::size_t line) {
    try {
        return packet_of_json(json);
    } catch (const std::logic_error& wrong) {
        // Each line is a text of its own: that the mistake is in its line 1 says nothing.
        constexpr std::string_view in_its_first_line = "JSON, line 1, ";
        std::string why = wrong.what();
        if (line != 0 && why.compare(0, in_its_first_line.size(), in_its_first_line) == 0)
            why = "line " + std::to_string(line) + ", " + why.substr(in_its_first_line.size());
        if (json.find_first_of("{[\"") == std::string::npos)
            why += "\ntext needs its quotes: valpool put POOL PIPE '\"text\"'";
        throw std::runtime_error(why);
    }
}

int put(const settings& s) {
    const bool reads_input = s.json == "-";
    // What is wrong with the packet is said before anything is made.
    const Val only = reads_input ? Val() : parsed(s.json, 0);
    const time_limit limit(s.timeout_s);
    open_pipe target(s);
    if (!target.start()) return gave_up(s, "there was no memory pool \"" + shown(s.pool) + "\"");
    const auto put_packet = [&](const Val& packet) -> int {
        const time_limit own(reads_input ? s.timeout_s : limit.left_s());
        if (put_one(target.pipe(), packet, s, own)) return exit_done;
        return gave_up(s, shown(s.pipe) + " has had no room");
    };
    if (!reads_input) return put_packet(only);
    return for_each_line_of_input(
        [&](const std::string& line, std::size_t n) { return put_packet(parsed(line, n)); });
}

}  // namespace

void add_put(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(
        commands.add("put", "puts JSON into a pipe, from the command line or from standard input",
                     [s] { return put(*s); }));
    c.pool_and_pipe(s->pool, s->pipe);
    c.word("JSON", s->json, "the packet; -: each line of standard input is one");
    c.option("--capacity", s->capacity, {1, 1 << 24},
             "of the pipe in packets, if it has to be made (default 64)");
    c.flag("--drop-oldest", s->drops_oldest, "if the pipe is full, drop its oldest packet");
    c.flag("--drop-newest", s->drops_newest, "if the pipe is full, drop this packet");
    c.exclude("--drop-oldest", "--drop-newest");
    c.timeout(s->timeout_s, "give up when there is no pool, or no room, for so long");
}

}  // namespace tool
