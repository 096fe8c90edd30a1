// valpool bridge out, in, run: carries pipes to other hosts.

#include "bridge_config.hpp"
#include "command_set.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "routes.hpp"
#include "words.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <malloc.h>

namespace tool {
namespace {

using namespace valpool;
using bridge::route;

static_assert(std::string_view(route_pipe_prefix) == bridge::status_pipe_prefix,
              "the tools find what a route says");

struct settings {
    route r;
    std::string file;
    std::string zeromq;
    std::string when_full = "wait";
    bridge::nats_options broker;
    bridge::stream_options stream;
    std::size_t most_messages = 10000;
    std::string most_packet_bytes = "1G";
};

/// The memory of a packet goes to the next one. By default, the C library gives what is freed at a
/// heap's end back to the system, and large blocks always: for packets of 100 KB, that and the page
/// faults that follow were half of a bridge's time.
void keep_freed_memory() {
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);  // it takes no more
}

/// Runs all routes, each in a thread of its own, until a signal comes. What ends one of them for
/// good ends all.
int carry(const std::vector<route>& routes) {
    keep_freed_memory();
    std::mutex mutex;
    std::exception_ptr failure;
    std::atomic<bool> has_failed{false};
    const auto is_over = [&] { return was_interrupted() || has_failed; };
    const auto say = [&](const std::string& what) {
        const std::lock_guard guard(mutex);
        complain(what);
    };
    {
        std::vector<std::jthread> threads;
        for (const route& r : routes)
            threads.emplace_back([&] {
                try {
                    bridge::run(r, is_over, say);
                } catch (...) {
                    const std::lock_guard guard(mutex);
                    if (!has_failed.exchange(true)) failure = std::current_exception();
                }
            });
    }
    if (failure) std::rethrow_exception(failure);
    return interrupted_exit_code();
}

WhenFull policy_named(const std::string& name) {
    if (name == "wait") return WhenFull::Wait;
    if (name == "drop-oldest") return WhenFull::DropOldest;
    if (name == "drop-newest") return WhenFull::DropNewest;
    throw usage_error("--when-full is wait, drop-oldest or drop-newest, not \"" + name + "\"");
}

/// The route of a command line.
int carry_one(settings s) {
    if (s.zeromq.empty() == s.stream.subject.empty())
        throw usage_error(
            "a route goes over a broker (--nats URL --subject SUBJECT), or over "
            "ZeroMQ (--zeromq ENDPOINT)");
    s.stream.most_messages = static_cast<std::int64_t>(s.most_messages);
    if (s.zeromq.empty())
        s.r.over = bridge::nats_route{s.broker, s.stream};
    else
        s.r.over = bridge::zeromq_options{.endpoint = s.zeromq};
    s.r.receiving.when_full = policy_named(s.when_full);
    s.r.receiving.limits.size_bytes = size_of_text(s.most_packet_bytes);
    try {
        check(s.r);
    } catch (const std::logic_error& e) {
        throw usage_error(e.what());
    }
    return carry({s.r});
}

void add_transport(command_words& c, settings& s) {
    c.option("--nats", s.broker.url, "URL", "the broker, as nats://127.0.0.1:4222");
    c.option("--subject", s.stream.subject, "SUBJECT", "what the packets are called there");
    c.option("--stream", s.stream.stream, "NAME", "the broker's stream (default: of the subject)");
    c.option("--most-messages", s.most_messages, {1, 1e15},
             "that the stream keeps, if it has to be made (default 10000)");
    c.option("--credentials", s.broker.credentials, "FILE", "of the user, as nsc makes it");
    c.option("--ca", s.broker.ca, "FILE", "of certificates to trust");
    c.option("--certificate", s.broker.certificate, "FILE", "of this side");
    c.option("--key", s.broker.key, "FILE", "the certificate's key");
    c.option("--zeromq", s.zeromq, "ENDPOINT", "instead of a broker, as tcp://127.0.0.1:5555");
}

void add_out(command_set& commands, CLI::App& group) {
    const auto s = std::make_shared<settings>();
    s->r.way = route::direction::out;
    command_words c(commands.add(group, "out", "carries a pipe's packets to the broker",
                                 [s] { return carry_one(*s); }));
    c.pool_and_pipe(s->r.pool, s->r.pipe);
    add_transport(c, *s);
    c.option("--tap", s->r.tap_depth, {1, 1 << 24},
             "send copies of what passes, from a tap of so many packets");
    c.option("--window", s->r.sending.most_packets, {1, 1 << 24},
             "packets under way at the same time (default 4096)");
}

void add_in(command_set& commands, CLI::App& group) {
    const auto s = std::make_shared<settings>();
    s->r.way = route::direction::in;
    command_words c(commands.add(group, "in", "puts the broker's packets into a pipe",
                                 [s] { return carry_one(*s); }));
    c.pool_and_pipe(s->r.pool, s->r.pipe);
    add_transport(c, *s);
    c.option("--capacity", s->r.capacity, {1, 1 << 24},
             "of the pipe in packets, if it has to be made (default 64)");
    c.option("--when-full", s->when_full, "POLICY",
             "wait (default), drop-oldest or drop-newest, when the pipe is full");
    c.option("--most-packet-bytes", s->most_packet_bytes, "BYTES",
             "refuse larger packets (default 1G)");
}

}  // namespace

void add_bridge(command_set& commands) {
    CLI::App& group = commands.add_group("bridge", "carries pipes to other hosts");
    add_out(commands, group);
    add_in(commands, group);
    const auto s = std::make_shared<settings>();
    command_words c(commands.add(group, "run", "carries what a file says",
                                 [s] { return carry(routes_in(s->file)); }));
    c.word("FILE", s->file, "TOML; docs/bridge.md describes it");
}

}  // namespace tool
