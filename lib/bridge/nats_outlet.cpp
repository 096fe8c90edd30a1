#include "bridge/nats_link.hpp"

#include <boost/json/parse.hpp>

#include <atomic>
#include <charconv>
#include <string_view>
#include <thread>
#include <utility>

namespace valpool::bridge {
namespace {

/// Publishes each message with an address for the answer that ends with the message's ticket. The
/// answers are JetStream's acknowledgements.
class nats_outlet final : public outlet {
public:
    nats_outlet(std::shared_ptr<nats_connection::link> link, const stream_options& to,
                outlet_events& events)
        : link_(std::move(link)),
          stream_(to),
          subject_(to.subject),
          events_(events),
          context_(make_context(*link_)),
          inbox_(new_inbox() + "."),
          answers_(subscribe(*link_, inbox_ + "*")),
          watcher_(link_, [this] { events_.reconnected(); }),
          listener_([this](const std::stop_token& stop) { listen(stop); }) {
        const stream_info_ptr stream = need_stream(*context_, to);
        // Negative: no limit.
        const auto limit = [](std::int64_t most) { return static_cast<std::size_t>(most); };
        limits_.packet_messages = limit(stream->Config->MaxMsgs);
        // The broker counts more than the message.
        limits_.packet_bytes = limit(stream->Config->MaxBytes) / 10 * 9;
    }

    ~nats_outlet() override {
        listener_.request_stop();
        listener_.join();
        link_->retire(std::move(answers_));
    }
    nats_outlet(const nats_outlet&) = delete;
    nats_outlet& operator=(const nats_outlet&) = delete;

    void send(std::uint64_t ticket, std::string_view head, std::string_view body) override {
        // Somebody has deleted it.
        if (is_stream_missing_.exchange(false)) need_stream(*context_, stream_);
        std::string_view message = head;
        if (!body.empty()) {
            message_.assign(head);
            message_ += body;
            message = message_;
        }
        const std::string answer_to = inbox_ + std::to_string(ticket);
        expect_ok(natsConnection_PublishRequest(link_->get(), subject_.c_str(), answer_to.c_str(),
                                                message.data(), static_cast<int>(message.size())),
                  "publishing to " + subject_);
    }
    outlet_limits limits() const override { return limits_; }

private:
    void listen(const std::stop_token& stop) {
        std::size_t batch = 0;
        while (!stop.stop_requested()) {
            natsMsg* received = nullptr;
            const bool has_waited =
                natsSubscription_NextMsg(&received, answers_.get(), 0) != NATS_OK;
            if (has_waited) {
                if (natsSubscription_NextMsg(&received, answers_.get(), 50) != NATS_OK) continue;
                let_more_come(std::exchange(batch, 0));
            }
            ++batch;
            const message_ptr answer(received);
            handle(*answer);
        }
    }

    void handle(natsMsg& answer) {
        const std::string_view to = natsMsg_GetSubject(&answer);
        std::uint64_t ticket = 0;
        const std::string_view digits = to.substr(std::min(inbox_.size(), to.size()));
        std::from_chars(digits.data(), digits.data() + digits.size(), ticket);
        if (ticket == 0) return;
        const std::string_view text(natsMsg_GetData(&answer),
                                    static_cast<std::size_t>(natsMsg_GetDataLength(&answer)));
        // {"stream":"...","seq":7}, or {"error":{"description":"..."},...}.
        if (text.find("\"seq\":") != std::string_view::npos &&
            text.find("\"error\":") == std::string_view::npos)
            events_.confirmed(ticket);
        else
            refuse(ticket, text);
    }

    void refuse(std::uint64_t ticket, std::string_view text) {
        // What no stream takes, the broker's core sends back without a word.
        if (text.empty()) is_stream_missing_ = true;
        events_.refused(
            ticket, text.empty() ? "no stream takes messages of that subject" : reason_in(text));
    }

    static std::string reason_in(std::string_view text) {
        boost::system::error_code wrong;
        const auto json = boost::json::parse({text.data(), text.size()}, wrong);
        if (wrong || !json.is_object()) return "the broker refuses messages";
        const auto* const error = json.get_object().if_contains("error");
        const auto* const why =
            error && error->is_object() ? error->get_object().if_contains("description") : nullptr;
        if (!why || !why->is_string()) return "the broker refuses messages";
        return "the broker says: " + std::string(why->get_string());
    }

    const std::shared_ptr<nats_connection::link> link_;
    const stream_options stream_;
    const std::string subject_;
    outlet_events& events_;
    const context_ptr context_;
    const std::string inbox_;
    subscription_ptr answers_;
    std::atomic<bool> is_stream_missing_{false};
    outlet_limits limits_{.message_bytes = most_message_bytes};
    std::string message_;
    const nats_connection::link::watcher watcher_;
    std::jthread listener_;  // last: it uses the rest
};

}  // namespace

std::unique_ptr<outlet> make_nats_outlet(std::shared_ptr<nats_connection::link> link,
                                         const stream_options& to, outlet_events& events) {
    return std::make_unique<nats_outlet>(std::move(link), to, events);
}

}  // namespace valpool::bridge
