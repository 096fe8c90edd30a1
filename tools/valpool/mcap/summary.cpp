// What a file says of itself at its end, and whether that fits the rest of it.

#include "crc32.hpp"
#include "reader.hpp"

#include <optional>

namespace mcap {

namespace {
constexpr std::uint64_t footer_bytes = 20;
}

overview reader::look_over() {
    overview all;
    rewind();
    // The header is in front of everything.
    if (const std::optional<record> r = next_record(); r && r->what == op::header) take(*r);
    rewind();
    all.profile = profile_;
    all.library = library_;
    try {
        if (read_summary(all) && fits_chunks(all)) return all;
    } catch (const format_error&) {
        // A summary that cannot be read: the data say it as well.
    }
    return read_all();
}

bool reader::read_summary(overview& all) const {
    constexpr std::uint64_t end_bytes = record_head_bytes + footer_bytes + magic.size();
    if (size_ < data_start_ + end_bytes) return false;
    const std::uint64_t footer_at = size_ - end_bytes;
    const std::string end = read_at(footer_at, end_bytes);
    field_reader fields(end, "a footer");
    if (fields.number<std::uint8_t>() != static_cast<std::uint8_t>(op::footer)) return false;
    if (fields.number<std::uint64_t>() != footer_bytes) return false;
    const auto start = fields.number<std::uint64_t>();
    static_cast<void>(fields.number<std::uint64_t>());
    const auto crc = fields.number<std::uint32_t>();
    if (fields.rest() != magic || start < data_start_ || start > footer_at ||
        footer_at - start > most_chunk_bytes)
        return false;
    std::string summary = read_at(start, footer_at - start + record_head_bytes + 16);
    if (crc != 0 && crc32(summary) != crc) return false;
    summary.resize(static_cast<std::size_t>(footer_at - start));
    bool has_statistics = false;
    for (field_reader records(summary, "a summary"); !records.rest().empty();) {
        const auto what = static_cast<op>(records.number<std::uint8_t>());
        has_statistics |= what == op::statistics;
        read_summary_record(what, records.long_bytes(), all);
    }
    all.is_complete = true;
    return has_statistics;
}

void reader::read_summary_record(op what, std::string_view content, overview& all) const {
    if (what == op::schema) {
        const schema s = read_schema(content);
        all.schemas[s.id] = s;
    } else if (what == op::channel) {
        const channel c = read_channel(content);
        all.channels[c.id] = c;
    } else if (what == op::statistics) {
        all.counts = read_statistics(content);
    } else if (what == op::chunk_index) {
        all.chunks.push_back(read_chunk_index(content));
        const chunk_index& c = all.chunks.back();
        ++all.chunks_by_compression[c.compression];
        all.uncompressed_bytes += c.uncompressed_bytes;
    } else if (what == op::metadata_index) {
        field_reader fields(content, "a metadata index");
        const auto offset = fields.number<std::uint64_t>();
        const auto length = fields.number<std::uint64_t>();
        if (offset > size_ || length > size_ - offset || length > most_chunk_bytes ||
            length < record_head_bytes)
            throw format_error("a metadata index points outside of the file");
        const std::string whole = read_at(offset, length);
        all.metadata_records.push_back(
            read_metadata(std::string_view(whole).substr(record_head_bytes)));
    }
}

/// What can be compared without reading the chunks. False also for a file that has messages
/// outside of chunks, or no indexes: then only reading everything shows whether the summary is
/// right.
bool reader::fits_chunks(const overview& all) const {
    if (all.counts.chunks != all.chunks.size()) return false;
    statistics found;
    for (const chunk_index& c : all.chunks) {
        if (!is_chunk(c)) return false;
        for (const auto& [channel_id, offset] : c.message_index_offsets) {
            const std::uint64_t count = messages_in_index(channel_id, offset);
            found.messages += count;
            found.messages_by_channel[channel_id] += count;
        }
        if (c.message_index_offsets.empty()) continue;
        found.times.add(c.times.first);
        found.times.add(c.times.last);
    }
    return found.messages == all.counts.messages && found.has_same_counts(all.counts) &&
           found.has_same_times(all.counts);
}

/// Whether there is such a chunk where the index says.
bool reader::is_chunk(const chunk_index& c) const {
    constexpr std::uint64_t read_bytes = record_head_bytes + 3 * 8;
    if (c.length < read_bytes || c.offset > size_ || c.length > size_ - c.offset) return false;
    const std::string head = read_at(c.offset, read_bytes);
    field_reader fields(head, "a chunk");
    return fields.number<std::uint8_t>() == static_cast<std::uint8_t>(op::chunk) &&
           fields.number<std::uint64_t>() == c.length - record_head_bytes &&
           fields.number<time_ns>() == c.times.first && fields.number<time_ns>() == c.times.last &&
           fields.number<std::uint64_t>() == c.uncompressed_bytes;
}

/// How many messages of that channel the index at that place lists; 0 where there is none.
std::uint64_t reader::messages_in_index(std::uint16_t channel_id, std::uint64_t offset) const {
    constexpr std::uint64_t read_bytes = record_head_bytes + 2 + 4;
    if (offset > size_ || size_ - offset < read_bytes) return 0;
    const std::string head = read_at(offset, read_bytes);
    field_reader fields(head, "a message index");
    const auto what = static_cast<op>(fields.number<std::uint8_t>());
    const auto length = fields.number<std::uint64_t>();
    const auto channel = fields.number<std::uint16_t>();
    const auto bytes = fields.number<std::uint32_t>();
    constexpr std::uint32_t entry_bytes = 16;
    const bool is_right = what == op::message_index && channel == channel_id &&
                          length == std::uint64_t{bytes} + 2 + 4 && bytes % entry_bytes == 0;
    return is_right ? bytes / entry_bytes : 0;
}

/// Everything has been read: says where the summary is wrong. No checksum covers the kinds of the
/// records, so that some of them may have been overlooked.
void reader::compare_with_summary() {
    if (from_ != 0 || to_ != ~time_ns{0}) return;
    overview all;
    try {
        if (!read_summary(all)) return;
    } catch (const format_error&) {
        return;  // the data are what counts
    }
    const auto say = [&](std::uint64_t claimed, std::uint64_t found, const char* what) {
        if (claimed != found)
            note(position_, "the summary says that there are " + std::to_string(claimed) + " " +
                                what + "; " + std::to_string(found) + " were found");
    };
    say(all.counts.messages, found_.messages, "messages");
    say(all.counts.chunks, found_.chunks, "chunks");
    if (all.counts.messages != found_.messages) return;
    if (!found_.has_same_counts(all.counts))
        note(position_, "the summary's numbers of messages by channel are wrong");
    if (!found_.has_same_times(all.counts))
        note(position_, "the summary's times of the first and the last message are wrong");
}

overview reader::read_all() {
    overview all;
    for (message m; next(m);) all.counts.add(m);
    all.schemas = schemas_;
    all.channels = channels_;
    all.metadata_records = metadata_;
    all.profile = profile_;
    all.library = library_;
    all.chunks_by_compression = chunks_by_compression_;
    all.uncompressed_bytes = uncompressed_bytes_;
    all.problems = problems();
    all.is_complete = is_complete_ && all.problems.empty();
    all.counts.schemas = static_cast<std::uint16_t>(schemas_.size());
    all.counts.channels = static_cast<std::uint32_t>(channels_.size());
    all.counts.metadata = static_cast<std::uint32_t>(metadata_.size());
    all.counts.attachments = found_.attachments;
    all.counts.chunks = found_.chunks;
    rewind();
    return all;
}

}  // namespace mcap
