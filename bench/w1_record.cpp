/// W1: a table of three fields is built, passed, looked at and freed; packets/s at several
/// capacities of the queue, beside others' ways to pass such a record.

#include "peers/byte_ring.hpp"
#include "peers/container_transport.hpp"
#include "peers/json_transport.hpp"
#include "support/record.hpp"
#include "support/spsc_ring.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#ifdef VALPOOL_BENCH_PEERS
#include "peers/flex_buffers.hpp"
#include "peers/iceoryx_transport.hpp"
#include "peers/message_pack.hpp"
#include "peers/packed_transport.hpp"
#include "peers/zeromq_channel.hpp"
#endif

#include <cstdint>
#include <string>

using namespace valpool::bench;

namespace {

constexpr int largest_capacity = 1024;

std::string capacity_name(int capacity) { return "capacity " + std::to_string(capacity); }

template <class Transport, class Capacity>
contest::body measures(Capacity capacity) {
    return [capacity](const options& o) { return packets_per_second(Transport(capacity), o); };
}

void add_valpool(contest& c, int capacity) {
    c.add(valpool_contestant("valpool_move", "handed over"), capacity_name(capacity),
          measures<valpool_transport<record, giving::moved>>(capacity));
    c.add(valpool_contestant("valpool_copy", "copied in, then let go of"), capacity_name(capacity),
          measures<valpool_transport<record, giving::copied>>(capacity));
    c.add(valpool_contestant("valpool_model", "a model copied, two fields changed"),
          capacity_name(capacity),
          measures<valpool_transport<record, giving::copied_from_model>>(capacity));
}

/// One thread has the work of both sides, and no cache line goes to another processor.
measurements packets_per_second_alone(const options& o) {
    using transport = valpool_transport<record, giving::moved>;
    const transport pipe(largest_capacity);
    const shared<double> rate;
    const auto send_and_receive = [&] {
        transport::producer producer(pipe);
        transport::consumer consumer(pipe);
        const auto pass = [&](std::int64_t n) {
            producer.send(n);
            expect_packet(consumer.receive(), n);
        };
        for (std::int64_t n = 0; n < warm_up_packets; ++n) pass(n);
        const auto began = clock_type::now();
        const std::int64_t next = send_for(o.seconds, pass, warm_up_packets);
        *rate = static_cast<double>(next - warm_up_packets) / seconds_since(began);
    };
    run_processes({{0, send_and_receive}}, longest_measurement);
    return {{"rate", "packets/s", *rate}};
}

void add_others(contest& c, int packets) {
    const std::string variant = capacity_name(packets);
    const auto capacity = static_cast<std::size_t>(packets);
    c.add({kind::limit, "ring", "limit: ring of 64-byte records, one producer and one consumer"},
          variant, measures<ring_transport>(capacity));
    c.add({kind::peer, "containers", container_transport::name()}, variant,
          measures<container_transport>(capacity));
    add_json<byte_ring, record>(c, "ring", variant, capacity);
    add_json<boost_queue, record>(c, "message_queue", variant, capacity);
}

/// What has no capacity that could be set takes part once, beside the largest one.
void add_sockets(contest& c) {
    const std::string variant = capacity_name(largest_capacity);
    add_json<stream_socket, record>(c, "stream_socket", variant, 0);
    add_json<seqpacket_socket, record>(c, "seqpacket_socket", variant, 0);
}

#ifdef VALPOOL_BENCH_PEERS
void add_installed_peers(contest& c, int packets) {
    const std::string variant = capacity_name(packets);
    const auto capacity = static_cast<std::size_t>(packets);
    add_json<zeromq_channel, record>(c, "zeromq", variant, capacity);
    add_packed<message_pack, record>(c, variant, capacity);
    add_packed<flex_buffers, record>(c, variant, capacity);
    c.add({kind::peer, "iceoryx", iceoryx_transport::name()}, variant,
          [capacity](const options& o) {
              // It is patient for 45 seconds, else, with those that have died.
              const background_program roudi(
                  {"iox-roudi", "--kill-delay", "1", "--config-file", VALPOOL_BENCH_ROUDI_CONFIG});
              return packets_per_second(iceoryx_transport(capacity), o);
          });
}
#else
void add_installed_peers(contest& c, int packets) {
    if (packets != largest_capacity) return;
    const std::string reason = "built without VALPOOL_BUILD_BENCH_PEERS";
    c.add_missing({kind::peer, "json_zeromq", "JSON over ZeroMQ"}, reason);
    c.add_missing({kind::peer, "iceoryx", "fixed struct over iceoryx"}, reason);
    c.add_missing({kind::peer, "msgpack_ring", "MessagePack"}, reason);
    c.add_missing({kind::peer, "flexbuffers_ring", "FlexBuffers"}, reason);
}
#endif

void add_sizes(contest& c) {
    const std::string variant = "a packet of W1";
    c.add(valpool_contestant("valpool_size", "its bytes in the pool"), variant,
          valpool_packet_size<record>);
    add_json_size<byte_ring, record>(c, variant);
#ifdef VALPOOL_BENCH_PEERS
    add_packed_size<message_pack, record>(c, variant);
    add_packed_size<flex_buffers, record>(c, variant);
#endif
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    contest c("W1");
    for (const int capacity : {1, 4, 64, largest_capacity}) {
        add_valpool(c, capacity);
        add_others(c, capacity);
        add_installed_peers(c, capacity);
    }
    c.add({kind::limit, "one_thread", "limit: one thread with the work of both sides"},
          capacity_name(largest_capacity), packets_per_second_alone);
    add_sockets(c);
    add_sizes(c);
    return c.run(o);
}
