#pragma once

#include "compression.hpp"
#include "format.hpp"
#include "output_file.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcap {

struct writer_options {
    std::string profile;
    std::string library;
    std::string compression{zstd};
    std::size_t chunk_bytes = 1 << 20;  // uncompressed; a chunk is written when it has so many
};

/// Writes a file: messages in chunks, behind each chunk its index, and at the end a summary.
/// Schemas, channels and metadata lie outside of the chunks, in front of the first message that
/// needs them. So all chunks that have been written can be read, whatever happens to the others.
/// Every function throws file_error when the file takes no more; it ends with the last whole chunk
/// then.
class writer {
public:
    writer(output_file file, writer_options options);

    /// Each returns the id.
    std::uint16_t add_schema(const std::string& name, const std::string& encoding,
                             const std::string& data);
    std::uint16_t add_channel(std::uint16_t schema_id, const std::string& topic,
                              const std::string& message_encoding, const text_map& metadata = {});
    void add_metadata(const metadata& m);

    /// Throws std::length_error for data that no chunk can hold.
    void add(const message& m);
    /// Writes the chunk that has been begun. Nothing happens when it has no messages.
    void flush();
    /// Forgets the chunk that has been begun, which the disk has no room for, say. Returns how many
    /// messages are lost by that.
    std::uint64_t drop_chunk() noexcept;
    /// Writes what is left, and the end of the file. Afterwards nothing may be added.
    void close();
    void sync() { file_.sync(); }
    /// After close(): the file is on the disk, and has its name.
    void finish() { file_.finish(); }

    std::size_t waiting_bytes() const noexcept { return chunk_.size(); }
    std::uint64_t file_bytes() const noexcept { return file_.size(); }
    const statistics& so_far() const noexcept { return statistics_; }
    const std::string& path() const noexcept { return file_.path(); }

private:
    struct place {
        time_ns time;
        std::uint64_t offset;
    };
    struct group {
        op what;
        std::uint64_t start;
        std::uint64_t length;
    };

    void write(std::string_view bytes);
    void append_chunk(std::string& out, std::string_view records, chunk_index& index) const;
    void append_message_indexes(std::string& out, chunk_index& index) const;
    void append_summary(std::string& out);
    template <class Records>
    void append_group(std::string& out, op what, const Records& records);
    void append_footer(std::string& out, std::size_t summary, std::uint64_t summary_start,
                       std::uint64_t offsets_start) const;

    output_file file_;
    writer_options options_;
    std::uint32_t crc_ = 0;  // of the whole file so far
    std::vector<schema> schemas_;
    std::vector<channel> channels_;
    std::vector<std::string> metadata_indexes_;  // whole records
    std::vector<chunk_index> chunks_;
    statistics statistics_;
    std::vector<group> groups_;  // of the summary

    std::string chunk_;
    time_span chunk_times_;
    std::map<std::uint16_t, std::vector<place>> chunk_places_;
};

}  // namespace mcap
