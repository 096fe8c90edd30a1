#include "bridge/route.hpp"

#include "bridge/route_status.hpp"

#include <valpool/client_side.hpp>
#include <valpool/idempotent_producer.hpp>
#include <valpool/server_side.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

namespace valpool::bridge {
namespace {

using namespace std::chrono_literals;

template <class... Functions>
struct overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
overloaded(Functions...) -> overloaded<Functions...>;

std::string destination(const route& r) {
    return std::visit(overloaded{[](const nats_route& n) { return n.stream.subject; },
                                 [](const zeromq_options& z) { return z.endpoint; }},
                      r.over);
}

/// What a route has in its pool: the pipe, and the right to carry it.
class carried_pipe {
public:
    explicit carried_pipe(const route& r) : route_(r) {}

    /// False when is_over() came first.
    bool start(const std::function<bool()>& is_over) {
        is_over_ = is_over;
        return route_.way == route::direction::in ? start_in() : start_out();
    }
    CQ& pipe() { return server_ ? server_->pipe() : client_->pipe(); }

private:
    bool start_out() {
        client_.emplace(route_.pool, route_.pipe, is_over_, poll_us);
        return client_->start() == STARTED;
    }
    /// Makes the pipe, or takes the one that is there, whatever its capacity.
    bool start_in() {
        server_.emplace(route_.pool, route_.pipe, route_.capacity, is_over_, poll_us);
        try {
            return server_->start() == STARTED;
        } catch (const std::logic_error&) {
            server_.reset();
            return start_out();
        }
    }

    const route& route_;
    std::function<bool()> is_over_;
    std::optional<ServerSide> server_;
    std::optional<ClientSide> client_;
};

/// One life of a route: from finding the pool to its end, or the broker's.
class life {
public:
    life(const route& r, const std::function<bool()>& is_over,
         const std::function<void(const std::string&)>& say)
        : route_(r), is_over_(is_over), say_(say), pipe_(r) {}

    void run() {
        if (!pipe_.start(
                patiently("memory pool \"" + route_.pool + "\", pipe \"" + route_.pipe + "\"")))
            return;
        waits_for_.clear();
        board_.emplace(route_.pool, status_pipe_of(route_, destination(route_)), is_over_);
        if (!wait_for_our_turn()) return;
        connect();
        waits_for_.clear();
        if (is_over_()) return;
        if (route_.way == route::direction::out)
            send();
        else
            receive();
    }

private:
    using clock = std::chrono::steady_clock;

    /// Another process may carry the pipe. False when is_over() came first.
    bool wait_for_our_turn() {
        for (bool has_said = false; !is_over_(); std::this_thread::sleep_for(200ms)) {
            try {
                if (!board_->start()) return false;
                return true;
            } catch (const already_carried& e) {
                if (!std::exchange(has_said, true)) say_(std::string("waits: ") + e.what());
            }
        }
        return false;
    }
    void connect() {
        if (const auto* const n = std::get_if<nats_route>(&route_.over))
            connection_.emplace(n->broker, patiently("the broker at " + n->broker.url));
    }
    /// is_over(), and a word for whoever looks on when a wait for that takes a second.
    std::function<bool()> patiently(const std::string& what) {
        waits_for_ = what;
        waits_since_ = clock::now();
        return [this] {
            if (!waits_for_.empty() && clock::now() - waits_since_ > 1s)
                say_("waits for " + std::exchange(waits_for_, ""));
            return is_over_();
        };
    }
    std::unique_ptr<outlet> way_out(outlet_events& events) {
        return std::visit(
            overloaded{[&](const nats_route& n) { return connection_->way_out(n.stream, events); },
                       [&](const zeromq_options& z) { return zeromq_way_out(z, events); }},
            route_.over);
    }
    std::unique_ptr<inlet> way_in() {
        return std::visit(
            overloaded{[&](const nats_route& n) { return connection_->way_in(n.stream); },
                       [&](const zeromq_options& z) { return zeromq_way_in(z); }},
            route_.over);
    }
    connection_status link() const {
        return connection_ ? connection_->status() : connection_status{true, 0, {}};
    }

    /// is_over(), and a look at whether it is time to say how we are.
    template <class Status>
    std::function<bool()> with_reports(const Status& status) {
        return [this, &status] {
            board_->report_if_due(
                [&] { return status_packet(route_, destination(route_), status(), link()); });
            return is_over_();
        };
    }

    void send() {
        const bool is_tap = route_.tap_depth != 0;
        const auto packets = is_tap ? copies_of(Tap(route_.pool, route_.pipe, route_.tap_depth))
                                    : packets_of(pipe_.pipe());
        // The numbers of a tap begin anew with each.
        std::string name = pipe_.pipe().identity();
        if (is_tap) name = std::to_string(std::random_device()()) + "~" + name;
        sender s(
            *packets, name, [this](outlet_events& e) { return way_out(e); }, route_.sending);
        say_("carries " + description(route_));
        const auto status = [&s] { return s.status(); };
        s.run(with_reports(status));
    }
    void receive() {
        const auto from = way_in();
        receiver r(pipe_.pipe(), *from, route_.receiving);
        say_("carries " + description(route_));
        const auto status = [&r] { return r.status(); };
        r.run(with_reports(status));
    }

    const route& route_;
    const std::function<bool()>& is_over_;
    const std::function<void(const std::string&)>& say_;
    carried_pipe pipe_;
    std::optional<status_board> board_;
    std::optional<nats_connection> connection_;
    std::string waits_for_;  // empty: nothing, or it has been said
    clock::time_point waits_since_{};
};

}  // namespace

void check(const route& r) {
    // The constructors check the names, and touch nothing.
    const ClientSide side(r.pool, r.pipe);
    if (r.capacity < 1) throw std::invalid_argument("a pipe needs room for a packet");
    if (r.sending.most_packets < 1) throw std::invalid_argument("a window needs a packet");
    std::visit(overloaded{[](const nats_route& n) {
                              check(n.broker);
                              check(n.stream);
                          },
                          [](const zeromq_options& z) { check(z); }},
               r.over);
}

std::string description(const route& r) {
    const std::string here = "pool \"" + r.pool + "\", pipe \"" + r.pipe + "\"";
    const bool is_out = r.way == route::direction::out;
    return is_out ? here + " -> " + destination(r) : destination(r) + " -> " + here;
}

void run(const route& r, const std::function<bool()>& is_over,
         const std::function<void(const std::string&)>& say) {
    check(r);
    for (std::string last; !is_over();) {
        std::string trouble;
        try {
            life(r, is_over, say).run();
        } catch (const std::invalid_argument&) {
            throw;
        } catch (const BreakRequested&) {
            return;
        } catch (const std::exception& e) {
            trouble = e.what();
        }
        if (is_over()) return;
        if (!trouble.empty() && trouble != std::exchange(last, trouble))
            say("starts again: " + trouble);
        std::this_thread::sleep_for(300ms);
    }
}

}  // namespace valpool::bridge
