#pragma once

/// One process sends packets as fast as it can, another one takes them and looks at each.

#include "support/contest.hpp"
#include "support/process.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace valpool::bench {

/// The sequence number of the packet that closes a stream.
constexpr std::int64_t end_of_stream = -1;

/// No measurement takes nearly that long.
constexpr std::chrono::seconds longest_measurement{60};

/// Throws unless what arrived is what was to come.
inline void expect_packet(std::int64_t arrived, std::int64_t expected) {
    if (arrived != expected)
        throw std::runtime_error("packet " + std::to_string(arrived) + " came instead of " +
                                 std::to_string(expected));
}

/// Throws when a packet's content is not what its sequence number says.
inline void expect_content(bool is_right, std::int64_t sequence_number) {
    if (!is_right)
        throw std::runtime_error("the content of packet " + std::to_string(sequence_number) +
                                 " is wrong");
}

/// Calls send(first), send(first + 1), ... for about so long; returns the first number not sent.
template <class Send>
std::int64_t send_for(double seconds, Send send, std::int64_t first = 0) {
    constexpr int sends_per_look = 64;  // at the clock
    const auto began = clock_type::now();
    std::int64_t next = first;
    do {
        for (int i = 0; i < sends_per_look; ++i) send(next++);
    } while (seconds_since(began) < seconds);
    return next;
}

/// Measures a transport: an object made before the processes are, with
///     producer(const transport&)   in the sending process; with `void send(int64 sequence_number)`
///     consumer(const transport&)   in the receiving one; with `int64 receive()`, which looks up
///                                  and checks the packet's content, and lets go of it.
/// Makes sure that every packet arrives, once and in order. Timed is what comes after some packets
/// to warm up: until those have arrived, some transports are still connecting.
template <class Transport>
measurements packets_per_second(const Transport& transport, const options& o) {
    constexpr std::int64_t warm_up = 200;
    struct board {
        barrier ready;
        barrier warm;
        barrier done;
        double rate = 0;
    };
    const shared<board> b;
    const auto produce = [&] {
        typename Transport::producer producer(transport);
        const auto send = [&](std::int64_t n) { producer.send(n); };
        b->ready.arrive_and_wait(2);
        for (std::int64_t n = 0; n < warm_up; ++n) send(n);
        b->warm.arrive_and_wait(2);
        send_for(o.seconds, send, warm_up);
        send(end_of_stream);
        b->done.arrive_and_wait(2);
    };
    const auto consume = [&] {
        typename Transport::consumer consumer(transport);
        b->ready.arrive_and_wait(2);
        for (std::int64_t n = 0; n < warm_up; ++n) expect_packet(consumer.receive(), n);
        b->warm.arrive_and_wait(2);
        const auto began = clock_type::now();
        std::int64_t next = warm_up;
        for (std::int64_t n; (n = consumer.receive()) != end_of_stream; ++next)
            expect_packet(n, next);
        b->rate = static_cast<double>(next - warm_up) / seconds_since(began);
        b->done.arrive_and_wait(2);
    };
    run_processes({{0, produce}, {1, consume}}, longest_measurement);
    return {{"rate", "packets/s", b->rate}};
}

}  // namespace valpool::bench
