#include "reader.hpp"

#include "compression.hpp"
#include "crc32.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mcap {

namespace {

constexpr std::size_t most_problems = 20;

bool is_same(const schema& a, const schema& b) {
    return std::tie(a.name, a.encoding, a.data) == std::tie(b.name, b.encoding, b.data);
}
bool is_same(const channel& a, const channel& b) {
    return std::tie(a.schema_id, a.topic, a.message_encoding, a.metadata) ==
           std::tie(b.schema_id, b.topic, b.message_encoding, b.metadata);
}

}  // namespace

reader::reader(const std::string& path)
    : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat is = {};
    if (!fd_.is_open() || fstat(fd_.get(), &is) != 0)
        throw file_error("cannot open '" + path + "': " + std::strerror(errno));
    if (!S_ISREG(is.st_mode))
        throw file_error("'" + path + "' is not a file; a recording must be one");
    size_ = static_cast<std::uint64_t>(is.st_size);
    data_start_ = position_ = magic.size();
    if (size_ < magic.size() || read_at(0, magic.size()) != magic)
        throw format_error("'" + path + "' is not a recording: it does not begin as MCAP files do");
}

void reader::skip_outside(time_ns from, time_ns to) noexcept {
    from_ = from;
    to_ = to;
}

void reader::rewind() noexcept {
    position_ = data_start_;
    is_over_ = is_complete_ = false;
    in_chunk_ = {};
    problems_.clear();
    more_problems_ = 0;
    chunks_by_compression_.clear();
    uncompressed_bytes_ = 0;
    found_ = {};
    metadata_.clear();
}

std::vector<std::string> reader::problems() const {
    std::vector<std::string> all = problems_;
    if (more_problems_ != 0) all.push_back("and " + std::to_string(more_problems_) + " more");
    return all;
}

void reader::note(std::uint64_t at, const std::string& what) {
    if (problems_.size() < most_problems)
        problems_.push_back("byte " + std::to_string(at) + ": " + what);
    else
        ++more_problems_;
}

void reader::stop(const std::string& why) {
    note(position_, why);
    is_over_ = true;
}

std::string reader::read_at(std::uint64_t offset, std::uint64_t count) const {
    std::string bytes(static_cast<std::size_t>(count), '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = pread(fd_.get(), bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw file_error("cannot read '" + path_ + "': " + std::strerror(errno));
        if (n == 0) throw file_error("'" + path_ + "' became shorter while it was read");
        done += static_cast<std::size_t>(n);
    }
    return bytes;
}

std::optional<reader::record> reader::next_record() {
    if (position_ == size_) {
        stop("the file ends here, without its end: it was not closed");
        return {};
    }
    if (size_ - position_ < record_head_bytes) {
        stop("the file ends in the middle of a record");
        return {};
    }
    const std::string head = read_at(position_, record_head_bytes);
    field_reader fields(head, "a");
    const auto what = fields.number<std::uint8_t>();
    const auto length = fields.number<std::uint64_t>();
    const std::uint64_t start = position_ + record_head_bytes;
    if (what == 0) {
        stop("these bytes are no record");
        return {};
    }
    if (length > size_ - start) {
        stop("the file ends in the middle of a record of " + std::to_string(length) + " bytes");
        return {};
    }
    position_ = start + length;
    return record{static_cast<op>(what), start, length};
}

bool reader::next(message& m) {
    for (;;) {
        if (!in_chunk_.empty() && next_in_chunk(m)) return true;
        if (!in_chunk_.empty()) continue;
        if (is_over_) return false;
        const std::optional<record> r = next_record();
        if (!r) return false;
        take(*r);
    }
}

bool reader::has_magic_at_end() const {
    return size_ - position_ >= magic.size() &&
           read_at(size_ - magic.size(), magic.size()) == magic;
}

