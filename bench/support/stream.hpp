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

/// As far as a measurement gets, and what the longest messages are made with.
constexpr std::int64_t ordinary_number = 1'000'000;
constexpr std::int64_t longest_number = std::int64_t{1} << 40;

inline measurement packet_size(std::size_t bytes) {
    return {"size of a packet", "bytes", static_cast<double>(bytes)};
}

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

/// A known number of processes wait for each other three times.
struct stages {
    barrier ready;
    barrier warm;
    barrier done;
    double rate = 0;
};

constexpr std::int64_t warm_up_packets = 200;

template <class Producer>
void produce_stream(Producer& producer, stages& s, std::uint32_t parties, double seconds) {
    const auto send = [&](std::int64_t n) { producer.send(n); };
    s.ready.arrive_and_wait(parties);
    for (std::int64_t n = 0; n < warm_up_packets; ++n) send(n);
    s.warm.arrive_and_wait(parties);
    send_for(seconds, send, warm_up_packets);
    send(end_of_stream);
    s.done.arrive_and_wait(parties);
}

template <class Consumer>
void consume_stream(Consumer& consumer, stages& s, std::uint32_t parties) {
    s.ready.arrive_and_wait(parties);
    for (std::int64_t n = 0; n < warm_up_packets; ++n) expect_packet(consumer.receive(), n);
    s.warm.arrive_and_wait(parties);
    const auto began = clock_type::now();
    std::int64_t next = warm_up_packets;
    for (std::int64_t n; (n = consumer.receive()) != end_of_stream; ++next) expect_packet(n, next);
    s.rate = static_cast<double>(next - warm_up_packets) / seconds_since(began);
    s.done.arrive_and_wait(parties);
}

/// Measures a transport: an object made before the processes are, with
///     producer(const transport&)   in the sending process; with `void send(int64 sequence_number)`
///     consumer(const transport&)   in the receiving one; with `int64 receive()`, which looks up
///                                  and checks the packet's content, and lets go of it.
/// Makes sure that every packet arrives, once and in order. Timed is what comes after some packets
/// to warm up: until those have arrived, some transports are still connecting.
template <class Transport>
measurements packets_per_second(const Transport& transport, const options& o) {
    const shared<stages> s;
    const auto produce = [&] {
        typename Transport::producer producer(transport);
        produce_stream(producer, *s, 2, o.seconds);
    };
    const auto consume = [&] {
        typename Transport::consumer consumer(transport);
        consume_stream(consumer, *s, 2);
    };
    run_processes({{0, produce}, {1, consume}}, longest_measurement);
    return {{"rate", "packets/s", s->rate}};
}

/// The same with a third process between the two, on either's processor:
///     middle(const transport&)   with `int64 pass_on()`: takes a packet, changes one field, and
///                                passes it on; returns its number
///     consumer(const transport&, true)   takes what that one has passed on
template <class Transport>
measurements packets_per_second_in_three_stages(const Transport& transport, const options& o) {
    const shared<stages> s;
    const auto produce = [&] {
        typename Transport::producer producer(transport);
        produce_stream(producer, *s, 3, o.seconds);
    };
    const auto pass_on = [&] {
        typename Transport::middle middle(transport);
        s->ready.arrive_and_wait(3);
        for (std::int64_t n = 0; n < warm_up_packets; ++n) middle.pass_on();
        s->warm.arrive_and_wait(3);
        while (middle.pass_on() != end_of_stream) {
        }
        s->done.arrive_and_wait(3);
    };
    const auto consume = [&] {
        typename Transport::consumer consumer(transport, true);
        consume_stream(consumer, *s, 3);
    };
    run_processes(
        {{role::first_two, produce}, {role::first_two, pass_on}, {role::first_two, consume}},
        longest_measurement);
    return {{"rate", "packets/s", s->rate}};
}

}  // namespace valpool::bench
