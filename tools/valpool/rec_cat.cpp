// valpool rec cat: the packets of a recording, as text.

#include "interrupt.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "rec.hpp"
#include "recording/form.hpp"
#include "recording/messages.hpp"
#include "terminal.hpp"

#include <valpool/valpool.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace tool {
namespace {

struct settings {
    std::string file;
    selection wanted;
    std::size_t most = 0;  // 0: all
    bool as_json = false;
};

std::string line_of(const settings& s, const messages::item& m, mcap::time_ns start) {
    const valpool::Val packet = decode(*m.channel, m.message);
    const std::string& pipe = m.channel->topic;
    if (s.as_json) {
        // The packet's JSON is put in as it is: it may be of any size.
        const std::string head = valpool::to_json(valpool::Tab{{"time_ns", m.message.log_time},
                                                               {"sequence", m.message.sequence},
                                                               {"pipe", json_name(pipe)}});
        return head.substr(0, head.size() - 1) + ",\"value\":" + valpool::to_json(packet) + "}\n";
    }
    std::array<char, 40> time{};
    std::snprintf(time.data(), time.size(), "%12.6f  ",
                  static_cast<double>(m.message.log_time - start) * 1e-9);
    return time.data() + shown(pipe) + "  " + valpool::Stringize(packet) + "\n";
}

int cat(const settings& s) {
    messages all(s.file, s.wanted);
    const mcap::time_ns start = all.all().counts.times.first;
    std::uint64_t shown_so_far = 0;
    bool has_failed = false;
    for (messages::item m;
         !was_interrupted() && (s.most == 0 || shown_so_far < s.most) && all.next(m);) {
        ++shown_so_far;
        std::string line;
        try {
            line = line_of(s, m, start);
        } catch (const std::exception& e) {
            complain(e.what());
            has_failed = true;
            continue;
        }
        print(line);
    }
    all.tell_problems();
    if (was_interrupted()) return interrupted_exit_code();
    return has_failed ? exit_failed : exit_done;
}

}  // namespace

void add_rec_cat(command_set& commands, CLI::App& rec) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add(rec, "cat", "the packets of a recording, one a line",
                                 [s] { return cat(*s); }));
    c.word("FILE", s->file, "the recording");
    s->wanted.add_options(c);
    c.option("-n,--count", s->most, {1}, "ends after so many packets");
    c.json_flag(s->as_json);
}

}  // namespace tool
