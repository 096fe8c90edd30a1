#include "recorder.hpp"

#include "../interrupt.hpp"
#include "../output.hpp"
#include "form.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace tool {

namespace {

constexpr double second_ns = 1e9;

/// A tap keeps packets in the pool's memory. An eighth of it for all taps leaves the pool's users
/// enough.
std::size_t share_of_pool(const std::string& pool, std::size_t taps) {
    struct stat file = {};
    if (stat(("/dev/shm/" + pool).c_str(), &file) != 0) return 0;
    return std::max<std::size_t>(static_cast<std::size_t>(file.st_size) / 8 / taps, 1);
}

std::string host_name() {
    char name[256] = "";
    return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

recorder::recorder(recorder_options options)
    : options_(std::move(options)),
      sources_(open_taps(options_)),
      writer_(mcap::output_file(options_.file, options_.replace),
              {"", "valpool " VALPOOL_VERSION, compression_named(options_.compression),
               options_.chunk_bytes}),
      started_(time_now()) {
    open_channels();
}

std::deque<recorder::source> recorder::open_taps(const recorder_options& o) {
    const std::size_t most_bytes =
        o.most_bytes != 0 ? o.most_bytes : share_of_pool(o.pool, o.pipes.size());
    std::deque<source> sources;
    for (const std::string& pipe : o.pipes)
        sources.push_back({pipe, valpool::Tap(o.pool, pipe, o.depth, most_bytes), 0, 0, 0});
    return sources;
}

void recorder::open_channels() {
    writer_.add_metadata({std::string(about_the_pool),
                          {{"pool", options_.pool},
                           {"version", VALPOOL_VERSION},
                           {"host", host_name()},
                           {"started", time_text(started_) + " UTC"}}});
    const std::uint16_t schema = add_schema_for(writer_, options_.encoding);
    for (source& s : sources_)
        s.channel_id = writer_.add_channel(schema, s.pipe, options_.encoding);
}

std::uint64_t recorder::missed() const noexcept {
    std::uint64_t all = 0;
    for (const source& s : sources_) all += s.tap.missed();
    return all;
}

bool recorder::is_over() const {
    if (was_interrupted() || has_pool_ended_) return true;
    if (options_.most_packets != 0 && packets_ >= options_.most_packets) return true;
    return options_.duration_s > 0 &&
           static_cast<double>(time_now() - started_) >= options_.duration_s * second_ns;
}

void recorder::run() {
    // As Tap::next waits, but for several taps.
    constexpr double shortest_sleep_s = 50e-6, longest_sleep_s = 2e-3;
    double sleep_s = shortest_sleep_s;
    try {
        while (!is_over()) {
            const bool has_some = take_one_of_each();
            flush_in_time();
            tell_missed(false);
            sleep_s = has_some ? shortest_sleep_s : std::min(2 * sleep_s, longest_sleep_s);
            if (!has_some) sleep_unless_interrupted(sleep_s);
        }
        // What is in the taps by now has come in time.
        for (std::size_t i = 0; i < options_.depth && take_one_of_each(); ++i) {
        }
        writer_.close();
        writer_.sync();
    } catch (const mcap::file_error& e) {
        end_on_a_full_disk(e.what());
    }
    tell_missed(true);
}

/// One of each in turn, so that packets of different pipes are recorded about in the order in which
/// they came.
bool recorder::take_one_of_each() {
    bool has_some = false;
    for (source& s : sources_) {
        if (options_.most_packets != 0 && packets_ >= options_.most_packets) break;
        has_some |= take_from(s);
    }
    return has_some;
}

bool recorder::take_from(source& s) {
    valpool::Val packet;
    try {
        if (!s.tap.next(0.0, packet)) return false;
    } catch (const valpool::PoolRetired&) {
        has_pool_ended_ = true;
        return false;
    } catch (const valpool::PoolExhausted&) {
        return false;  // the packet comes with the next call, when there is memory again
    }
    ++s.seen;
    record(s, packet);
    return true;
}

void recorder::record(source& s, const valpool::Val& packet) {
    try {
        encode(packet, options_.encoding, bytes_);
        const mcap::time_ns now = next_time();
        if (writer_.waiting_bytes() == 0) chunk_began_ = now;
        // The numbers of the packets that were missed are left out.
        writer_.add(
            {s.channel_id, static_cast<std::uint32_t>(s.seen + s.tap.missed()), now, now, bytes_});
        ++packets_;
    } catch (const mcap::file_error&) {
        throw;
    } catch (const std::exception& e) {  // poisoned, not to be said in JSON, too large
        if (refused_++ == 0)
            complain("a packet of '" + s.pipe + "' cannot be recorded: " + e.what());
    }
}

/// The time of day may be set back; a recording's does not go back.
mcap::time_ns recorder::next_time() {
    last_time_ = std::max(last_time_, time_now());
    return last_time_;
}

void recorder::flush_in_time() {
    if (writer_.waiting_bytes() == 0) return;
    if (static_cast<double>(time_now() - chunk_began_) < options_.flush_s * second_ns) return;
    writer_.flush();
    if (options_.sync) writer_.sync();
}

void recorder::tell_missed(bool at_the_end) {
    const mcap::time_ns now = time_now();
    if (!at_the_end && now - told_at_ < static_cast<mcap::time_ns>(second_ns)) return;
    told_at_ = now;
    for (source& s : sources_) {
        if (s.tap.missed() == s.missed_told) continue;
        s.missed_told = s.tap.missed();
        complain("'" + s.pipe + "' was faster than the recorder: " + std::to_string(s.missed_told) +
                 " packets missed so far (--depth, --memory)");
    }
}

void recorder::end_on_a_full_disk(const std::string& why) {
    const std::uint64_t lost = writer_.drop_chunk();
    const std::uint64_t kept = writer_.so_far().messages;
    std::string state = "it is complete";
    try {
        writer_.close();
    } catch (const mcap::file_error&) {
        state = "it has no index: `valpool rec recover` makes a file with one";
    }
    throw mcap::file_error(why + "\n" + std::to_string(kept) + " packets are in the file, and " +
                           state + "; the last " + std::to_string(lost) + " are lost");
}

}  // namespace tool
