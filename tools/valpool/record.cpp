// valpool record: writes what passes some pipes into a file.

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "recording/form.hpp"
#include "recording/recorder.hpp"
#include "words.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tool {
namespace {

struct settings {
    std::vector<std::string> words;  // POOL PIPE... FILE
    recorder_options options;
};

int record(const settings& s) {
    if (s.words.size() < 3) throw usage_error("record needs a pool, one or more pipes, and a file");
    recorder_options options = s.options;
    options.pool = s.words.front();
    options.file = s.words.back();
    options.pipes.assign(s.words.begin() + 1, s.words.end() - 1);
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
    CLI::App& command = commands.add(
        "record", "writes what passes some pipes into a file, and takes nothing from them",
        [s] { return record(*s); });
    command.add_option("WORDS", s->words, "POOL PIPE... FILE: the pool, its pipes, the new file")
        ->required()
        ->type_name("");
    add_encoding(command, o.encoding);
    add_compression(command, o.compression);
    command.add_option("--duration", o.duration_s, "ends after so many seconds")
        ->type_name("SECONDS")
        ->check(finite_from(0.001));
    command.add_option("--count", o.most_packets, "ends after so many packets")
        ->type_name("N")
        ->check(CLI::PositiveNumber);
    command.add_option("--chunk", o.chunk_bytes, "bytes of a chunk, with k, m or g behind it (1m)")
        ->type_name("BYTES")
        ->transform(CLI::AsSizeValue(false));
    command
        .add_option("--flush", o.flush_s, "writes a chunk after so many seconds at the latest (1)")
        ->type_name("SECONDS")
        ->check(finite_from(0));
    command
        .add_option("--depth", o.depth, "packets of a pipe that may wait for the recorder (1024)")
        ->type_name("N")
        ->check(CLI::PositiveNumber);
    command
        .add_option("--memory", o.most_bytes,
                    "bytes of the pool that these may have, for each pipe (an eighth of the pool, "
                    "for all together)")
        ->type_name("BYTES")
        ->transform(CLI::AsSizeValue(false));
    command.add_flag("--sync", o.sync, "waits for the disk after each chunk");
    command.add_flag("--force", o.replace, "replaces a file that is there");
}

}  // namespace tool
