#pragma once

/// MCAP, a file format for recordings of messages from many sources (mcap.dev, specification
/// version 0): the records, and how their fields lie in bytes. Nothing here knows about valpool.

#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mcap {

/// A file that cannot be opened, read or written; the message has the system's reason.
struct file_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// Bytes that are not what the format says.
struct format_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// At the start and at the end of a file.
constexpr std::string_view magic("\x89MCAP0\r\n", 8);

/// In front of each record: its kind in one byte, and the length of its content in eight.
constexpr std::size_t record_head_bytes = 9;

enum class op : unsigned char {
    header = 0x01,
    footer,
    schema,
    channel,
    message,
    chunk,
    message_index,
    chunk_index,
    attachment,
    attachment_index,
    statistics,
    metadata,
    metadata_index,
    summary_offset,
    data_end
};

/// What a chunk may have in memory, also when it is read from somebody else's file.
constexpr std::uint64_t most_chunk_bytes = std::uint64_t{1} << 30;

using text_map = std::map<std::string, std::string>;
using time_ns = std::uint64_t;  // since 1970, in UTC

struct schema {
    std::uint16_t id = 0;
    std::string name;
    std::string encoding;
    std::string data;
};

struct channel {
    std::uint16_t id = 0;
    std::uint16_t schema_id = 0;  // 0: none
    std::string topic;
    std::string message_encoding;
    text_map metadata;
};

struct message {
    std::uint16_t channel_id = 0;
    std::uint32_t sequence = 0;
    time_ns log_time = 0;
    time_ns publish_time = 0;
    std::string_view data;
};

struct metadata {
    std::string name;
    text_map entries;
};

/// First and last time of some messages; both 0 where there are none.
struct time_span {
    time_ns first = 0;
    time_ns last = 0;
    bool is_empty = true;

    void add(time_ns t) noexcept {
        if (is_empty || t < first) first = t;
        if (is_empty || t > last) last = t;
        is_empty = false;
    }
};

struct statistics {
    std::uint64_t messages = 0;
    std::uint16_t schemas = 0;
    std::uint32_t channels = 0;
    std::uint32_t attachments = 0;
    std::uint32_t metadata = 0;
    std::uint32_t chunks = 0;
    time_span times;
    std::map<std::uint16_t, std::uint64_t> messages_by_channel;

    void add(const message& m) {
        ++messages;
        ++messages_by_channel[m.channel_id];
        times.add(m.log_time);
    }
    /// The same number of messages in each channel; a channel without messages may be left out.
    bool has_same_counts(const statistics& other) const;
    bool has_same_times(const statistics& other) const noexcept {
        return times.first == other.times.first && times.last == other.times.last;
    }
};

struct chunk_index {
    time_span times;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::map<std::uint16_t, std::uint64_t> message_index_offsets;
    std::uint64_t message_index_length = 0;
    std::string compression;
    std::uint64_t compressed_bytes = 0;
    std::uint64_t uncompressed_bytes = 0;
};

/// Appends fields to bytes. All numbers lie with their low byte first.
class field_writer {
public:
    explicit field_writer(std::string& out) noexcept : out_(out) {}

    template <class Integer>
    void number(Integer n) {
        for (std::size_t i = 0; i < sizeof n; ++i) out_ += static_cast<char>(n >> (8 * i) & 0xff);
    }
    void text(std::string_view t) {
        number(static_cast<std::uint32_t>(t.size()));
        out_ += t;
    }
    void map(const text_map& entries);
    void numbers(const std::map<std::uint16_t, std::uint64_t>& entries);

protected:
    std::string& out_;
};

/// Appends one record. end() writes its length into its head.
class record_writer : public field_writer {
public:
    record_writer(std::string& out, op what) : field_writer(out), start_(out.size()) {
        number(static_cast<std::uint8_t>(what));
        number(std::uint64_t{0});
    }
    void end();

private:
    std::size_t start_;
};

void append(std::string& out, const schema& s);
void append(std::string& out, const channel& c);
void append(std::string& out, const message& m);
void append(std::string& out, const metadata& m);
void append(std::string& out, const chunk_index& c);
void append(std::string& out, const statistics& s);

/// Takes fields from bytes. Throws format_error when they end early; no length is believed before
/// it has been compared with what is there.
class field_reader {
public:
    field_reader(std::string_view bytes, const char* what) noexcept : rest_(bytes), what_(what) {}

    template <class Integer>
    Integer number() {
        const std::string_view bytes = take(sizeof(Integer));
        std::uint64_t n = 0;
        for (std::size_t i = sizeof(Integer); i-- != 0;)
            n = n << 8 | static_cast<unsigned char>(bytes[i]);
        return static_cast<Integer>(n);
    }
    std::string_view text() { return take(number<std::uint32_t>()); }
    std::string_view long_bytes() { return take(number<std::uint64_t>()); }
    text_map map();
    std::map<std::uint16_t, std::uint64_t> numbers();
    std::string_view rest() const noexcept { return rest_; }

private:
    std::string_view take(std::uint64_t count);

    std::string_view rest_;
    const char* what_;
};

schema read_schema(std::string_view content);
channel read_channel(std::string_view content);
message read_message(std::string_view content);
metadata read_metadata(std::string_view content);
chunk_index read_chunk_index(std::string_view content);
statistics read_statistics(std::string_view content);

}  // namespace mcap
