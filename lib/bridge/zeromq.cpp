#include "bridge/zeromq.hpp"

#include <zmq.hpp>

#include <utility>

namespace valpool::bridge {
namespace {

constexpr std::size_t part_bytes = std::size_t{512} << 10U;
constexpr int send_timeout_ms = 200;
constexpr std::size_t most_at_once = 256;

/// Calls the function; what ZeroMQ throws becomes a transport_error.
template <class Function>
auto translated(const std::string& endpoint, Function function) {
    try {
        return function();
    } catch (const zmq::error_t& e) {
        throw transport_error(endpoint + ": " + e.what());
    }
}

class zeromq_outlet final : public outlet {
public:
    zeromq_outlet(const zeromq_options& to, outlet_events& events)
        : endpoint_(to.endpoint), events_(events) {
        translated(endpoint_, [&] {
            socket_.set(zmq::sockopt::sndhwm, to.most_messages);
            socket_.set(zmq::sockopt::sndtimeo, send_timeout_ms);
            socket_.set(zmq::sockopt::linger, send_timeout_ms);
            // What nobody has connected to yet does not take messages.
            socket_.set(zmq::sockopt::immediate, 1);
            socket_.connect(endpoint_);
        });
    }
    void send(std::uint64_t ticket, std::string_view head, std::string_view body) override {
        zmq::message_t m(head.size() + body.size());
        head.copy(m.data<char>(), head.size());
        body.copy(m.data<char>() + head.size(), body.size());
        const auto sent =
            translated(endpoint_, [&] { return socket_.send(m, zmq::send_flags::none); });
        if (!sent) throw transport_error(endpoint_ + ": nobody receives");
        events_.confirmed(ticket);
    }
    outlet_limits limits() const override { return {.message_bytes = part_bytes}; }

private:
    const std::string endpoint_;
    outlet_events& events_;
    zmq::context_t context_{1};
    zmq::socket_t socket_{context_, zmq::socket_type::push};
};

class zeromq_arrival final : public arrival {
public:
    explicit zeromq_arrival(zmq::message_t&& message) : message_(std::move(message)) {}
    std::string_view bytes() const override { return message_.to_string_view(); }
    void done() override {}

private:
    const zmq::message_t message_;
};

class zeromq_inlet final : public inlet {
public:
    explicit zeromq_inlet(const zeromq_options& from) : endpoint_(from.endpoint) {
        translated(endpoint_, [&] {
            socket_.set(zmq::sockopt::rcvhwm, from.most_messages);
            socket_.set(zmq::sockopt::linger, 0);
            socket_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(from.most_bytes));
            socket_.bind(endpoint_);
        });
    }
    std::vector<std::unique_ptr<arrival>> receive(std::chrono::milliseconds timeout) override {
        std::vector<std::unique_ptr<arrival>> all;
        translated(endpoint_, [&] {
            socket_.set(zmq::sockopt::rcvtimeo, static_cast<int>(timeout.count()));
            while (all.size() < most_at_once) {
                zmq::message_t m;
                const auto flags = all.empty() ? zmq::recv_flags::none : zmq::recv_flags::dontwait;
                if (!socket_.recv(m, flags)) break;
                all.push_back(std::make_unique<zeromq_arrival>(std::move(m)));
            }
        });
        return all;
    }
    std::uint64_t interruptions() const override { return 0; }

private:
    const std::string endpoint_;
    zmq::context_t context_{1};
    zmq::socket_t socket_{context_, zmq::socket_type::pull};
};

}  // namespace

void check(const zeromq_options& options) {
    const auto begins_with = [&](const char* scheme) {
        return options.endpoint.rfind(scheme, 0) == 0;
    };
    if (!begins_with("tcp://") && !begins_with("ipc://"))
        throw std::invalid_argument("\"" + options.endpoint +
                                    "\" is no endpoint: use tcp://HOST:PORT or ipc://PATH");
    if (options.most_messages < 1)
        throw std::invalid_argument("an endpoint needs room for a message");
}

std::unique_ptr<outlet> zeromq_way_out(const zeromq_options& to, outlet_events& events) {
    check(to);
    return std::make_unique<zeromq_outlet>(to, events);
}
std::unique_ptr<inlet> zeromq_way_in(const zeromq_options& from) {
    check(from);
    return std::make_unique<zeromq_inlet>(from);
}

}  // namespace valpool::bridge
