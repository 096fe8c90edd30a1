/// W5: many processes. Fan: 1 to 4 producers and 1 to 4 consumers at one pipe. Pipeline: three
/// stages, the middle one passes on. Multicast: one producer gives each packet to eight readers,
/// through a pipe each. The packets are those of W1; counted is what arrives.

#include "support/record.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace valpool;
using namespace valpool::bench;

namespace {

constexpr int capacity = 1024;
constexpr int most_producers = 4;

/// Several producers share the sequence numbers: each counts in the lower bits.
struct numbering {
    static constexpr int bits = 40;
    static std::int64_t of(int producer, std::int64_t n) {
        return (std::int64_t{producer} << bits) + n;
    }
    static std::size_t producer(std::int64_t number) {
        return static_cast<std::size_t>(number >> bits);
    }
};

/// What the processes of one measurement share.
struct crowd {
    explicit crowd(unsigned processes, int producers = 1)
        : size(processes), still_producing(producers) {}

    const unsigned size;
    barrier ready;
    barrier done;
    std::atomic<int> still_producing;
    std::atomic<std::int64_t> began_ns{0};
    std::atomic<std::int64_t> ended_ns{0};
    std::atomic<std::int64_t> sent{0};
    std::atomic<std::int64_t> arrived{0};

    void begin() {
        ready.arrive_and_wait(size);
        std::int64_t nobody = 0;
        began_ns.compare_exchange_strong(nobody, now_ns());
    }
    /// Nobody leaves, and takes a pool with him, before all are through.
    void end(std::int64_t has_arrived) {
        arrived += has_arrived;
        const std::int64_t now = now_ns();
        for (std::int64_t was = ended_ns; was < now;)
            if (ended_ns.compare_exchange_weak(was, now)) break;
        done.arrive_and_wait(size);
    }
};

template <class... Arguments>
shared<crowd> make_crowd(Arguments... arguments) {
    return shared<crowd>(0, std::make_tuple(arguments...));
}

measurements deliveries(const crowd& c, std::int64_t readers_of_each) {
    if (c.arrived != c.sent * readers_of_each)
        throw std::runtime_error(std::to_string(c.arrived) + " packets arrived of " +
                                 std::to_string(c.sent * readers_of_each));
    return {{"rate", "packets/s",
             1e9 * static_cast<double>(c.arrived) / static_cast<double>(c.ended_ns - c.began_ns)}};
}

Val packet(StreamingPool* pool, std::int64_t sequence_number) {
    Val data = Shared(pool, Tab());
    record::build(data, sequence_number);
    return data;
}

std::int64_t take_record(CQ& pipe) {
    const Val data = pipe.deq();
    return record::check<pooled_values>(data);
}

/// Takes packets until the end, each producer's in their order. Returns how many there were.
std::int64_t take_all(CQ& pipe) {
    std::array<std::int64_t, most_producers> last;
    last.fill(-1);
    for (std::int64_t count = 0;; ++count) {
        const std::int64_t number = take_record(pipe);
        if (number == end_of_stream) return count;
        std::int64_t& before = last.at(numbering::producer(number));
        if (number <= before) throw std::runtime_error("a producer's packets are out of order");
        before = number;
    }
}

/// The pool is made by an own process, which only waits, so that all others are alike.
role host(const std::string& pool_name, crowd& c) {
    return {role::anywhere, [&] {
                SHMMain main(pool_name, 64 * mebibyte);
                main.start();
                c.begin();
                c.end(0);
            }};
}

void produce(const std::string& pool_name, crowd& c, int self, int consumers, double seconds) {
    ServerSide server(pool_name, "packets", capacity);
    server.start();
    c.begin();
    c.sent += send_for(seconds, [&](std::int64_t n) {
        server.pipe().enq(packet(server.pool(), numbering::of(self, n)));
    });
    if (--c.still_producing == 0)
        for (int i = 0; i < consumers; ++i) server.pipe().enq(packet(server.pool(), end_of_stream));
    c.end(0);
}

void consume(const std::string& pool_name, const std::string& pipe_name, crowd& c) {
    ClientSide client(pool_name, pipe_name);
    client.start();
    c.begin();
    c.end(take_all(client.pipe()));
}

measurements fan(int producers, int consumers, const options& o) {
    const shm_name pool_name("fan");
    const auto c = make_crowd(static_cast<unsigned>(producers + consumers + 1), producers);
    std::vector<role> roles{host(pool_name, *c)};
    for (int i = 0; i < producers; ++i)
        roles.push_back(
            {role::anywhere, [&, i] { produce(pool_name, *c, i, consumers, o.seconds); }});
    for (int i = 0; i < consumers; ++i)
        roles.push_back({role::anywhere, [&] { consume(pool_name, "packets", *c); }});
    run_processes(roles, longest_measurement);
    return deliveries(*c, 1);
}

void pass_on(const std::string& pool_name, crowd& c) {
    ClientSide input(pool_name, "packets");
    input.start();
    ServerSide output(pool_name, "passed", capacity);
    output.start();
    c.begin();
    for (std::int64_t number = 0; number != end_of_stream;) {
        Val data = input.pipe().deq();
        number = data["sequence_number"];
        output.pipe().enq(std::move(data));
    }
    c.end(0);
}

measurements pipeline(const options& o) {
    const shm_name pool_name("pipeline");
    const auto c = make_crowd(4u);
    run_processes({host(pool_name, *c),
                   {role::first_two, [&] { produce(pool_name, *c, 0, 1, o.seconds); }},
                   {role::first_two, [&] { pass_on(pool_name, *c); }},
                   {role::first_two, [&] { consume(pool_name, "passed", *c); }}},
                  longest_measurement);
    return deliveries(*c, 1);
}

constexpr int readers = 8;
std::string reader_pipe(int i) { return "reader " + std::to_string(i); }

void produce_for_all(const std::string& pool_name, crowd& c, double seconds) {
    std::deque<ServerSide> sides;
    for (int i = 0; i < readers; ++i)
        sides.emplace_back(pool_name, reader_pipe(i), capacity).start();
    const auto send = [&](std::int64_t number) {
        const Val data = packet(sides.front().pool(), number);
        for (ServerSide& side : sides) side.pipe().enq(data);
    };
    c.begin();
    c.sent += send_for(seconds, send);
    send(end_of_stream);
    c.end(0);
}

measurements multicast_to_all(const options& o) {
    const shm_name pool_name("multicast");
    const auto c = make_crowd(static_cast<unsigned>(readers + 2));
    std::vector<role> roles{host(pool_name, *c)};
    roles.push_back({role::anywhere, [&] { produce_for_all(pool_name, *c, o.seconds); }});
    for (int i = 0; i < readers; ++i)
        roles.push_back({role::anywhere, [&, i] { consume(pool_name, reader_pipe(i), *c); }});
    run_processes(roles, longest_measurement);
    return deliveries(*c, readers);
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    const contestant valpool = valpool_contestant("valpool_move", "handed over");
    contest c("W5");
    for (int p = 1; p <= most_producers; ++p)
        for (int q = 1; q <= 4; ++q)
            c.add(valpool, std::to_string(p) + " to " + std::to_string(q),
                  [=](const options& how) { return fan(p, q, how); });
    c.add(valpool, "three stages", pipeline);
    c.add(valpool_contestant("valpool_copy", "one handle for each reader"), "multicast to 8",
          multicast_to_all);
    return c.run(o);
}
