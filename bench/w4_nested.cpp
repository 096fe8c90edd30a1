/// W4: a table of 100 keys in five levels, with numbers, texts and lists, is built, passed, looked
/// up and freed; packets/s, beside serialisers. Its receiver looks up all or three of the hundred;
/// or a process in between changes one.

#include "peers/byte_ring.hpp"
#include "peers/json_transport.hpp"
#include "support/nested.hpp"
#include "support/stream.hpp"
#include "support/valpool_transport.hpp"

#ifdef VALPOOL_BENCH_PEERS
#include "peers/flex_buffers.hpp"
#include "peers/message_pack.hpp"
#include "peers/packed_transport.hpp"
#include "peers/zeromq_channel.hpp"
#endif

#include <cstddef>
#include <string>

using namespace valpool::bench;

namespace {

constexpr int largest_capacity = 1024;

std::string variant_name(const std::string& what, int capacity) {
    return what + ", capacity " + std::to_string(capacity);
}

template <class Payload, giving Giving>
void add_valpool(contest& c, const std::string& id, const std::string& label,
                 const std::string& variant, int capacity) {
    c.add(valpool_contestant(id, label), variant, [capacity](const options& o) {
        return packets_per_second(valpool_transport<Payload, Giving>(capacity), o);
    });
}

/// One sends, one looks: at what `Payload` says.
template <class Payload>
void add_two_processes(contest& c, const std::string& what, int packets) {
    const std::string variant = variant_name(what, packets);
    const auto capacity = static_cast<std::size_t>(packets);
    add_valpool<Payload, giving::moved>(c, "valpool_move", "handed over", variant, packets);
    add_json<byte_ring, Payload>(c, "ring", variant, capacity);
    add_json<boost_queue, Payload>(c, "message_queue", variant, capacity);
#ifdef VALPOOL_BENCH_PEERS
    add_packed<message_pack, Payload>(c, variant, capacity);
    add_packed<flex_buffers, Payload>(c, variant, capacity);
#endif
}

void add_pipeline(contest& c, int packets) {
    const std::string variant =
        variant_name("three processes, the middle one changes a field", packets);
    const auto capacity = static_cast<std::size_t>(packets);
    c.add(valpool_contestant("valpool_move", "handed over"), variant, [packets](const options& o) {
        return packets_per_second_in_three_stages(
            valpool_transport<nested_passed_on, giving::moved>(packets), o);
    });
    add_json_pipeline<byte_ring, nested_passed_on>(c, "ring", variant, capacity);
    add_json_pipeline<boost_queue, nested_passed_on>(c, "message_queue", variant, capacity);
#ifdef VALPOOL_BENCH_PEERS
    add_packed_pipeline<message_pack, nested_passed_on>(c, variant, capacity);
    add_packed_pipeline<flex_buffers, nested_passed_on>(c, variant, capacity);
#endif
}

void add_sizes(contest& c) {
    const std::string variant = "a packet of W4";
    c.add(valpool_contestant("valpool_size", "its bytes in the pool"), variant,
          valpool_packet_size<nested>);
    add_json_size<byte_ring, nested>(c, variant);
#ifdef VALPOOL_BENCH_PEERS
    add_packed_size<message_pack, nested>(c, variant);
    add_packed_size<flex_buffers, nested>(c, variant);
#endif
}

/// What has no capacity that could be set takes part once, beside the largest one.
void add_sockets(contest& c, const std::string& what) {
    const std::string variant = variant_name(what, largest_capacity);
    add_json<stream_socket, nested>(c, "stream_socket", variant, 0);
    add_json<seqpacket_socket, nested>(c, "seqpacket_socket", variant, 0);
#ifdef VALPOOL_BENCH_PEERS
    add_json<zeromq_channel, nested>(c, "zeromq", variant, largest_capacity);
#else
    const std::string reason = "built without VALPOOL_BUILD_BENCH_PEERS";
    c.add_missing({kind::peer, "json_zeromq", "JSON over ZeroMQ"}, reason);
    c.add_missing({kind::peer, "msgpack_ring", "MessagePack"}, reason);
    c.add_missing({kind::peer, "flexbuffers_ring", "FlexBuffers"}, reason);
#endif
}

}  // namespace

int main(int argc, char** argv) {
    const options o = parse_options(argc, argv);
    contest c("W4");
    for (const int capacity : {4, largest_capacity}) {
        add_two_processes<nested>(c, "all read", capacity);
        add_valpool<nested, giving::copied_from_model>(
            c, "valpool_model", "a model copied, one field changed",
            variant_name("all read", capacity), capacity);
        add_two_processes<nested_for_three>(c, "three read", capacity);
        add_pipeline(c, capacity);
    }
    add_sockets(c, "all read");
    add_sizes(c);
    return c.run(o);
}
