#pragma once

/// Packets as messages of a binary format (message_pack, flex_buffers) over a byte channel.

#include "peers/byte_channels.hpp"
#include "peers/byte_ring.hpp"
#include "support/contest.hpp"
#include "support/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace valpool::bench {

/// `Payload` writes and checks what is in a packet; see record.
template <class Format, class Channel, class Payload>
class packed_transport {
public:
    explicit packed_transport(std::size_t capacity)
        : channel_(capacity, message_bytes(longest_number)),
          passed_on_(capacity, message_bytes(longest_number)) {}
    static std::string name() { return Format::name() + " over " + Channel::name(); }

    static std::size_t message_bytes(std::int64_t sequence_number) {
        std::vector<char> memory(Payload::most_bytes);
        typename Format::writer writer;
        writer.begin(memory.data(), memory.size());
        Payload::write(writer, sequence_number);
        return writer.end().size();
    }

    class producer {
    public:
        explicit producer(const packed_transport& t) : sender_(t.channel_) {}
        void send(std::int64_t sequence_number) {
            if constexpr (Format::is_written_in_place) {
                sender_.put([&](char* at, std::size_t most) {
                    writer_.begin(at, most);
                    Payload::write(writer_, sequence_number);
                    return writer_.end().size();
                });
            } else {
                writer_.begin();
                Payload::write(writer_, sequence_number);
                sender_.send(writer_.end());
            }
        }

    private:
        typename Channel::sender sender_;
        typename Format::writer writer_;
    };

    /// Between the two of a pipeline.
    class middle {
    public:
        explicit middle(const packed_transport& t) : receiver_(t.channel_), sender_(t.passed_on_) {}
        std::int64_t pass_on() {
            const std::int64_t number = changer_.pass_on(receiver_.receive(), sender_,
                                                         Payload::changed_key, Payload::changed);
            receiver_.release();
            return number;
        }

    private:
        typename Channel::receiver receiver_;
        typename Channel::sender sender_;
        typename Format::changer changer_;
    };

    class consumer {
    public:
        explicit consumer(const packed_transport& t, bool is_last_of_three = false)
            : receiver_(is_last_of_three ? t.passed_on_ : t.channel_) {}
        std::int64_t receive() {
            const auto packet = reader_.open(receiver_.receive());
            const std::int64_t number = Payload::template check<Format>(packet);
            receiver_.release();
            return number;
        }

    private:
        typename Channel::receiver receiver_;
        typename Format::reader reader_;
    };

private:
    Channel channel_;
    Channel passed_on_;
};

/// Enters a format over the ring and over the queue.
template <class Format, class Payload>
void add_packed(contest& c, const std::string& variant, std::size_t capacity) {
    const auto add = [&]<class Channel>(std::type_identity<Channel>, const std::string& id) {
        using transport = packed_transport<Format, Channel, Payload>;
        c.add({kind::peer, Format::id() + "_" + id, transport::name()}, variant,
              [capacity](const options& o) { return packets_per_second(transport(capacity), o); });
    };
    add(std::type_identity<byte_ring>(), "ring");
    add(std::type_identity<boost_queue>(), "message_queue");
}

/// The same in three stages.
template <class Format, class Payload>
void add_packed_pipeline(contest& c, const std::string& variant, std::size_t capacity) {
    const auto add = [&]<class Channel>(std::type_identity<Channel>, const std::string& id) {
        using transport = packed_transport<Format, Channel, Payload>;
        c.add({kind::peer, Format::id() + "_" + id, transport::name()}, variant,
              [capacity](const options& o) {
                  return packets_per_second_in_three_stages(transport(capacity), o);
              });
    };
    add(std::type_identity<byte_ring>(), "ring");
    add(std::type_identity<boost_queue>(), "message_queue");
}

template <class Format, class Payload>
void add_packed_size(contest& c, const std::string& variant) {
    c.add({kind::peer, Format::id(), Format::name()}, variant, [](const options&) -> measurements {
        return {packet_size(
            packed_transport<Format, byte_ring, Payload>::message_bytes(ordinary_number))};
    });
}

}  // namespace valpool::bench
