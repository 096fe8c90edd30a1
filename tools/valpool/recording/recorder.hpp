#pragma once

#include "../mcap/writer.hpp"

#include <valpool/valpool.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace tool {

struct recorder_options {
    std::string pool;
    std::vector<std::string> pipes;
    std::string file;
    std::string encoding = "cbor";
    std::string compression = "zstd";
    std::size_t chunk_bytes = 1 << 20;
    double flush_s = 1;
    std::size_t depth = 1024;      // packets that each tap keeps
    std::size_t most_bytes = 0;    // memory of these; 0: a share of the pool
    double duration_s = 0;         // 0: no end
    std::size_t most_packets = 0;  // 0: no end
    bool replace = false;
    bool sync = false;  // each chunk goes to the disk before the next one is begun
};

/// Writes what passes some pipes into a file, until it is told to stop.
class recorder {
public:
    /// From here on the taps see what is enqueued. Throws what Tap and writer throw.
    explicit recorder(recorder_options options);

    /// Records until a signal comes, the duration or the number of packets is reached, or the pool
    /// ends; then ends the file. Throws mcap::file_error when the disk is full, say, with a message
    /// that says what is in the file.
    void run();

    std::uint64_t packets() const noexcept { return packets_; }
    std::uint64_t missed() const noexcept;
    std::uint64_t refused() const noexcept { return refused_; }
    std::uint64_t file_bytes() const noexcept { return writer_.file_bytes(); }
    bool has_pool_ended() const noexcept { return has_pool_ended_; }

private:
    struct source {
        std::string pipe;
        valpool::Tap tap;
        std::uint16_t channel_id = 0;
        std::uint64_t seen = 0;
        std::uint64_t missed_told = 0;
    };

    static std::deque<source> open_taps(const recorder_options& o);
    void open_channels();
    bool is_over() const;
    bool take_one_of_each();
    bool take_from(source& s);
    void record(source& s, const valpool::Val& packet);
    void flush_in_time();
    void tell_missed(bool at_the_end);
    [[noreturn]] void end_on_a_full_disk(const std::string& why);
    mcap::time_ns next_time();

    recorder_options options_;
    std::deque<source> sources_;  // in front of the file: without taps no file is made
    mcap::writer writer_;
    std::string bytes_;
    mcap::time_ns started_ = 0;
    mcap::time_ns last_time_ = 0;
    mcap::time_ns chunk_began_ = 0;
    mcap::time_ns told_at_ = 0;
    std::uint64_t packets_ = 0;
    std::uint64_t refused_ = 0;
    bool has_pool_ended_ = false;
};

}  // namespace tool
