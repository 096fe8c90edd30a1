#include "routes.hpp"

#include "json_output.hpp"
#include "look.hpp"
#include "words.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace tool {
namespace {

using namespace valpool;

bool is_of_route(const pipe_status& p) { return p.name.rfind(route_pipe_prefix, 0) == 0; }

/// Fields of a packet that anybody can have put there.
class fields {
public:
    explicit fields(const Tab& packet) : packet_(packet) {}

    std::string text(const char* name) const {
        const Val found = packet_.get(name);
        return found.tag == 'a' ? std::string(found) : "";
    }
    std::uint64_t count(const char* name) const {
        const Val found = packet_.get(name);
        return is_number(found) ? static_cast<std::uint64_t>(found) : 0;
    }
    double seconds(const char* name) const {
        const Val found = packet_.get(name);
        return is_number(found) ? static_cast<double>(found) : 0;
    }

private:
    static bool is_number(const Val& v) {
        return std::string("sSiIlLxXbfd").find(v.tag) != std::string::npos;
    }

    const Tab& packet_;
};

route_status status_in(const Tab& packet) {
    const fields f(packet);
    route_status r;
    r.direction = f.text("direction");
    r.pipe = f.text("pipe");
    r.destination = f.text("destination");
    r.transport = f.text("transport");
    r.trouble = f.text("trouble");
    r.pid = static_cast<int>(f.count("pid"));
    r.is_connected = f.count("connected") != 0;
    r.reconnects = f.count("reconnects");
    r.packets = f.count("acknowledged") + f.count("delivered");
    r.in_flight = f.count("in_flight");
    r.again = f.count("repeated") + f.count("duplicates");
    r.refused = f.count("refused");
    r.dropped = f.count("given_up") + f.count("missed") + f.count("dropped") + f.count("lost");
    r.bytes = f.count("bytes");
    r.round_trip_s = f.seconds("round_trip_s");
    r.waiting_s = f.seconds("waiting_s");
    return r;
}

/// Nothing when the route has just ended, or its packet is being replaced again and again.
std::optional<route_status> read(const Monitor& pool, const std::string& pipe) {
    constexpr int looks = 20;
    for (int i = 0; i < looks; ++i) {
        const peeked_packets peeked = pool.peek(pipe, 1);
        if (peeked.packets.empty()) continue;
        const Val& packet = peeked.packets.front();
        return packet.tag == 't' ? std::optional(status_in(packet)) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

std::vector<route_status> routes_of(const Monitor& pool) {
    std::vector<route_status> all;
    for (const pipe_status& p : pool.pipes()) {
        if (!is_of_route(p)) continue;
        try {
            if (auto its = read(pool, p.name)) all.push_back(std::move(*its));
        } catch (const std::exception&) {
            // It has gone meanwhile, or has said something that is no packet of a route.
        }
    }
    return all;
}

boost::container::vector<pipe_status> pipes_of(const Monitor& pool) {
    auto pipes = pool.pipes();
    pipes.erase(std::remove_if(pipes.begin(), pipes.end(), is_of_route), pipes.end());
    return pipes;
}

std::string route_text(const route_status& r) {
    const std::string way = r.direction == "in" ? " <- " : r.direction == "tap" ? " ~> " : " -> ";
    return shown(r.pipe) + way + shown(r.destination);
}

table table_of(const std::vector<route_status>& routes) {
    table all({{"ROUTE", align::left, column::narrow::shrinks},
               {"LINK", align::left},
               {"PACKETS", align::right},
               {"UNDER WAY", align::right, column::narrow::goes},
               {"AGAIN", align::right, column::narrow::goes},
               {"REFUSED", align::right, column::narrow::goes},
               {"DROPPED", align::right, column::narrow::goes},
               {"ROUND TRIP", align::right, column::narrow::goes},
               {"BRIDGE", align::left, column::narrow::goes},
               {"LAST TROUBLE", align::left, column::narrow::goes}});
    for (const route_status& r : routes) {
        const std::string round_trip =
            r.round_trip_s > 0 ? std::to_string(static_cast<long>(r.round_trip_s * 1e6)) + " us"
                               : "";
        all.add({route_text(r),
                 r.is_connected ? cell(shown(r.transport), style::good) : cell("down", style::bad),
                 std::to_string(r.packets), unless_none(r.in_flight), unless_none(r.again),
                 unless_none(r.refused), unless_none(r.dropped), round_trip, pid_text(r.pid),
                 shown(r.trouble)});
    }
    return all;
}

OTab json_of(const route_status& r) {
    OTab t;
    t["direction"] = json_text(r.direction);
    t["pipe"] = json_name(r.pipe);
    t["destination"] = json_text(r.destination);
    t["transport"] = json_text(r.transport);
    t["pid"] = json_pid(r.pid);
    t["connected"] = r.is_connected;
    t["reconnects"] = r.reconnects;
    t["packets"] = r.packets;
    t["in_flight"] = r.in_flight;
    t["again"] = r.again;
    t["refused"] = r.refused;
    t["dropped"] = r.dropped;
    t["bytes"] = r.bytes;
    t["round_trip_s"] = json_known(r.round_trip_s);
    t["waiting_s"] = json_known(r.waiting_s);
    t["trouble"] = r.trouble.empty() ? Val() : json_text(r.trouble);
    return t;
}

}  // namespace tool
