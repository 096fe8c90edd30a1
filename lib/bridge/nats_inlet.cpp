#include "bridge/nats_link.hpp"
#include "bridge/pace.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace valpool::bridge {
namespace {

constexpr const char* consumer_name = "valpool_bridge";
constexpr std::int64_t a_second = 1'000'000'000;

/// How much the broker may have sent that is not received here yet.
constexpr std::size_t most_bytes_ahead = std::size_t{32} << 20U;
constexpr std::size_t least_messages_ahead = 2;
constexpr std::size_t most_messages_ahead = 1024;
constexpr std::size_t most_at_once = 256;

/// Where a message lies in the stream, and in what the consumer was given.
struct place {
    std::uint64_t in_stream = 0;
    std::uint64_t of_deliveries = 0;
};

/// The address for the acknowledgement has them: $JS.ACK.STREAM.CONSUMER.TIMES.PLACE.DELIVERY.TIME.
/// PENDING, or, from later brokers, $JS.ACK.DOMAIN.ACCOUNT.STREAM and so on, with one more word at
/// the end.
place place_in(std::string_view address) {
    std::vector<std::string_view> words(1, address);
    for (std::size_t dot; (dot = words.back().find('.')) != std::string_view::npos;) {
        const std::string_view rest = words.back().substr(dot + 1);
        words.back() = words.back().substr(0, dot);
        words.push_back(rest);
    }
    if (words.size() < 9 || words[1] != "ACK") return {};
    const std::size_t first = words.size() == 9 ? 5 : 7;
    const auto number = [&](std::size_t i) {
        std::uint64_t n = 0;
        if (i < words.size())
            std::from_chars(words[i].data(), words[i].data() + words[i].size(), n);
        return n;
    };
    return {number(first), number(first + 1)};
}

/// What the broker says in a message that is no packet: why it gives no more.
std::string said_in(natsMsg& m) {
    const char* text = nullptr;
    for (const char* const name : {"Description", "Status"})
        if (natsMsgHeader_Get(&m, name, &text) == NATS_OK && text) return text;
    return "the broker gives no messages";
}

class nats_arrival final : public arrival {
public:
    nats_arrival(std::shared_ptr<nats_connection::link> link, message_ptr message)
        : link_(std::move(link)), message_(std::move(message)) {}
    std::string_view bytes() const override {
        return {natsMsg_GetData(message_.get()),
                static_cast<std::size_t>(natsMsg_GetDataLength(message_.get()))};
    }
    void done() override {
        // If this does not reach the broker, the message comes again, and is known by its number.
        natsConnection_PublishString(link_->get(), natsMsg_GetReply(message_.get()), "+ACK");
    }

private:
    const std::shared_ptr<nats_connection::link> link_;
    const message_ptr message_;
};

/// Pulls from a consumer that is made anew after each interruption: then the stream, which keeps
/// all that is not acknowledged, begins with the oldest of it. (A consumer that goes on would give
/// what is under way only after a time-out, and behind later messages.)
/// It asks the broker for messages ahead of time, by JetStream's interface for pulling. (The C
/// library's own function for that has been seen to free messages twice when connections are lost.)
class nats_inlet final : public inlet {
public:
    nats_inlet(std::shared_ptr<nats_connection::link> link, const stream_options& from)
        : link_(std::move(link)),
          options_(from),
          stream_(stream_name(from)),
          context_(make_context(*link_)),
          watcher_(link_, [this] { is_interrupted_ = true; }) {
        need_stream(*context_, options_);
    }
    ~nats_inlet() override {
        // What is under way is free for the next one.
        if (subscription_ && link_->is_connected()) remove_consumer();
        link_->retire(std::move(subscription_));
    }
    nats_inlet(const nats_inlet&) = delete;
    nats_inlet& operator=(const nats_inlet&) = delete;

    std::vector<std::unique_ptr<arrival>> receive(std::chrono::milliseconds timeout) override {
        try {
            if (is_interrupted_.exchange(false)) begin_anew();
            return fetch(timeout);
        } catch (const transport_error& e) {
            is_interrupted_ = true;
            link_->events.note_trouble(e.what());
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            return {};
        }
    }
    std::uint64_t interruptions() const override { return interruptions_; }

private:
    using arrivals = std::vector<std::unique_ptr<arrival>>;
    using clock = std::chrono::steady_clock;

    void remove_consumer() {
        js_DeleteConsumer(context_.get(), stream_.c_str(), consumer_name, nullptr, nullptr);
    }

