#pragma once

/// The way out of a pool: takes packets of a pipe and sends them, in their order, until the engine
/// has confirmed them.

#include "bridge/message.hpp"
#include "bridge/pace.hpp"
#include "bridge/status.hpp"
#include "bridge/transport.hpp"

#include <valpool/cq.hpp>
#include <valpool/tap.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace valpool::bridge {

/// A packet on its way from a pipe.
struct taken_packet {
    Val value;
    Lease lease;               // without one: it was taken from a tap
    std::uint64_t number = 0;  // in the pipe, from 1
};

/// Where a sender's packets come from.
class packet_source {
public:
    virtual ~packet_source() = default;
    /// False when the time is over.
    virtual bool take(double timeout_s, taken_packet& out) = 0;
    virtual std::uint64_t missed() const { return 0; }
};
/// Takes each packet on loan: it is the pipe's until it is confirmed.
std::unique_ptr<packet_source> packets_of(CQ& pipe);
/// Takes copies of what passes.
std::unique_ptr<packet_source> copies_of(Tap tap);

struct sender_limits {
    std::size_t most_packets = 4096;           // in flight
    std::size_t most_bytes = 64UL << 20U;      // of them; one packet may be larger
    std::size_t most_packets_a_message = 64;   // of small ones: what is there goes together
    std::chrono::milliseconds patience{5000};  // with a confirmation
};

/// All packets are sent in order, and what is not confirmed is sent again, with everything behind
/// it ("go back n"). Each message says which packet came before: so a receiver that lacks that one
/// waits for the repetition, and none is lost or taken twice.
class sender final : private outlet_events {
public:
    /// `name`: of the source, see message_header. make_outlet gets the receiver of the events.
    using outlet_maker = std::function<std::unique_ptr<outlet>(outlet_events&)>;
    sender(packet_source& packets, std::string name, const outlet_maker& make_outlet,
           sender_limits limits = {});
    ~sender();
    sender(const sender&) = delete;
    sender& operator=(const sender&) = delete;

    /// Takes and sends until is_over() says so, which is asked several times a second. What is not
    /// confirmed by then stays in the pipe. Throws what the pipe throws (PoolRetired).
    void run(const std::function<bool()>& is_over);
    /// By any thread.
    sender_status status() const;

private:
    using clock = std::chrono::steady_clock;

    struct flight {
        taken_packet packet;
        std::string bytes;  // room for the header, then the packet as CBOR
        std::uint64_t previous = 0;
        bool is_late = false;
        std::uint32_t parts = 1;
        std::uint32_t sent_parts = 0;
        std::uint32_t confirmed_parts = 0;
        std::uint64_t first_ticket = 0;  // of its parts, or of the message that it shares
        clock::time_point sent_at;
    };

    void confirmed(std::uint64_t ticket) override;
    void refused(std::uint64_t ticket, const std::string& why) override;
    void reconnected() override;

    bool take_some(double timeout_s);
    bool take_one(double timeout_s, std::size_t& bytes);
    void give_up(taken_packet& packet, const std::string& why);
    std::size_t most_body_bytes() const;
    void send_next();
    std::size_t next_count() const;
    bool has_part_to_send() const;
    bool can_send_now() const;
    void begin_next(std::size_t count);
    message_header header_of(const flight& f, std::uint64_t confirmed_number) const;
    void send_part(const flight& f, std::uint32_t part, std::uint64_t confirmed_number);
    void send_together(std::uint64_t ticket, std::uint64_t confirmed_number);
    std::uint64_t part_bytes(const flight& f, std::uint64_t part) const;
    void go_back(const std::string& why);
    void go_back_if_due();
    void retire_confirmed(std::unique_lock<std::mutex>& guard);
    using flights = std::pair<std::deque<flight>::iterator, std::deque<flight>::iterator>;
    flights flights_of(std::uint64_t ticket);
    bool has_room() const;
    std::uint64_t body_bytes(const flight& f) const { return f.bytes.size() - header_bytes_; }

    packet_source& packets_;
    const std::string name_;
    const sender_limits limits_;
    const std::size_t header_bytes_;
    std::unique_ptr<outlet> outlet_;  // after what its events use
    std::vector<flight*> sending_;    // what send_next sends
    std::string together_;            // their bytes

    mutable std::mutex mutex_;  // protects what follows
    std::condition_variable changed_;
    std::deque<flight> window_;   // oldest first
    std::size_t sent_count_ = 0;  // of the window, from its front
    std::size_t burst_ = 0;       // how many may be sent at once; grows with confirmations
    std::uint64_t next_ticket_ = 1;
    std::uint64_t oldest_valid_ticket_ = 1;  // earlier ones are of sendings that were given up
    std::uint64_t bytes_in_window_ = 0;
    std::uint64_t bytes_under_way_ = 0;  // sent and not confirmed
    pace pace_;                          // of the former
    std::uint64_t last_number_ = 0;      // the highest one that was taken
    std::uint64_t confirmed_number_ = 0;
    bool must_go_back_ = false;
    std::chrono::milliseconds pause_{0};  // before the next repetition
    clock::time_point resume_at_{};
    /// When something was confirmed, or taken with nothing else here.
    clock::time_point progress_at_{};
    sender_status status_;
};

}  // namespace valpool::bridge
