// valpool peek: the packets that wait in a pipe, without taking them.

#include "command_set.hpp"
#include "look.hpp"
#include "output.hpp"
#include "values_text.hpp"
#include "words.hpp"

#include <memory>
#include <string>

namespace tool {
namespace {

using namespace valpool;

struct settings {
    std::string pool, pipe;
    std::size_t count = 10;
    std::size_t most_elements = 100;
    bool shows_all = false;
    bool is_pretty = false;
    bool as_json = false;
};

peeked_packets look(const settings& s) {
    const Monitor pool = open_pool(s.pool);
    try {
        return pool.peek(s.pipe, s.count);
    } catch (const std::out_of_range&) {
        throw_no_pipe(pool, s.pool, s.pipe);
    }
}

std::string text_of(const settings& s, const Val& packet) {
    if (s.as_json) return json_line(packet);
    return shown_packet(packet, s.is_pretty, s.shows_all ? 0 : s.most_elements);
}

void say_what_is_missing(const settings& s, const peeked_packets& seen) {
    if (seen.unreadable != 0)
        complain("left out " + counted(seen.unreadable, "packet") +
                 " that others were changing or taking; try again");
    if (seen.too_large != 0)
        complain("left out " + counted(seen.too_large, "packet") +
                 " that are too large to look at: `valpool get` takes one out");
    const std::size_t looked_at = seen.packets.size() + seen.unreadable + seen.too_large;
    if (seen.waiting > looked_at)
        complain(std::to_string(seen.waiting - looked_at) + " more " +
                 (seen.waiting - looked_at == 1 ? "waits" : "wait") +
                 " behind them: `valpool peek " + shown(s.pool) + " " + shown(s.pipe) + " " +
                 std::to_string(seen.waiting) + "`");
}

int peek(const settings& s) {
    const peeked_packets seen = look(s);
    for (const Val& packet : seen.packets) print(text_of(s, packet) + "\n");
    if (seen.waiting == 0) complain("no packet waits in " + shown(s.pipe));
    say_what_is_missing(s, seen);
    return exit_done;
}

}  // namespace

void add_peek(command_set& commands) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add("peek", "shows the packets that wait in a pipe, and takes none",
                                 [s] { return peek(*s); }));
    c.pool_and_pipe(s->pool, s->pipe);
    c.optional_word("N", s->count, "how many packets at most (default 10)");
    c.flag("--all", s->shows_all, "print long lists and arrays in full");
    c.flag("--pretty", s->is_pretty, "one element a line");
    c.json_flag(s->as_json);
}

}  // namespace tool
