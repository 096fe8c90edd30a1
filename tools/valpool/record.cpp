// valpool record: writes what passes some pipes into a file.

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "recording/form.hpp"
#include "recording/recorder.hpp"
#include "terminal.hpp"
#include "words.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace tool {
namespace {

struct settings {
    std::vector<std::string> words;  // POOL PIPE... FILE
    recorder_options options;
};

void expect_different(const std::vector<std::string>& pipes) {
    std::set<std::string> met;
    for (const std::string& pipe : pipes)
        if (!met.insert(pipe).second)
            throw usage_error("'" + shown(pipe) + "' is named twice; name each pipe once");
}

int record(const settings& s) {
    if (s.words.size() < 3) throw usage_error("record needs a pool, one or more pipes, and a file");
    recorder_options options = s.options;
    options.pool = s.words.front();
    options.file = s.words.back();
    options.pipes.assign(s.words.begin() + 1, s.words.end() - 1);
    expect_different(options.pipes);
    recorder r(options);
    complain("recording into '" + options.file + "'; Ctrl-C ends it");
    r.run();
    std::string end = std::to_string(r.packets()) + " packets, " +
                      bytes_text(static_cast<double>(r.file_bytes())) + " in '" + options.file +
                      "'";
    if (r.missed() != 0) end += "; " + std::to_string(r.missed()) + " were missed";
    if (r.refused() != 0) end += "; " + std::to_string(r.refused()) + " could not be recorded";
    if (r.has_pool_ended()) end += "; the pool has ended";
    complain(end);
    return exit_done;
}

}  // namespace

void add_record(command_set& commands) {
    const auto s = std::make_shared<settings>();
    recorder_options& o = s->options;
    command_words c(commands.add("record",
                                 "writes what passes some pipes into a file, and takes nothing",
                                 [s] { return record(*s); }));
    c.words("WORDS", s->words, "POOL PIPE... FILE: the pool, its pipes, the new file");
    add_encoding(c, o.encoding);
    add_compression(c, o.compression);
    c.seconds("--duration", o.duration_s, {0.001}, "ends after so many seconds");
    c.option("--count", o.most_packets, {1}, "ends after so many packets");
    c.size("--chunk", o.chunk_bytes, "of a chunk (default 1MiB)");
    c.seconds("--flush", o.flush_s, {},
              "writes a chunk after so many seconds at the latest (default 1)");
    c.option("--depth", o.depth, {1},
             "packets of a pipe that may wait for the recorder (default 1024)");
    c.size("--memory", o.most_bytes,
           "of the pool that these may have, for each pipe (default: an eighth of the pool, for "
           "all together)");
    c.flag("--sync", o.sync, "waits for the disk after each chunk");
    c.flag("--force", o.replace, "replaces a file that is there");
}

}  // namespace tool
