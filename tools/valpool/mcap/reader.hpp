#pragma once

#include "descriptor.hpp"
#include "format.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mcap {

/// What a file's summary says, or what was found by reading all of it.
struct overview {
    statistics counts;
    std::map<std::uint16_t, schema> schemas;
    std::map<std::uint16_t, channel> channels;
    std::vector<metadata> metadata_records;
    std::string profile;
    std::string library;
    std::vector<chunk_index> chunks;  // as the summary lists them; empty if all was read
    std::map<std::string, std::uint64_t> chunks_by_compression;
    std::uint64_t uncompressed_bytes = 0;
    /// False for a file that was cut off, by a killed recorder, say.
    bool is_complete = false;
    std::vector<std::string> problems;  // as reader::problems, if all of the file was read
};

/// Reads a file's messages in their order, as far as the file can be read: also one that was not
/// ended, or is damaged. Takes the memory of one chunk; no length that the file claims is believed
/// before it has been compared with the file's size.
class reader {
public:
    /// Throws file_error; format_error for a file that is no MCAP.
    explicit reader(const std::string& path);

    /// Chunks without messages in this time are skipped without being read.
    void skip_outside(time_ns from, time_ns to) noexcept;
    /// The next message, whose data are valid until the next call. False at the end.
    /// Throws file_error.
    bool next(message& m);
    /// From the first message on again.
    void rewind() noexcept;

    /// What was left out so far because it is damaged, in words; empty for a sound file.
    std::vector<std::string> problems() const;
    /// Whether the end of the data was found where it should be. Known when next() has been false.
    bool is_complete() const noexcept { return is_complete_; }

    const std::map<std::uint16_t, schema>& schemas() const noexcept { return schemas_; }
    const std::map<std::uint16_t, channel>& channels() const noexcept { return channels_; }
    const std::vector<metadata>& metadata_records() const noexcept { return metadata_; }
    const std::string& profile() const noexcept { return profile_; }
    const std::string& library() const noexcept { return library_; }
    std::uint64_t file_bytes() const noexcept { return size_; }
    /// How far next() has come.
    std::uint64_t position() const noexcept { return position_; }

    /// From the summary where it is there and fits the chunks, else by reading everything. Rewinds.
    overview look_over();

private:
    struct record {
        op what;
        std::uint64_t start;
        std::uint64_t length;  // of the content
    };

    std::string read_at(std::uint64_t offset, std::uint64_t count) const;
    std::optional<record> next_record();
    void take(const record& r);
    void take_definition(op what, std::string_view content);
    void open_chunk(const record& r);
    std::string read_chunk(const record& r);
    bool is_outside(const record& r) const;
    bool has_magic_at_end() const;
    void compare_with_summary();
    bool next_in_chunk(message& m);
    void stop(const std::string& why);
    void note(std::uint64_t at, const std::string& what);
    bool read_summary(overview& all) const;
    void read_summary_record(op what, std::string_view content, overview& all) const;
    bool fits_chunks(const overview& all) const;
    bool is_chunk(const chunk_index& c) const;
    std::uint64_t messages_in_index(std::uint16_t channel_id, std::uint64_t offset) const;
    overview read_all();

    std::string path_;
    descriptor fd_;
    std::uint64_t size_ = 0;
    std::uint64_t data_start_ = 0;
    std::uint64_t position_ = 0;
    bool is_over_ = false;
    bool is_complete_ = false;
    time_ns from_ = 0;
    time_ns to_ = ~time_ns{0};

    std::string profile_;
    std::string library_;
    std::map<std::uint16_t, schema> schemas_;
    std::map<std::uint16_t, channel> channels_;
    std::vector<metadata> metadata_;
    std::vector<std::string> problems_;

    std::string chunk_;          // decompressed
    std::string_view in_chunk_;  // what is left of it
    std::uint64_t chunk_start_ = 0;
    std::string single_;  // a message outside of a chunk
    std::map<std::string, std::uint64_t> chunks_by_compression_;
    std::uint64_t uncompressed_bytes_ = 0;
    statistics found_;                 // messages, chunks and attachments so far
    std::uint64_t more_problems_ = 0;  // that problems_ leaves out
};

}  // namespace mcap
