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

/// What is in a table: see message_pack for the same of another kind.
struct json_values {
    static const boost::json::value& at(const boost::json::object& t, std::string_view key) {
        return t.at(key);
    }
    static const boost::json::object& below(const boost::json::object& t, std::string_view key) {
        return t.at(key).as_object();
    }
    static std::int64_t integer(const boost::json::value& v) { return v.as_int64(); }
    static double real(const boost::json::value& v) { return v.to_number<double>(); }
    static std::string_view text(const boost::json::value& v) { return v.as_string(); }
    static bool has_integers(const boost::json::value& v, std::int64_t first, std::size_t count) {
        const boost::json::array& all = v.as_array();
        if (all.size() != count) return false;
        for (const boost::json::value& item : all)
            if (integer(item) != first++) return false;
        return true;
    }
};

/// `Payload` builds and checks what is in a packet; see record.
template <class Channel, class Payload>
class json_transport {
    static constexpr std::size_t most_text_bytes = most_message_bytes;

    class writer {
    public:
        std::string_view text_of(std::int64_t sequence_number) {
            boost::json::monotonic_resource memory(memory_, sizeof memory_);
            boost::json::value packet(boost::json::object_kind, &memory);
            Payload::build(packet.get_object(), sequence_number);
            return text_of(packet);
        }
        std::string_view text_of(const boost::json::value& packet) {
            serializer_.reset(&packet);
            const std::string_view text = serializer_.read(text_, sizeof text_);
            if (!serializer_.done()) throw std::runtime_error("the text is too long");
            return text;
        }

    private:
        boost::json::serializer serializer_;
        char text_[most_text_bytes];
        unsigned char memory_[4 * most_text_bytes];
    };

    class reader {
    public:
        /// Calls `use(object&)` with the packet.
        template <class Use>
        std::int64_t read(std::string_view text, Use use) {
            boost::json::monotonic_resource memory(memory_, sizeof memory_);
            parser_.reset(&memory);
            parser_.write(text);
            boost::json::value packet = parser_.release();
            return use(packet);
        }

    private:
        boost::json::parser parser_;
        unsigned char memory_[4 * most_text_bytes];
    };

public:
    explicit json_transport(std::size_t capacity)
        : channel_(capacity, message_bytes(longest_number)),
          passed_on_(capacity, message_bytes(longest_number)) {}
    static std::string name() { return "JSON (" + boost_version() + ") over " + Channel::name(); }
    static std::size_t message_bytes(std::int64_t sequence_number) {
        return writer().text_of(sequence_number).size();
    }

    class producer {
    public:
        explicit producer(const json_transport& t) : sender_(t.channel_) {}
        void send(std::int64_t sequence_number) { sender_.send(writer_.text_of(sequence_number)); }

    private:
        typename Channel::sender sender_;
        writer writer_;
    };

    /// Between the two of a pipeline: all is parsed, and written again.
    class middle {
    public:
        explicit middle(const json_transport& t) : receiver_(t.channel_), sender_(t.passed_on_) {}
        std::int64_t pass_on() {
            return reader_.read(receiver_.receive(), [&](boost::json::value& packet) {
                release(receiver_);
                boost::json::value& number = packet.get_object().at(Payload::changed_key);
                const std::int64_t old = number.as_int64();
                number = Payload::changed(old);
                sender_.send(writer_.text_of(packet));
                return old;
            });
        }

    private:
        typename Channel::receiver receiver_;
        typename Channel::sender sender_;
        reader reader_;
        writer writer_;
    };

    class consumer {
    public:
        explicit consumer(const json_transport& t, bool is_last_of_three = false)
            : receiver_(is_last_of_three ? t.passed_on_ : t.channel_) {}
        std::int64_t receive() {
            return reader_.read(receiver_.receive(), [&](const boost::json::value& packet) {
                release(receiver_);  // the values own their texts
                return Payload::template check<json_values>(packet.get_object());
            });
        }

    private:
        typename Channel::receiver receiver_;
        reader reader_;
    };

private:
    template <class Receiver>
    static void release(Receiver& receiver) {
        if constexpr (requires { receiver.release(); }) receiver.release();
    }

    Channel channel_;
    Channel passed_on_;
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

template <class Channel, class Payload>
void add_json_pipeline(contest& c, const std::string& channel_id, const std::string& variant,
                       std::size_t capacity) {
    using transport = json_transport<Channel, Payload>;
    c.add({kind::peer, "json_" + channel_id, transport::name()}, variant,
          [capacity](const options& o) {
              return packets_per_second_in_three_stages(transport(capacity), o);
          });
}

template <class Channel, class Payload>
void add_json_size(contest& c, const std::string& variant) {
    c.add(
        {kind::peer, "json", "JSON (" + boost_version() + ")"}, variant,
        [](const options&) -> measurements {
            return {packet_size(json_transport<Channel, Payload>::message_bytes(ordinary_number))};
        });
}

}  // namespace valpool::bench
