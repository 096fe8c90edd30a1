#pragma once

/// The way into a pool: puts the packets that arrive into a pipe, each of them once, and in the
/// order of its source.

#include "bridge/message.hpp"
#include "bridge/status.hpp"
#include "bridge/transport.hpp"

#include <valpool/cq.hpp>
#include <valpool/idempotent_producer.hpp>
#include <valpool/parse.hpp>
#include <valpool/when_full.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace valpool::bridge {

struct receiver_options {
    /// What happens to a packet when the pipe is full. Wait: it waits, and the engine with it.
    WhenFull when_full = WhenFull::Wait;
    /// Larger ones are refused; so are those that are deeper, or have more values.
    parse_limits limits;
};

class receiver {
public:
    receiver(CQ& pipe, inlet& from, receiver_options options = {});
    ~receiver();
    receiver(const receiver&) = delete;
    receiver& operator=(const receiver&) = delete;

    /// Receives until is_over() says so, which is asked several times a second. Throws what the
    /// pipe throws (PoolRetired), and transport_error.
    void run(const std::function<bool()>& is_over);
    /// By any thread.
    receiver_status status() const;

private:
    using clock = std::chrono::steady_clock;
    using arrivals = std::vector<std::unique_ptr<arrival>>;

    /// A packet whose parts are coming.
    struct partial_packet {
        std::uint64_t number = 0;
        std::uint32_t next_part = 0;
        std::string bytes;
        arrivals parts;  // not done before the packet is in the pipe
    };
    struct source {
        std::string name;
        IdempotentProducer producer;
        partial_packet partial;
    };

    enum class verdict { next, late, duplicate, out_of_turn };

    void handle(std::unique_ptr<arrival> a, const std::function<bool()>& is_over);
    bool handle_whole(const message& m, const std::function<bool()>& is_over);
    void handle_part(std::unique_ptr<arrival> a, const message& m,
                     const std::function<bool()>& is_over);
    verdict judge(const source& s, const message_header& h);
    source& source_named(std::string_view name);
    source* source_whose_turn_it_is(const message_header& h);
    bool collect(source& s, std::unique_ptr<arrival> a, const message& m);
    bool deliver(source& s, const message_header& h, std::string_view bytes,
                 const std::function<bool()>& is_over);
    bool put_patiently(source& s, const message_header& h, const Val& packet,
                       const std::function<bool()>& is_over);
    bool put(source& s, const message_header& h, const Val& packet);
    void refuse(source& s, const message_header& h, const std::string& why);
    static void give_up(partial_packet& p);
    void forget_partial_packets();

    template <class Change>
    void note(Change change) {
        const std::lock_guard guard(mutex_);
        change(status_);
    }

    CQ& pipe_;
    inlet& from_;
    const receiver_options options_;
    std::uint64_t interruptions_ = 0;
    std::list<source> sources_;  // used last first

    mutable std::mutex mutex_;  // protects what follows
    receiver_status status_;
    std::optional<clock::time_point> waits_since_;
};

}  // namespace valpool::bridge
