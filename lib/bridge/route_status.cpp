#include "bridge/route_status.hpp"

#include <valpool/tab.hpp>

#include <unistd.h>
#include <functional>

namespace valpool::bridge {
namespace {

constexpr std::size_t longest_pipe_name = 255;

Tab common(const route& r, const std::string& destination, const connection_status& link) {
    Tab t;
    t["direction"] = r.way == route::direction::in ? "in" : r.tap_depth != 0 ? "tap" : "out";
    t["pipe"] = r.pipe;
    t["destination"] = destination;
    t["transport"] = std::holds_alternative<nats_route>(r.over) ? "nats" : "zeromq";
    t["pid"] = static_cast<std::int64_t>(::getpid());
    t["connected"] = link.is_connected;
    t["reconnects"] = link.reconnects;
    return t;
}

void set_trouble(Tab& t, const std::string& of_route, const std::string& of_link) {
    t["trouble"] = of_route.empty() ? of_link : of_route;
}

}  // namespace

std::string status_pipe_of(const route& r, const std::string& destination) {
    const bool is_in = r.way == route::direction::in;
    const bool is_tap = !is_in && r.tap_depth != 0;
    std::string name = status_pipe_prefix;
    name += is_in ? "in/" : is_tap ? "tap/" : "out/";
    name += r.pipe;
    // A pipe goes out by one route, and comes in, or is tapped, by several.
    if (is_in || is_tap) name += "/" + destination;
    if (name.size() <= longest_pipe_name) return name;
    const std::string hash = std::to_string(std::hash<std::string>()(name));
    return name.substr(0, longest_pipe_name - hash.size()) + hash;
}

Val status_packet(const route& r, const std::string& destination, const sender_status& s,
                  const connection_status& link) {
    Tab t = common(r, destination, link);
    t["sent"] = s.sent;
    t["acknowledged"] = s.confirmed;
    t["in_flight"] = s.in_flight;
    t["repeated"] = s.repeated;
    t["refused"] = s.refused;
    t["given_up"] = s.given_up;
    t["missed"] = s.missed;
    t["bytes"] = s.bytes;
    t["round_trip_s"] = s.round_trip_s;
    t["waiting_s"] = s.waiting_s;
    set_trouble(t, s.trouble, link.trouble);
    return Val(t);
}

Val status_packet(const route& r, const std::string& destination, const receiver_status& s,
                  const connection_status& link) {
    Tab t = common(r, destination, link);
    t["received"] = s.received;
    t["delivered"] = s.delivered;
    t["duplicates"] = s.duplicates;
    t["out_of_turn"] = s.out_of_turn;
    t["refused"] = s.refused;
    t["dropped"] = s.dropped;
    t["lost"] = s.lost;
    t["bytes"] = s.bytes;
    t["waiting_s"] = s.waiting_s;
    set_trouble(t, s.trouble, link.trouble);
    return Val(t);
}

status_board::status_board(const std::string& pool, const std::string& pipe,
                           const std::function<bool()>& is_over)
    : side_(pool, pipe, 1, is_over, poll_us) {
    side_.temporary(true);
}

bool status_board::start() {
    if (side_.start() != STARTED) return false;
    try {
        owner_.emplace(side_.pipe(), "owner");
    } catch (const SourceTaken& e) {
        throw already_carried("process " + std::to_string(e.pid()) + " carries it already");
    }
    return true;
}

void status_board::report_if_due(const std::function<Val()>& packet) {
    const auto now = std::chrono::steady_clock::now();
    if (!owner_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(500);
    try {
        side_.pipe().enqueue(packet(), WhenFull::DropOldest, 0.0);
    } catch (const PoolExhausted&) {
        // The packets need the memory more.
    }
}

}  // namespace valpool::bridge
