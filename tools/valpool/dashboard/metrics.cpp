#include "dashboard/metrics.hpp"

#include "cut_files.hpp"
#include "routes.hpp"
#include "terminal.hpp"

#include <valpool/valpool.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <exception>
#include <vector>

namespace tool::dashboard {

using namespace valpool;

namespace {

/// A label's value: a backslash, a quotation mark and a new line are escaped.
std::string label_value(const std::string& text) {
    std::string result;
    for (const char c : shown(text)) {
        if (c == '\\' || c == '"') result += '\\';
        result += c;
    }
    return result;
}

std::string number_text(double number) {
    if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
    if (std::isnan(number)) return "NaN";
    std::array<char, 40> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
    return {text.data(), end.ptr};
}

/// What is known of a pool; nothing where it could not be looked into.
struct seen_pool {
    std::string labels;  // pool="..."
    pool_status status;
    boost::container::vector<pipe_status> pipes;
    boost::container::vector<memory_class> memory;
    std::vector<route_status> routes;
};

class text_format {
public:
    explicit text_format(const std::vector<seen_pool>& pools) : pools_(pools) {}

    template <class Read>
    void of_pools(const char* name, const char* type, const char* help, Read read) {
        begin(name, type, help);
        for (const seen_pool& p : pools_) add(name, p.labels, static_cast<double>(read(p.status)));
    }
    template <class Read>
    void of_pipes(const char* name, const char* type, const char* help, Read read) {
        begin(name, type, help);
        for (const seen_pool& pool : pools_)
            for (const pipe_status& p : pool.pipes)
                add(name, pool.labels + ",pipe=\"" + label_value(p.name) + "\"",
                    static_cast<double>(read(p)));
    }
    template <class Read>
    void of_memory(const char* name, const char* type, const char* help, Read read) {
        begin(name, type, help);
        for (const seen_pool& pool : pools_)
            for (const memory_class& m : pool.memory)
                add(name,
                    pool.labels + ",block=\"" +
                        (m.block_bytes == 0 ? "large" : std::to_string(m.block_bytes)) + "\"",
                    static_cast<double>(read(m)));
    }

    template <class Read>
    void of_routes(const char* name, const char* type, const char* help, Read read) {
        begin(name, type, help);
        for (const seen_pool& pool : pools_)
            for (const route_status& r : pool.routes)
                add(name,
                    pool.labels + ",pipe=\"" + label_value(r.pipe) + "\",destination=\"" +
                        label_value(r.destination) + "\",direction=\"" + label_value(r.direction) +
                        "\"",
                    static_cast<double>(read(r)));
    }

