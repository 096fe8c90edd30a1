#include "bridge/nats_link.hpp"

#include <atomic>
#include <thread>
#include <utility>

namespace valpool::bridge {
namespace {

constexpr const char* consumer_name = "valpool_bridge";
constexpr int most_at_once = 256;
constexpr std::int64_t most_bytes_at_once = std::int64_t{16} << 20U;
constexpr std::int64_t a_second = 1'000'000'000;

class nats_arrival final : public arrival {
public:
    explicit nats_arrival(message_ptr message) : message_(std::move(message)) {}
    std::string_view bytes() const override {
        return {natsMsg_GetData(message_.get()),
                static_cast<std::size_t>(natsMsg_GetDataLength(message_.get()))};
    }
    void done() override {
        // If this does not reach the broker, the message comes again, and is known by its number.
        natsMsg_Ack(message_.get(), nullptr);
    }

private:
    const message_ptr message_;
};

/// Where a message lies in the stream, and in what the consumer was given.
struct place {
    std::uint64_t in_stream = 0;
    std::uint64_t of_deliveries = 0;
};

place place_of(natsMsg& m) {
    jsMsgMetaData* found = nullptr;
    if (natsMsg_GetMetaData(&found, &m) != NATS_OK) return {};
    const place p{found->Sequence.Stream, found->Sequence.Consumer};
    jsMsgMetaData_Destroy(found);
    return p;
}

/// Pulls from a consumer that is made anew after each interruption: then the stream, which keeps
/// all that is not acknowledged, begins with the oldest of it. (A consumer that goes on would give
/// what is under way only after a time-out, and behind later messages.)
class nats_inlet final : public inlet {
public:
    nats_inlet(std::shared_ptr<nats_connection::link> link, const stream_options& from)
        : link_(std::move(link)),
          options_(from),
          watcher_(link_, [this] { is_interrupted_ = true; }) {
        jsCtx* made = nullptr;
        expect_ok(natsConnection_JetStream(&made, link_->get(), nullptr), "JetStream");
        context_.reset(made);
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
            link_->had_trouble(e.what());
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            return {};
        }
    }
    std::uint64_t interruptions() const override { return interruptions_; }

private:
    using arrivals = std::vector<std::unique_ptr<arrival>>;

    void remove_consumer() {
        js_DeleteConsumer(context_.get(), stream_name(options_).c_str(), consumer_name, nullptr,
                          nullptr);
    }

    void begin_anew() {
        ++interruptions_;
        link_->retire(std::move(subscription_));
        seen_ = {};
        remove_consumer();
        const std::string stream = stream_name(options_);
        jsConsumerConfig c;
        jsConsumerConfig_Init(&c);
        c.Durable = consumer_name;
        c.DeliverPolicy = js_DeliverAll;
        c.AckPolicy = js_AckExplicit;
        c.AckWait = 30 * a_second;
        c.MaxAckPending = -1;
        jsConsumerInfo* info = nullptr;
        jsErrCode error{};
        natsStatus status =
            js_AddConsumer(&info, context_.get(), stream.c_str(), &c, nullptr, &error);
        jsConsumerInfo_Destroy(info);
        expect_ok(status, "a consumer of the stream " + stream);
        jsSubOptions o;
        jsSubOptions_Init(&o);
        o.Stream = stream.c_str();
        o.Consumer = consumer_name;
        natsSubscription* made = nullptr;
        status = js_PullSubscribe(&made, context_.get(), options_.subject.c_str(), nullptr, nullptr,
                                  &o, &error);
        expect_ok(status, "receiving from the stream " + stream);
        subscription_.reset(made);
    }

    arrivals fetch(std::chrono::milliseconds timeout) {
        jsFetchRequest request;
        jsFetchRequest_Init(&request);
        request.Batch = most_at_once;
        request.MaxBytes = most_bytes_at_once;
        request.Expires = std::chrono::nanoseconds(timeout).count();
        natsMsgList list{};
        const natsStatus status =
            natsSubscription_FetchRequest(&list, subscription_.get(), &request);
        arrivals all;
        bool is_whole = true;
        for (int i = 0; i < list.Count; ++i) {
            message_ptr m(std::exchange(list.Msgs[i], nullptr));
            is_whole = is_whole && accept(std::move(m), all);
        }
        natsMsgList_Destroy(&list);
        if (!is_whole) is_interrupted_ = true;
        if (status != NATS_OK && status != NATS_TIMEOUT && status != NATS_NOT_FOUND && all.empty())
            expect_ok(status, "receiving from the stream " + stream_name(options_));
        return all;
    }

    /// False when a message before it has been lost on the way.
    bool accept(message_ptr m, arrivals& all) {
        const place its = place_of(*m);
        if (its.of_deliveries != seen_.of_deliveries + 1) return false;
        seen_.of_deliveries = its.of_deliveries;
        // The broker gives a message again whose acknowledgement is slow. It is in hand already, or
        // done with; the acknowledgement of the first delivery counts for both.
        if (its.in_stream <= seen_.in_stream) return true;
        seen_.in_stream = its.in_stream;
        all.push_back(std::make_unique<nats_arrival>(std::move(m)));
        return true;
    }

    const std::shared_ptr<nats_connection::link> link_;
    const stream_options options_;
    context_ptr context_;
    subscription_ptr subscription_;
    place seen_;
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
