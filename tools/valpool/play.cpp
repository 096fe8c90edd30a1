// valpool play: puts a recording's packets into pipes again.

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "recording/form.hpp"
#include "recording/player.hpp"
#include "words.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

namespace tool {
namespace {

struct settings {
    player_options options;
    std::vector<std::string> maps;  // RECORDED=PIPE
    bool is_fast = false;
};

player_options completed(const settings& s) {
    player_options o = s.options;
    if (s.is_fast) o.rate = 0;
    for (const std::string& map : s.maps) {
        const std::size_t at = map.find('=');
        if (at == std::string::npos || at == 0 || at + 1 == map.size())
            throw usage_error("--map '" + map + "' is not RECORDED=PIPE");
        o.names[map.substr(0, at)] = map.substr(at + 1);
    }
    o.shows_progress = isatty(STDERR_FILENO) != 0;
    return o;
}

int play(const settings& s) {
    player p(completed(s));
    try {
        p.run();
    } catch (const player::gave_up& why) {
        complain(why.what());
        return exit_timed_out;
    }
    const double seconds = std::max(p.seconds(), 1e-6);
    complain(
        "played " + std::to_string(p.packets()) + " packets into '" + p.pool() + "' in " +
        length_text(seconds) + ": " +
        std::to_string(static_cast<std::uint64_t>(static_cast<double>(p.packets()) / seconds)) +
        " packets/s, " + bytes_text(static_cast<double>(p.bytes()) / seconds) + "/s");
    return was_interrupted() ? interrupted_exit_code() : exit_done;
}

}  // namespace

void add_play(command_set& commands) {
    const auto s = std::make_shared<settings>();
    player_options& o = s->options;
    command_words c(commands.add("play", "puts a recording's packets into pipes again",
                                 [s] { return play(*s); }));
    c.word("FILE", o.file, "the recording");
    c.option("--into", o.pool, "POOL", "the pool (default: the one that was recorded)");
    c.list("--map", s->maps, "RECORDED=PIPE",
           "plays a pipe into one of another name; may be given several times");
    c.number("--rate", o.rate, {1e-6}, "FACTOR", "so many times the original speed (default 1)");
    c.flag("--fast", s->is_fast, "as fast as the readers take it");
    c.exclude("--fast", "--rate");
    c.flag("--loop", o.loops, "again and again, until Ctrl-C");
    o.wanted.add_options(c);
    c.option("--capacity", o.capacity, {1, 1 << 24},
             "of pipes that are not there yet (default 16)");
    c.seconds("--patience", o.patience_s, {},
              "fails when the pool has no memory for a packet for so long (default 10)");
    c.timeout(o.timeout_s, "give up when there is no pool, or no room in a pipe, for so long");
}

}  // namespace tool