    void begin_anew() {
        ++interruptions_;
        link_->retire(std::move(subscription_));
        seen_ = {};
        requested_ = 0;
        pace_.was_interrupted();
        need_stream(*context_, options_);  // somebody may have deleted it
        remove_consumer();
        jsConsumerConfig c;
        jsConsumerConfig_Init(&c);
        c.Durable = consumer_name;
        c.DeliverPolicy = js_DeliverAll;
        c.AckPolicy = js_AckExplicit;
        c.AckWait = 30 * a_second;
        c.MaxAckPending = -1;
        jsConsumerInfo* info = nullptr;
        jsErrCode error{};
        const natsStatus status =
            js_AddConsumer(&info, context_.get(), stream_.c_str(), &c, nullptr, &error);
        jsConsumerInfo_Destroy(info);
        expect_ok(status, "a consumer of the stream " + stream_);
        inbox_ = new_inbox();
        subscription_ = subscribe(*link_, inbox_);
        heard_at_ = clock::now();
    }

    /// Keeps so many messages coming that their bytes stay within bounds.
    void request_more() {
        const std::size_t wanted = std::clamp(pace_.bytes() / (usual_bytes_ + 1),
                                              least_messages_ahead, most_messages_ahead);
        if (requested_ * 2 > wanted) return;
        pace_.holds_up();
        const std::string address = "$JS.API.CONSUMER.MSG.NEXT." + stream_ + "." + consumer_name;
        const std::string batch = "{\"batch\":" + std::to_string(wanted - requested_) + "}";
        expect_ok(natsConnection_PublishRequestString(link_->get(), address.c_str(), inbox_.c_str(),
                                                      batch.c_str()),
                  "asking the stream " + stream_);
        requested_ = wanted;
    }

    /// The broker forgets requests when another one becomes its cluster's leader, or when somebody
    /// has removed the consumer.
    void look_after_requests() {
        constexpr std::chrono::seconds long_silence{5};
        if (clock::now() - heard_at_ < long_silence) return;
        heard_at_ = clock::now();
        jsConsumerInfo* info = nullptr;
        jsErrCode error{};
        const natsStatus status = js_GetConsumerInfo(&info, context_.get(), stream_.c_str(),
                                                     consumer_name, nullptr, &error);
        expect_ok(status, "the consumer of the stream " + stream_);
        if (info->NumWaiting == 0) requested_ = 0;
        jsConsumerInfo_Destroy(info);
    }

    arrivals fetch(std::chrono::milliseconds timeout) {
        request_more();
        arrivals all;
        auto wait_ms = static_cast<std::int64_t>(timeout.count());
        while (all.size() < most_at_once) {
            natsMsg* received = nullptr;
            const natsStatus status =
                natsSubscription_NextMsg(&received, subscription_.get(), wait_ms);
            if (status == NATS_TIMEOUT) break;
            expect_ok(status, "receiving from the stream " + stream_);
            message_ptr m(received);
            heard_at_ = clock::now();
            if (wait_ms != 0) let_more_come(last_batch_);
            wait_ms = 0;
            if (!accept(std::move(m), all)) {
                is_interrupted_ = true;
                break;
            }
        }
        if (all.empty()) look_after_requests();
        last_batch_ = all.size();
        return all;
    }

    /// False when a message before it has been lost on the way.
    bool accept(message_ptr m, arrivals& all) {
        const char* const address = natsMsg_GetReply(m.get());
        if (!address) throw transport_error("the stream " + stream_ + ": " + said_in(*m));
        const place its = place_in(address);
        if (its.of_deliveries != seen_.of_deliveries + 1) return false;
        seen_.of_deliveries = its.of_deliveries;
        if (requested_ != 0) --requested_;
        const auto bytes = static_cast<std::size_t>(natsMsg_GetDataLength(m.get()));
        pace_.came_through(bytes, heard_at_);
        usual_bytes_ = std::max(bytes, usual_bytes_ - usual_bytes_ / 16);
        // The broker gives a message again whose acknowledgement is slow. It is in hand already, or
        // done with; the acknowledgement of the first delivery counts for both.
        if (its.in_stream <= seen_.in_stream) return true;
        seen_.in_stream = its.in_stream;
        all.push_back(std::make_unique<nats_arrival>(link_, std::move(m)));
        return true;
    }

    const std::shared_ptr<nats_connection::link> link_;
    const stream_options options_;
    const std::string stream_;
    const context_ptr context_;
    std::string inbox_;
    subscription_ptr subscription_;
    place seen_;
    std::size_t requested_ = 0;  // and not come yet
    std::size_t usual_bytes_ = most_message_bytes;
    std::size_t last_batch_ = 0;
    pace pace_{most_bytes_ahead};
    clock::time_point heard_at_{};
    std::uint64_t interruptions_ = 0;
    std::atomic<bool> is_interrupted_{true};  // begins with a consumer of its own
    const nats_connection::link::watcher watcher_;
};

}  // namespace

std::unique_ptr<inlet> make_nats_inlet(std::shared_ptr<nats_connection::link> link,
                                       const stream_options& from) {
    return std::make_unique<nats_inlet>(std::move(link), from);
}

}  // namespace valpool::bridge
