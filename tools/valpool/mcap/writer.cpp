#include "writer.hpp"

#include "crc32.hpp"

#include <stdexcept>

namespace mcap {

writer::writer(output_file file, writer_options options)
    : file_(std::move(file)), options_(std::move(options)) {
    std::string start(magic);
    record_writer header(start, op::header);
    header.text(options_.profile);
    header.text(options_.library);
    header.end();
    write(start);
}

void writer::write(std::string_view bytes) {
    file_.write(bytes);
    crc_ = crc32(bytes, crc_);
}

std::uint16_t writer::add_schema(const std::string& name, const std::string& encoding,
                                 const std::string& data) {
    if (schemas_.size() == 0xffff)
        throw std::length_error("more schemas than a recording can have");
    const schema s{static_cast<std::uint16_t>(schemas_.size() + 1), name, encoding, data};
    std::string record;
    append(record, s);
    write(record);
    schemas_.push_back(s);
    ++statistics_.schemas;
    return s.id;
}

std::uint16_t writer::add_channel(std::uint16_t schema_id, const std::string& topic,
                                  const std::string& message_encoding, const text_map& metadata) {
    if (channels_.size() == 0xffff)
        throw std::length_error("more channels than a recording can have");
    const channel c{static_cast<std::uint16_t>(channels_.size()), schema_id, topic,
                    message_encoding, metadata};
    std::string record;
    append(record, c);
    write(record);
    channels_.push_back(c);
    ++statistics_.channels;
    return c.id;
}

void writer::add_metadata(const metadata& m) {
    std::string record;
    append(record, m);
    std::string index;
    record_writer r(index, op::metadata_index);
    r.number(file_.size());
    r.number(std::uint64_t{record.size()});
    r.text(m.name);
    r.end();
    write(record);
    metadata_indexes_.push_back(index);
    ++statistics_.metadata;
}

void writer::add(const message& m) {
    constexpr std::size_t most = most_chunk_bytes / 2;
    if (m.data.size() > most)
        throw std::length_error("a message of " + std::to_string(m.data.size()) +
                                " bytes; at most " + std::to_string(most) + " can be recorded");
    if (chunk_.size() + m.data.size() > most) flush();
    const std::uint64_t offset = chunk_.size();
    append(chunk_, m);
    chunk_times_.add(m.log_time);
    chunk_places_[m.channel_id].push_back({m.log_time, offset});
    if (chunk_.size() >= options_.chunk_bytes) flush();
}

void writer::flush() {
    if (chunk_.empty()) return;
    chunk_index index;
    index.times = chunk_times_;
    index.offset = file_.size();
    std::string out;
    append_chunk(out, compressed(chunk_, options_.compression), index);
    append_message_indexes(out, index);
    write(out);
    for (const auto& [channel_id, places] : chunk_places_) {
        statistics_.messages += places.size();
        statistics_.messages_by_channel[channel_id] += places.size();
    }
    statistics_.times.add(chunk_times_.first);
    statistics_.times.add(chunk_times_.last);
    ++statistics_.chunks;
    chunks_.push_back(std::move(index));
    drop_chunk();
}

std::uint64_t writer::drop_chunk() noexcept {
    std::uint64_t messages = 0;
    for (const auto& [channel_id, places] : chunk_places_) messages += places.size();
    chunk_.clear();
    chunk_times_ = {};
    chunk_places_.clear();
    return messages;
}

void writer::append_chunk(std::string& out, std::string_view records, chunk_index& index) const {
    record_writer r(out, op::chunk);
    r.number(chunk_times_.first);
    r.number(chunk_times_.last);
    r.number(std::uint64_t{chunk_.size()});
    r.number(crc32(chunk_));
    r.text(options_.compression);
    r.number(std::uint64_t{records.size()});
    out += records;
    r.end();
    index.length = out.size();
    index.compression = options_.compression;
    index.compressed_bytes = records.size();
    index.uncompressed_bytes = chunk_.size();
}

void writer::append_message_indexes(std::string& out, chunk_index& index) const {
    const std::size_t start = out.size();
    for (const auto& [channel_id, places] : chunk_places_) {
        index.message_index_offsets[channel_id] = file_.size() + out.size();
        record_writer r(out, op::message_index);
        r.number(channel_id);
        r.number(static_cast<std::uint32_t>(places.size() * 16));
        for (const place& p : places) {
            r.number(p.time);
            r.number(p.offset);
        }
        r.end();
    }
    index.message_index_length = out.size() - start;
}

void writer::close() {
    flush();
    std::string out;
    record_writer data_end(out, op::data_end);
    data_end.number(crc_);
    data_end.end();
    const std::size_t summary = out.size();
    append_summary(out);
    const std::uint64_t offsets_start = file_.size() + out.size();
    for (const group& g : groups_) {
        record_writer r(out, op::summary_offset);
        r.number(static_cast<std::uint8_t>(g.what));
        r.number(g.start);
        r.number(g.length);
        r.end();
    }
    append_footer(out, summary, file_.size() + summary, offsets_start);
    out += magic;
    file_.write(out);
}

template <class Records>
void writer::append_group(std::string& out, op what, const Records& records) {
    const std::uint64_t start = out.size();
    for (const auto& record : records) append(out, record);
    if (out.size() != start) groups_.push_back({what, file_.size() + start, out.size() - start});
}

void writer::append_summary(std::string& out) {
    append_group(out, op::schema, schemas_);
    append_group(out, op::channel, channels_);
    append_group(out, op::statistics, std::vector<statistics>{statistics_});
    append_group(out, op::chunk_index, chunks_);
    const std::uint64_t start = out.size();
    for (const std::string& index : metadata_indexes_) out += index;
    if (out.size() != start)
        groups_.push_back({op::metadata_index, file_.size() + start, out.size() - start});
}

void writer::append_footer(std::string& out, std::size_t summary, std::uint64_t summary_start,
                           std::uint64_t offsets_start) const {
    record_writer footer(out, op::footer);
    footer.number(summary_start);
    footer.number(offsets_start);
    // The CRC covers the head of this record, with its length, and the two fields before.
    std::string covered = out.substr(summary);
    covered.replace(covered.size() - 16 - 8, 8, std::string("\x14\0\0\0\0\0\0\0", 8));
    footer.number(crc32(covered));
    footer.end();
}

}  // namespace mcap
