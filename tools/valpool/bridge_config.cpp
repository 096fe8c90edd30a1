#include "bridge_config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>

namespace tool {
namespace {

using namespace valpool;
using bridge::nats_route;
using bridge::route;

/// A table of the file, whose keys are known by name.
class section {
public:
    section(const std::string& file, const toml::table& table) : file_(file), table_(table) {}

    [[noreturn]] void reject(const toml::node& at, const std::string& why) const {
        throw std::runtime_error(file_ + ":" + std::to_string(at.source().begin.line) + ": " + why);
    }
    void allow_only(std::initializer_list<std::string_view> keys) const {
        for (const auto& [key, node] : table_) {
            const bool is_known = std::find(keys.begin(), keys.end(), key.str()) != keys.end();
            if (!is_known) reject(node, "there is no \"" + std::string(key.str()) + "\" here");
        }
    }
    /// `those`: what has these keys; `this_one`: why this section has not.
    void allow_none_of(std::initializer_list<std::string_view> keys, const std::string& those,
                       const std::string& this_one) const {
        for (const std::string_view key : keys)
            if (const toml::node* const node = table_.get(key))
                reject(*node,
                       "\"" + std::string(key) + "\" is for " + those + "; this one " + this_one);
    }
    bool has(std::string_view key) const { return table_.contains(key); }
    std::string text(std::string_view key, std::optional<std::string> otherwise = {}) const {
        const toml::node* const node = table_.get(key);
        if (!node) {
            if (otherwise) return *otherwise;
            reject(table_, "\"" + std::string(key) + "\" is missing");
        }
        if (const auto value = node->value_exact<std::string>()) return *value;
        reject(*node, "\"" + std::string(key) + "\" is a text");
    }
    std::int64_t number(std::string_view key, std::int64_t otherwise, std::int64_t least,
                        std::int64_t most) const {
        const toml::node* const node = table_.get(key);
        if (!node) return otherwise;
        const auto value = node->value_exact<std::int64_t>();
        if (value && *value >= least && *value <= most) return *value;
        reject(*node, "\"" + std::string(key) + "\" is a whole number from " +
                          std::to_string(least) + " to " + std::to_string(most));
    }
    bool flag(std::string_view key) const {
        const toml::node* const node = table_.get(key);
        if (!node) return false;
        if (const auto value = node->value_exact<bool>()) return *value;
        reject(*node, "\"" + std::string(key) + "\" is true or false");
    }
    const toml::table& table() const { return table_; }

private:
    const std::string& file_;
    const toml::table& table_;
};

bridge::nats_options broker_in(const section& s) {
    s.allow_only({"url", "credentials", "ca", "certificate", "key"});
    bridge::nats_options broker;
    broker.url = s.text("url");
    broker.credentials = s.text("credentials", "");
    broker.ca = s.text("ca", "");
    broker.certificate = s.text("certificate", "");
    broker.key = s.text("key", "");
    return broker;
}

WhenFull policy_in(const section& s) {
    const std::string name = s.text("when_full", "wait");
    if (name == "wait") return WhenFull::Wait;
    if (name == "drop_oldest") return WhenFull::DropOldest;
    if (name == "drop_newest") return WhenFull::DropNewest;
    s.reject(*s.table().get("when_full"),
             "\"when_full\" is \"wait\", \"drop_oldest\" or \"drop_newest\"");
}

bridge::stream_options stream_in(const section& s) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    bridge::stream_options stream;
    stream.subject = s.text("subject");
    stream.stream = s.text("stream", "");
    stream.most_messages = s.number("most_messages", stream.most_messages, 1, most);
    stream.most_bytes = s.number("most_bytes", stream.most_bytes, 1, most);
    stream.replicas = s.number("replicas", stream.replicas, 1, 5);
    stream.is_in_memory = s.flag("in_memory");
    return stream;
}

route route_in(const section& s, const std::optional<bridge::nats_options>& broker) {
    s.allow_only({"direction", "pool", "pipe", "subject", "stream", "most_messages", "most_bytes",
                  "replicas", "in_memory", "zeromq", "tap", "window", "capacity", "when_full",
                  "most_packet_bytes"});
    route r;
    const std::string way = s.text("direction");
    if (way != "in" && way != "out")
        s.reject(*s.table().get("direction"), "\"direction\" is \"in\" or \"out\"");
    r.way = way == "in" ? route::direction::in : route::direction::out;
    if (r.way == route::direction::in)
        s.allow_none_of({"tap", "window"}, "routes \"out\"", "is \"in\"");
    else
        s.allow_none_of({"capacity", "when_full", "most_packet_bytes"}, "routes \"in\"",
                        "is \"out\"");
    r.pool = s.text("pool");
    r.pipe = s.text("pipe");
    if (s.has("zeromq") == s.has("subject"))
        s.reject(s.table(),
                 "a route has either a \"subject\" of the broker, or a \"zeromq\" endpoint");
    if (s.has("zeromq")) {
        s.allow_none_of({"stream", "most_messages", "most_bytes", "replicas", "in_memory"},
                        "routes over a broker", "goes over ZeroMQ");
        r.over = bridge::zeromq_options{.endpoint = s.text("zeromq")};
    } else {
        if (!broker) s.reject(s.table(), "a subject needs a broker: a section [nats] with its url");
        r.over = nats_route{*broker, stream_in(s)};
    }
    constexpr std::int64_t most_packets = 1 << 24;
    r.tap_depth = static_cast<std::size_t>(s.number("tap", 0, 1, most_packets));
    r.sending.most_packets = static_cast<std::size_t>(
        s.number("window", static_cast<std::int64_t>(r.sending.most_packets), 1, most_packets));
    r.capacity = static_cast<int>(s.number("capacity", r.capacity, 1, most_packets));
    r.receiving.when_full = policy_in(s);
    r.receiving.limits.size_bytes = static_cast<std::size_t>(
        s.number("most_packet_bytes", std::int64_t{1} << 30, 1, std::int64_t{1} << 40));
    try {
        check(r);
    } catch (const std::logic_error& e) {
        s.reject(s.table(), e.what());
    }
    return r;
}

/// Why a file cannot have both; empty: it can. They would wait for each other, or take each other's
/// messages.
std::string conflict(const route& a, const route& b) {
    if (a.way != b.way) return "";
    const auto* const over_a = std::get_if<nats_route>(&a.over);
    const auto* const over_b = std::get_if<nats_route>(&b.over);
    if (over_a && over_b && over_a->stream.subject == over_b->stream.subject)
        return "a subject belongs to one route in and one route out";
    if (description(a) == description(b)) return "the same route";
    const bool is_out = a.way == route::direction::out && a.tap_depth == 0 && b.tap_depth == 0;
    if (is_out && a.pool == b.pool && a.pipe == b.pipe)
        return "a pipe's packets go out by one route: use a \"tap\" for copies";
    return "";
}

toml::table parsed(const std::string& file) {
    try {
        return toml::parse_file(file);
    } catch (const toml::parse_error& e) {
        const auto line = e.source().begin.line;
        throw std::runtime_error(file + (line == 0 ? "" : ":" + std::to_string(line)) + ": " +
                                 std::string(e.description()));
    }
}

}  // namespace

std::vector<route> routes_in(const std::string& file) {
    const toml::table table = parsed(file);
    const section all(file, table);
    all.allow_only({"nats", "route"});
    std::optional<bridge::nats_options> broker;
    if (const toml::node* const node = table.get("nats")) {
        if (!node->is_table()) all.reject(*node, "\"nats\" is a section: [nats]");
        broker = broker_in(section(file, *node->as_table()));
    }
    std::vector<route> routes;
    const toml::node* const node = table.get("route");
    const bool is_list = node && node->is_array_of_tables();
    if (!is_list) all.reject(node ? *node : table, "a bridge needs routes: sections [[route]]");
    for (const toml::node& r : *node->as_array()) {
        route next = route_in(section(file, *r.as_table()), broker);
        for (std::size_t i = 0; i < routes.size(); ++i)
            if (const std::string why = conflict(routes[i], next); !why.empty())
                all.reject(r, "this route and number " + std::to_string(i + 1) +
                                  " cannot be in one file: " + why);
        routes.push_back(std::move(next));
    }
    return routes;
}

}  // namespace tool
