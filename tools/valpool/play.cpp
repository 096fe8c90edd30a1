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
    p.run();
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
    CLI::App& command = commands.add("play", "puts a recording's packets into pipes again",
                                     [s] { return play(*s); });
    add_word(command, "FILE", o.file, "the recording");
    command.add_option("--into", o.pool, "the pool (the one that was recorded)")->type_name("POOL");
    command
        .add_option("--map", s->maps,
                    "plays a pipe into one of another name; may be given several times")
        ->type_name("RECORDED=PIPE")
        ->allow_extra_args(false);
    CLI::Option* const rate =
        command.add_option("--rate", o.rate, "so many times the original speed (1)")
            ->type_name("FACTOR")
            ->check(finite_from(1e-6));
    command.add_flag("--fast", s->is_fast, "as fast as the readers take it")->excludes(rate);
    command.add_flag("--loop", o.loops, "again and again, until Ctrl-C");
    o.wanted.add_options(command);
    command.add_option("--capacity", o.capacity, "of pipes that are not there yet (16)")
        ->type_name("N")
        ->check(CLI::PositiveNumber);
    command
        .add_option("--patience", o.patience_s,
                    "gives up when the pool has no room for a packet for so long (10)")
        ->type_name("SECONDS")
        ->check(finite_from(0));
}

}  // namespace tool