    void begin(const std::string& name, const std::string& type, const std::string& help) {
        text_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
    }
    void add(const std::string& name, const std::string& labels, double value) {
        text_ += name;
        if (!labels.empty()) text_ += "{" + labels + "}";
        text_ += " " + number_text(value) + "\n";
    }
    std::string take() { return std::move(text_); }

private:
    const std::vector<seen_pool>& pools_;
    std::string text_;
};

void write_pools(text_format& out) {
    out.of_pools("valpool_pool_total_bytes", "gauge", "Memory for values, pipes and bookkeeping.",
                 [](const pool_status& p) { return p.total_bytes; });
    out.of_pools("valpool_pool_used_bytes", "gauge", "Memory in use.",
                 [](const pool_status& p) { return p.used_bytes; });
    out.of_pools("valpool_pool_biggest_free_bytes", "gauge",
                 "About the largest allocation that is possible now.",
                 [](const pool_status& p) { return p.biggest_free_bytes; });
    out.of_pools("valpool_pool_recoveries_total", "counter", "Repairs after deaths.",
                 [](const pool_status& p) { return p.recoveries; });
    out.of_pools("valpool_pool_has_main", "gauge", "1: a living process is the pool's main.",
                 [](const pool_status& p) { return p.has_main; });
    out.of_pools("valpool_pool_is_left_over", "gauge",
                 "1: nobody uses the pool, and it was not meant to stay.",
                 [](const pool_status& p) { return p.is_left_over(); });
    out.of_pools("valpool_pool_processes", "gauge", "Living processes that use the pool.",
                 [](const pool_status& p) { return p.living_processes; });
    out.of_pools("valpool_pool_dead_processes", "gauge",
                 "Dead processes that nobody has cleaned up after yet.",
                 [](const pool_status& p) { return p.dead_processes; });
    out.of_pools("valpool_pool_threads", "gauge", "Threads that use the pool.",
                 [](const pool_status& p) { return p.threads; });
    out.of_memory("valpool_memory_used_bytes", "gauge", "Memory in use by size of block.",
                  [](const memory_class& m) { return m.used_bytes; });
    out.of_memory("valpool_memory_pages_bytes", "gauge", "Memory set aside by size of block.",
                  [](const memory_class& m) { return m.pages_bytes; });
}

void write_pipes(text_format& out) {
    out.of_pipes("valpool_pipe_capacity_packets", "gauge", "Packets that fit.",
                 [](const pipe_status& p) { return p.capacity_packets; });
    out.of_pipes("valpool_pipe_depth_packets", "gauge", "Packets that wait.",
                 [](const pipe_status& p) { return p.depth_packets; });
    out.of_pipes("valpool_pipe_leased_packets", "gauge", "Packets that consumers have leased.",
                 [](const pipe_status& p) { return p.leased_packets; });
    out.of_pipes("valpool_pipe_in_packets_total", "counter", "Packets put in.",
                 [](const pipe_status& p) { return p.counters.packets_in; });
    out.of_pipes("valpool_pipe_out_packets_total", "counter", "Packets taken out.",
                 [](const pipe_status& p) { return p.counters.packets_out; });
    out.of_pipes("valpool_pipe_in_bytes_total", "counter", "Memory of the packets put in.",
                 [](const pipe_status& p) { return p.counters.bytes_in; });
    out.of_pipes("valpool_pipe_out_bytes_total", "counter", "Memory of the packets taken out.",
                 [](const pipe_status& p) { return p.counters.bytes_out; });
    out.of_pipes("valpool_pipe_dropped_packets_total", "counter", "Packets dropped by policy.",
                 [](const pipe_status& p) { return p.counters.dropped; });
    out.of_pipes("valpool_pipe_redelivered_packets_total", "counter",
                 "Deliveries of packets that were leased before.",
                 [](const pipe_status& p) { return p.counters.redelivered; });
    out.of_pipes("valpool_pipe_enqueue_wait_seconds_total", "counter",
                 "Time that writers slept because there was no room.",
                 [](const pipe_status& p) { return p.counters.enqueue_wait_s; });
    out.of_pipes("valpool_pipe_dequeue_wait_seconds_total", "counter",
                 "Time that readers slept because there was no packet.",
                 [](const pipe_status& p) { return p.counters.dequeue_wait_s; });
    out.of_pipes("valpool_pipe_high_water_packets", "gauge", "Most packets that waited at once.",
                 [](const pipe_status& p) { return p.counters.high_water; });
    out.of_pipes("valpool_pipe_waiting_readers", "gauge", "Threads that wait for a packet.",
                 [](const pipe_status& p) { return p.waiting_readers.size(); });
    out.of_pipes("valpool_pipe_waiting_writers", "gauge", "Threads that wait for room.",
                 [](const pipe_status& p) { return p.waiting_writers.size(); });
    out.of_pipes("valpool_pipe_taps", "gauge", "Taps of the pipe.",
                 [](const pipe_status& p) { return p.taps; });
}

void write_routes(text_format& out) {
    out.of_routes("valpool_route_is_connected", "gauge", "1: a bridge's route has its connection.",
                  [](const route_status& r) { return r.is_connected; });
    out.of_routes("valpool_route_packets_total", "counter",
                  "Packets confirmed by the other side, or put into the pipe.",
                  [](const route_status& r) { return r.packets; });
    out.of_routes("valpool_route_bytes_total", "counter", "Bytes sent, or received.",
                  [](const route_status& r) { return r.bytes; });
    out.of_routes("valpool_route_in_flight_packets", "gauge", "Packets sent and not confirmed.",
                  [](const route_status& r) { return r.in_flight; });
    out.of_routes("valpool_route_again_total", "counter",
                  "Packets sent again, or messages that came again.",
                  [](const route_status& r) { return r.again; });
    out.of_routes("valpool_route_refused_total", "counter", "Messages refused by either side.",
                  [](const route_status& r) { return r.refused; });
    out.of_routes("valpool_route_dropped_total", "counter",
                  "Packets given up, missed, lost, or dropped by policy.",
                  [](const route_status& r) { return r.dropped; });
    out.of_routes("valpool_route_reconnects_total", "counter", "Connections that came back.",
                  [](const route_status& r) { return r.reconnects; });
    out.of_routes("valpool_route_round_trip_seconds", "gauge",
                  "From sending to the confirmation, a moving average.",
                  [](const route_status& r) { return r.round_trip_s; });
    out.of_routes("valpool_route_waiting_seconds", "gauge",
                  "Since when nothing has been confirmed, or there has been no room.",
                  [](const route_status& r) { return r.waiting_s; });
}

}  // namespace

std::string metrics_of_all_pools() {
    std::vector<seen_pool> pools;
    std::size_t unusable = 0;
    for (const std::string& name : Monitor::names().pools) {
        try {
            const look its;
            const Monitor pool(name);
            seen_pool seen{"pool=\"" + label_value(name) + "\"", pool.pool(), pipes_of(pool),
                           pool.memory(), routes_of(pool)};
            its.expect_whole(name);
            pools.push_back(std::move(seen));
        } catch (const std::exception&) {
            ++unusable;
        }
    }
    text_format out(pools);
    write_pools(out);
    write_pipes(out);
    write_routes(out);
    out.begin("valpool_unusable_pools", "gauge", "Pools that could not be looked into.");
    out.add("valpool_unusable_pools", "", static_cast<double>(unusable));
    return out.take();
}

}  // namespace tool::dashboard
