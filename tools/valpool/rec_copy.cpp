// valpool rec cut, recover, convert: write the messages of a recording into a new one.

#include "interrupt.hpp"
#include "mcap/compression.hpp"
#include "mcap/writer.hpp"
#include "output.hpp"
#include "rec.hpp"
#include "recording/form.hpp"
#include "recording/messages.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/stat.h>

namespace tool {
namespace {

struct settings {
    std::string from;
    std::string to;
    selection wanted;
    std::string encoding;  // empty: as it is
    std::string compression{mcap::zstd};
    bool replace = false;
};

/// Replacing a file by what is read from it at the same time would lose it.
void expect_two_files(const settings& s) {
    struct stat from = {}, to = {};
    if (stat(s.from.c_str(), &from) == 0 && stat(s.to.c_str(), &to) == 0 &&
        from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        throw usage_error("'" + s.to + "' is the recording itself; give the new file another name");
}

class copier {
public:
    explicit copier(const settings& s)
        : settings_(s),
          from_(s.from, s.wanted),
          to_(mcap::output_file(s.to, s.replace, mcap::output_file::appears::when_finished),
              {from_.all().profile, "valpool " VALPOOL_VERSION, compression_named(s.compression),
               1 << 20}) {}

    void run() {
        for (const mcap::metadata& m : from_.all().metadata_records) to_.add_metadata(m);
        for (messages::item m; !was_interrupted() && from_.next(m);) copy(m);
        if (to_.so_far().channels == 0)  // a recording without messages has its pipes
            for (const auto& [id, c] : from_.all().channels) channel_of(c);
        to_.close();
        to_.finish();
        from_.tell_problems();
    }
    std::uint64_t copied() const { return to_.so_far().messages; }
    std::uint64_t refused() const noexcept { return refused_; }

private:
    void copy(const messages::item& m) {
        mcap::message message = m.message;
        if (!settings_.encoding.empty() && m.channel->message_encoding != settings_.encoding) {
            try {
                encode(decode(*m.channel, m.message), settings_.encoding, bytes_);
            } catch (const std::exception& e) {
                if (refused_++ == 0) complain(e.what());
                return;
            }
            message.data = bytes_;
        }
        message.channel_id = channel_of(*m.channel);
        to_.add(message);
    }

    std::uint16_t channel_of(const mcap::channel& c) {
        const auto found = channels_.find(c.id);
        if (found != channels_.end()) return found->second;
        const bool is_as_it_is =
            settings_.encoding.empty() || c.message_encoding == settings_.encoding;
        const std::string encoding = is_as_it_is ? c.message_encoding : settings_.encoding;
        const std::uint16_t id = to_.add_channel(is_as_it_is ? schema_of(c) : schema_for(encoding),
                                                 c.topic, encoding, c.metadata);
        channels_[c.id] = id;
        return id;
    }
    std::uint16_t schema_of(const mcap::channel& c) {
        const auto& schemas = from_.reader().schemas();
        const auto found = schemas.find(c.schema_id);
        if (found == schemas.end()) return 0;
        const auto [place, is_new] = schemas_.try_emplace(c.schema_id, std::uint16_t{0});
        if (is_new)
            place->second =
                to_.add_schema(found->second.name, found->second.encoding, found->second.data);
        return place->second;
    }
    std::uint16_t schema_for(const std::string& encoding) {
        if (!added_schema_) added_schema_ = add_schema_for(to_, encoding);
        return *added_schema_;
    }

    const settings& settings_;
    messages from_;
    mcap::writer to_;
    std::map<std::uint16_t, std::uint16_t> channels_;
    std::map<std::uint16_t, std::uint16_t> schemas_;
    std::optional<std::uint16_t> added_schema_;
    std::string bytes_;
    std::uint64_t refused_ = 0;
};

int copy(const settings& s) {
    expect_two_files(s);
    copier c(s);
    c.run();
    complain(std::to_string(c.copied()) + " packets are in '" + s.to + "'");
    if (c.refused() != 0)
        complain(std::to_string(c.refused()) + " packets could not be converted, and are left out");
    if (was_interrupted()) return interrupted_exit_code();
    return c.refused() == 0 ? exit_done : exit_failed;
}

command_words add_copy(command_set& commands, CLI::App& rec, const char* name, const char* summary,
                       const std::shared_ptr<settings>& s) {
    command_words c(commands.add(rec, name, summary, [s] { return copy(*s); }));
    c.word("FILE", s->from, "the recording");
    c.word("NEW", s->to, "the new file, which appears when it is complete");
    c.flag("--force", s->replace, "replaces a file that is there");
    add_compression(c, s->compression);
    return c;
}

}  // namespace

void add_rec_copies(command_set& commands, CLI::App& rec) {
    const auto cut = std::make_shared<settings>();
    command_words cut_words =
        add_copy(commands, rec, "cut", "writes a part of a recording into a new file", cut);
    cut->wanted.add_options(cut_words);
    add_copy(commands, rec, "recover",
             "writes what can be read of a damaged or unfinished recording into a new file",
             std::make_shared<settings>());
    const auto convert = std::make_shared<settings>();
    command_words convert_words = add_copy(
        commands, rec, "convert", "writes a recording in another form into a new file", convert);
    add_encoding(convert_words, convert->encoding);
}

}  // namespace tool
