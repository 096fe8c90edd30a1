#include "format.hpp"

#include <algorithm>

namespace mcap {

void field_writer::map(const text_map& entries) {
    std::string content;
    field_writer fields(content);
    for (const auto& [key, value] : entries) {
        fields.text(key);
        fields.text(value);
    }
    text(content);
}

void field_writer::numbers(const std::map<std::uint16_t, std::uint64_t>& entries) {
    std::string content;
    field_writer fields(content);
    for (const auto& [key, value] : entries) {
        fields.number(key);
        fields.number(value);
    }
    text(content);
}

void record_writer::end() {
    std::string length;
    field_writer(length).number(std::uint64_t{out_.size() - start_ - record_head_bytes});
    out_.replace(start_ + 1, length.size(), length);
}

bool statistics::has_same_counts(const statistics& other) const {
    const auto count_in = [](const statistics& s, std::uint16_t channel) {
        const auto found = s.messages_by_channel.find(channel);
        return found == s.messages_by_channel.end() ? 0 : found->second;
    };
    const auto fits = [&](const statistics& a, const statistics& b) {
        return std::all_of(a.messages_by_channel.begin(), a.messages_by_channel.end(),
                           [&](const auto& of) { return count_in(b, of.first) == of.second; });
    };
    return fits(*this, other) && fits(other, *this);
}

void append(std::string& out, const schema& s) {
    record_writer r(out, op::schema);
    r.number(s.id);
    r.text(s.name);
    r.text(s.encoding);
    r.text(s.data);
    r.end();
}

void append(std::string& out, const channel& c) {
    record_writer r(out, op::channel);
    r.number(c.id);
    r.number(c.schema_id);
    r.text(c.topic);
    r.text(c.message_encoding);
    r.map(c.metadata);
    r.end();
}

void append(std::string& out, const message& m) {
    record_writer r(out, op::message);
    r.number(m.channel_id);
    r.number(m.sequence);
    r.number(m.log_time);
    r.number(m.publish_time);
    out += m.data;
    r.end();
}

void append(std::string& out, const metadata& m) {
    record_writer r(out, op::metadata);
    r.text(m.name);
    r.map(m.entries);
    r.end();
}

void append(std::string& out, const chunk_index& c) {
    record_writer r(out, op::chunk_index);
    r.number(c.times.first);
    r.number(c.times.last);
    r.number(c.offset);
    r.number(c.length);
    r.numbers(c.message_index_offsets);
    r.number(c.message_index_length);
    r.text(c.compression);
    r.number(c.compressed_bytes);
    r.number(c.uncompressed_bytes);
    r.end();
}

void append(std::string& out, const statistics& s) {
    record_writer r(out, op::statistics);
    r.number(s.messages);
    r.number(s.schemas);
    r.number(s.channels);
    r.number(s.attachments);
    r.number(s.metadata);
    r.number(s.chunks);
    r.number(s.times.first);
    r.number(s.times.last);
    r.numbers(s.messages_by_channel);
    r.end();
}

std::string_view field_reader::take(std::uint64_t count) {
    if (count > rest_.size())
        throw format_error(std::string(what_) + " record ends in the middle of a field");
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(taken.size());
    return taken;
}

text_map field_reader::map() {
    field_reader fields(text(), what_);
    text_map entries;
    while (!fields.rest().empty()) {
        const std::string key(fields.text());
        entries[key] = fields.text();
    }
    return entries;
}

std::map<std::uint16_t, std::uint64_t> field_reader::numbers() {
    field_reader fields(text(), what_);
    std::map<std::uint16_t, std::uint64_t> entries;
    while (!fields.rest().empty()) {
        const auto key = fields.number<std::uint16_t>();
        entries[key] = fields.number<std::uint64_t>();
    }
    return entries;
}

schema read_schema(std::string_view content) {
    field_reader r(content, "a schema");
    schema s;
    s.id = r.number<std::uint16_t>();
    s.name = r.text();
    s.encoding = r.text();
    s.data = r.text();
    return s;
}

channel read_channel(std::string_view content) {
    field_reader r(content, "a channel");
    channel c;
    c.id = r.number<std::uint16_t>();
    c.schema_id = r.number<std::uint16_t>();
    c.topic = r.text();
    c.message_encoding = r.text();
    c.metadata = r.map();
    return c;
}

message read_message(std::string_view content) {
    field_reader r(content, "a message");
    message m;
    m.channel_id = r.number<std::uint16_t>();
    m.sequence = r.number<std::uint32_t>();
    m.log_time = r.number<time_ns>();
    m.publish_time = r.number<time_ns>();
    m.data = r.rest();
    return m;
}

metadata read_metadata(std::string_view content) {
    field_reader r(content, "a metadata");
    metadata m;
    m.name = r.text();
    m.entries = r.map();
    return m;
}

namespace {
time_span read_times(field_reader& r) {
    time_span t;
    t.first = r.number<time_ns>();
    t.last = r.number<time_ns>();
    t.is_empty = t.first == 0 && t.last == 0;
    return t;
}
}  // namespace

chunk_index read_chunk_index(std::string_view content) {
    field_reader r(content, "a chunk index");
    chunk_index c;
    c.times = read_times(r);
    c.offset = r.number<std::uint64_t>();
    c.length = r.number<std::uint64_t>();
    c.message_index_offsets = r.numbers();
    c.message_index_length = r.number<std::uint64_t>();
    c.compression = r.text();
    c.compressed_bytes = r.number<std::uint64_t>();
    c.uncompressed_bytes = r.number<std::uint64_t>();
    return c;
}

statistics read_statistics(std::string_view content) {
    field_reader r(content, "a statistics");
    statistics s;
    s.messages = r.number<std::uint64_t>();
    s.schemas = r.number<std::uint16_t>();
    s.channels = r.number<std::uint32_t>();
    s.attachments = r.number<std::uint32_t>();
    s.metadata = r.number<std::uint32_t>();
    s.chunks = r.number<std::uint32_t>();
    s.times = read_times(r);
    s.messages_by_channel = r.numbers();
    return s;
}

}  // namespace mcap
