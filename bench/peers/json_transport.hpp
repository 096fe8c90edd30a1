#pragma once

/// Packets as JSON text over a byte channel, with Boost.JSON used as its documentation advises for
/// speed: a monotonic resource for the values of one message, and a parser and a serializer that
/// are kept.

#include "peers/byte_channels.hpp"
#include "support/contest.hpp"
#include "support/stream.hpp"

#include <boost/json.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace valpool::bench {

/// `Payload` builds and checks what is in a packet; see record.
template <class Channel, class Payload>
class json_transport {
public:
    explicit json_transport(std::size_t capacity) : channel_(capacity) {}
    static std::string name() { return "JSON (" + boost_version() + ") over " + Channel::name(); }

    class producer {
    public:
        explicit producer(const json_transport& t) : sender_(t.channel_) {}
        void send(std::int64_t sequence_number) {
            boost::json::monotonic_resource memory(memory_, sizeof memory_);
            boost::json::value packet(boost::json::object_kind, &memory);
            Payload::build(packet.get_object(), sequence_number);
            serializer_.reset(&packet);
            const std::string_view text = serializer_.read(text_, sizeof text_);
            if (!serializer_.done()) throw std::runtime_error("the text is too long");
            sender_.send(text);
        }

    private:
        typename Channel::sender sender_;
        boost::json::serializer serializer_;
        char text_[most_message_bytes];
        unsigned char memory_[4 * most_message_bytes];
    };

    class consumer {
    public:
        explicit consumer(const json_transport& t) : receiver_(t.channel_) {}
        std::int64_t receive() {
            boost::json::monotonic_resource memory(memory_, sizeof memory_);
            parser_.reset(&memory);
            parser_.write(receiver_.receive());
            const boost::json::value packet = parser_.release();
            return Payload::check(packet.get_object());
        }

    private:
        typename Channel::receiver receiver_;
        boost::json::parser parser_;
        unsigned char memory_[4 * most_message_bytes];
    };

private:
    Channel channel_;
};

/// Enters JSON over a channel. One that has no capacity of its own does not look at `capacity`.
template <class Channel, class Payload>
void add_json(contest& c, const std::string& channel_id, const std::string& variant,
              std::size_t capacity) {
    using transport = json_transport<Channel, Payload>;
    const std::string remark = Channel::has_capacity ? "" : ", as much as the kernel buffers";
    c.add({kind::peer, "json_" + channel_id, transport::name() + remark}, variant,
          [capacity](const options& o) { return packets_per_second(transport(capacity), o); });
}

}  // namespace valpool::bench