void reader::take(const record& r) {
    switch (r.what) {
        case op::data_end:
        case op::footer:
            is_over_ = true;
            is_complete_ = has_magic_at_end();
            if (is_complete_)
                compare_with_summary();
            else
                note(size_, "the file ends without its end: it was not closed");
            return;
        case op::chunk: return open_chunk(r);
        case op::attachment: ++found_.attachments; return;
        case op::header:
        case op::schema:
        case op::channel:
        case op::metadata:
        case op::message: break;
        default: return;  // indexes, and what other versions of the format have
    }
    if (r.length > most_chunk_bytes)
        return note(r.start, "a record of " + std::to_string(r.length) + " bytes is left out");
    std::string content = read_at(r.start, r.length);
    if (r.what == op::message) {
        // As the only record of a chunk.
        single_.clear();
        record_writer whole(single_, op::message);
        single_ += content;
        whole.end();
        in_chunk_ = single_;
        chunk_start_ = r.start;
        return;
    }
    try {
        take_definition(r.what, content);
    } catch (const format_error& e) {
        note(r.start, e.what());
    }
}

void reader::take_definition(op what, std::string_view content) {
    if (what == op::header) {
        field_reader fields(content, "a header");
        profile_ = fields.text();
        library_ = fields.text();
    } else if (what == op::metadata) {
        if (metadata_.size() < 1000) metadata_.push_back(read_metadata(content));
    } else if (what == op::schema) {
        const schema s = read_schema(content);
        if (s.id == 0) return;  // the format wants it to be ignored
        if (!is_same(schemas_.try_emplace(s.id, s).first->second, s))
            throw format_error("schema " + std::to_string(s.id) + " is defined in two ways");
    } else {
        const channel c = read_channel(content);
        if (!is_same(channels_.try_emplace(c.id, c).first->second, c))
            throw format_error("channel " + std::to_string(c.id) + " is defined in two ways");
    }
}

bool reader::is_outside(const record& r) const {
    const std::string start = read_at(r.start, std::min<std::uint64_t>(r.length, 16));
    field_reader fields(start, "a chunk");
    const auto first = fields.number<time_ns>();
    const auto last = fields.number<time_ns>();
    return last < from_ || first > to_;
}

std::string reader::read_chunk(const record& r) {
    if (r.length > most_chunk_bytes + record_head_bytes)
        throw format_error("it has " + std::to_string(r.length) + " bytes");
    const std::string content = read_at(r.start, r.length);
    field_reader fields(content, "a chunk");
    static_cast<void>(fields.number<time_ns>());
    static_cast<void>(fields.number<time_ns>());
    const auto size = fields.number<std::uint64_t>();
    const auto crc = fields.number<std::uint32_t>();
    const std::string_view compression = fields.text();
    std::string records = decompressed(fields.long_bytes(), compression, size);
    if (crc != 0 && crc != crc32(records)) throw format_error("its checksum is wrong");
    ++chunks_by_compression_[std::string(compression)];
    uncompressed_bytes_ += size;
    return records;
}

void reader::open_chunk(const record& r) {
    ++found_.chunks;
    try {
        if (is_outside(r)) return;
        chunk_ = read_chunk(r);
        in_chunk_ = chunk_;
        chunk_start_ = r.start;
    } catch (const format_error& e) {
        note(r.start, std::string("a chunk is left out: ") + e.what());
    }
}

bool reader::next_in_chunk(message& m) {
    try {
        field_reader fields(in_chunk_, "a chunk's");
        const auto what = static_cast<op>(fields.number<std::uint8_t>());
        const std::string_view content = fields.long_bytes();
        in_chunk_ = fields.rest();
        if (what == op::schema || what == op::channel) {
            take_definition(what, content);
        } else if (what == op::message) {
            m = read_message(content);
            if (m.log_time < from_ || m.log_time > to_) return false;
            found_.add(m);
            if (channels_.count(m.channel_id) != 0) return true;
            note(chunk_start_, "a message of channel " + std::to_string(m.channel_id) +
                                   ", which is not defined, is left out");
        }
    } catch (const format_error& e) {
        note(chunk_start_, std::string("the rest of a chunk is left out: ") + e.what());
        in_chunk_ = {};
    }
    return false;
}

}  // namespace mcap
