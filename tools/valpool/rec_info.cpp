// valpool rec info: what is in a recording.

#include "json_output.hpp"
#include "mcap/reader.hpp"
#include "output.hpp"
#include "rec.hpp"
#include "recording/form.hpp"
#include "table.hpp"
#include "terminal.hpp"
#include "words.hpp"

#include <valpool/valpool.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tool {
namespace {

using valpool::Arr;
using valpool::Tab;
using valpool::Val;

struct settings {
    std::string file;
    bool as_json = false;
};

double seconds_of(const mcap::time_span& t) { return static_cast<double>(t.last - t.first) * 1e-9; }

std::uint64_t messages_of(const mcap::overview& all, std::uint16_t channel) {
    const auto found = all.counts.messages_by_channel.find(channel);
    return found == all.counts.messages_by_channel.end() ? 0 : found->second;
}

Val json_of(const settings& s, const mcap::reader& r, const mcap::overview& all,
            const std::vector<std::string>& problems) {
    const mcap::time_span& times = all.counts.times;
    Tab t{{"file", json_name(s.file)},
          {"bytes", r.file_bytes()},
          {"complete", all.is_complete},
          {"library", json_text(all.library)},
          {"messages", all.counts.messages},
          {"chunks", all.counts.chunks},
          {"uncompressed_bytes", all.uncompressed_bytes},
          {"start_ns", times.first},
          {"end_ns", times.last},
          {"duration_s", seconds_of(times)}};
    Arr pipes;
    for (const auto& [id, c] : all.channels)
        pipes.append(Tab{{"pipe", json_name(c.topic)},
                         {"encoding", json_text(c.message_encoding)},
                         {"messages", messages_of(all, id)}});
    t["pipes"] = pipes;
    Tab about;
    for (const mcap::metadata& m : all.metadata_records)
        for (const auto& [key, value] : m.entries)
            about[json_name(m.name + "." + key)] = json_text(value);
    t["metadata"] = about;
    Arr damage;
    for (const std::string& p : problems) damage.append(json_text(p));
    t["problems"] = damage;
    return t;
}

std::string row(const std::string& name, const std::string& value) {
    return name + std::string(std::max<std::size_t>(14, name.size() + 2) - name.size(), ' ') +
           value + "\n";
}

std::string compression_text(const mcap::overview& all, std::uint64_t file_bytes) {
    std::string text;
    for (const auto& [name, count] : all.chunks_by_compression)
        text += (text.empty() ? "" : ", ") + (name.empty() ? "none" : shown(name));
    if (all.uncompressed_bytes == 0 || file_bytes == 0) return text;
    return text + ", " + bytes_text(static_cast<double>(all.uncompressed_bytes)) + " without it";
}

std::string table_of_pipes(const mcap::overview& all) {
    table pipes({{"PIPE", align::left, column::narrow::shrinks},
                 {"ENCODING"},
                 {"PACKETS", align::right},
                 {"PACKETS/s", align::right}});
    const double seconds = seconds_of(all.counts.times);
    for (const auto& [id, c] : all.channels) {
        const std::uint64_t count = messages_of(all, id);
        pipes.add({shown(c.topic), shown(c.message_encoding), std::to_string(count),
                   seconds > 0 ? rate_text(static_cast<double>(count) / seconds) : "-"});
    }
    return pipes.is_empty() ? "" : "\n" + pipes.text();
}

std::string text_of(const settings& s, const mcap::reader& r, const mcap::overview& all) {
    const mcap::time_span& times = all.counts.times;
    std::string text = row("file", shown(s.file)) +
                       row("size", bytes_text(static_cast<double>(r.file_bytes()))) +
                       row("compression", compression_text(all, r.file_bytes())) +
                       row("written by", shown(all.library));
    if (all.counts.messages != 0)
        text += row("start", time_text(times.first) + " UTC") +
                row("duration", length_text(seconds_of(times)));
    text += row("packets", std::to_string(all.counts.messages) + " in " +
                               std::to_string(all.counts.chunks) + " chunks");
    for (const mcap::metadata& m : all.metadata_records)
        for (const auto& [key, value] : m.entries)
            text += row(m.name == about_the_pool ? shown(key) : shown(m.name + "." + key),
                        shown(value));
    return text + table_of_pipes(all);
}

int info(const settings& s) {
    mcap::reader r(s.file);
    const mcap::overview all = r.look_over();
    if (s.as_json)
        print(valpool::to_json(json_of(s, r, all, all.problems)) + "\n");
    else
        print(text_of(s, r, all));
    for (const std::string& problem : all.problems) complain(problem);
    if (!all.is_complete)
        complain("the recording is not complete; `valpool rec recover '" + s.file +
                 "' NEW` makes a file of what can be read");
    return exit_done;
}

}  // namespace

void add_rec_info(command_set& commands, CLI::App& rec) {
    const auto s = std::make_shared<settings>();
    command_words c(commands.add(rec, "info", "what is in a recording", [s] { return info(*s); }));
    c.word("FILE", s->file, "the recording");
    c.json_flag(s->as_json);
}

}  // namespace tool
