#include "player.hpp"

#include "../interrupt.hpp"
#include "../output.hpp"
#include "../words.hpp"
#include "form.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace tool {

namespace {

double now_s() {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string recorded_pool(const mcap::overview& all) {
    for (const mcap::metadata& m : all.metadata_records)
        if (m.name == about_the_pool)
            if (const auto found = m.entries.find("pool"); found != m.entries.end())
                return found->second;
    throw std::runtime_error("the recording does not say which pool it is from; use --into POOL");
}

}  // namespace

player::player(player_options options)
    : options_(std::move(options)), messages_(options_.file, options_.wanted) {
    if (options_.pool.empty()) options_.pool = recorded_pool(messages_.all());
    for (const auto& [recorded, now] : options_.names) {
        const auto is_it = [&name = recorded](const auto& c) { return c.second.topic == name; };
        const auto& channels = messages_.all().channels;
        if (std::none_of(channels.begin(), channels.end(), is_it))
            throw std::runtime_error("--map: '" + recorded + "' is not in the recording");
    }
}

double player::seconds() const noexcept { return now_s() - began_s_; }

void player::run() {
    began_s_ = now_s();
    do {
        const std::uint64_t before = packets_;
        play_once();
        if (packets_ == before) break;  // a loop over nothing would never end
    } while (options_.loops && !was_interrupted());
    messages_.tell_problems();
}

void player::play_once() {
    messages_.rewind();
    zero_s_ = now_s();
    mcap::time_ns last = messages_.first();
    for (messages::item m; !was_interrupted() && messages_.next(m);) {
        last = m.message.log_time;
        wait_for(last);
        if (was_interrupted()) break;
        put(m);
        show_progress(last, false);
    }
    show_progress(last, true);
}

void player::wait_for(mcap::time_ns t) {
    if (options_.rate == 0) return;
    const double due_s =
        zero_s_ + static_cast<double>(t - messages_.first()) * 1e-9 / options_.rate;
    for (double left_s = due_s - now_s(); left_s > 0; left_s = due_s - now_s()) {
        show_progress(t, false);
        if (!sleep_unless_interrupted(std::min(left_s, 0.2))) return;
    }
}

void player::put(const messages::item& m) {
    valpool::Val packet = decode(*m.channel, m.message);
    valpool::CQ& pipe = target_of(m.channel->topic).pipe();
    const double asked_s = now_s();
    double without_memory_s = 0;
    for (;;) {
        const outcome its = put_now(pipe, packet);
        if (its == outcome::done) break;
        if (was_interrupted()) return;
        const double now = now_s();
        if (its == outcome::no_room) {
            without_memory_s = 0;
            if (now - asked_s > options_.timeout_s) give_up_on(m);
        } else if (without_memory_s == 0) {
            without_memory_s = now;
        } else if (now - without_memory_s > options_.patience_s) {
            fail_for_memory(m);
        }
    }
    // What was spent on waiting for readers delays all that follows.
    constexpr double noticed_s = 1e-3;
    if (const double waited_s = now_s() - asked_s; waited_s > noticed_s) zero_s_ += waited_s;
    ++packets_;
    bytes_ += m.message.data.size();
}

player::outcome player::put_now(valpool::CQ& pipe, const valpool::Val& packet) {
    try {
        return pipe.enqueue(packet, 0.05) ? outcome::done : outcome::no_room;
    } catch (const valpool::PoolExhausted&) {
        sleep_unless_interrupted(0.001);
        return outcome::no_memory;
    }
}

void player::give_up_on(const messages::item& m) const {
    throw gave_up("the pipe for '" + shown(m.channel->topic) + "' has had no room for " +
                  duration_text(options_.timeout_s) + ": `valpool why " + shown(options_.pool) +
                  "` may say why");
}

void player::fail_for_memory(const messages::item& m) const {
    throw std::runtime_error(
        "the pool '" + shown(options_.pool) + "' has no room for a packet of '" +
        shown(m.channel->topic) + "', " + bytes_text(static_cast<double>(m.message.data.size())) +
        " in the recording; `valpool stat " + shown(options_.pool) + "` says who has its memory");
}

player::target& player::target_of(const std::string& recorded) {
    const auto found = targets_.find(recorded);
    if (found != targets_.end()) return found->second;
    const auto name = options_.names.find(recorded);
    return targets_.emplace(recorded, open(name == options_.names.end() ? recorded : name->second))
        .first->second;
}

player::target player::open(const std::string& pipe) const {
    const std::string what = "memory pool \"" + shown(options_.pool) + "\"";
    if (!has_pool()) complain("waiting for " + what + " (Ctrl-C ends this)");
    const start_watch watch(options_.timeout_s, what);
    target t;
    // A pipe that is there has the capacity that it has.
    t.found = std::make_unique<valpool::ClientSide>(options_.pool, pipe, [] { return true; });
    if (t.found->start() == valpool::STARTED) {
        t.found = std::make_unique<valpool::ClientSide>(options_.pool, pipe, watch, poll_us);
        if (start(*t.found, watch)) return t;
    }
    t.made = std::make_unique<valpool::ServerSide>(options_.pool, pipe, options_.capacity, watch,
                                                   poll_us);
    start(*t.made, watch);
    return t;
}

bool player::has_pool() const {
    try {
        valpool::Monitor(options_.pool);
        return true;
    } catch (const std::runtime_error&) {
        return false;  // if it is another file, the start says so
    }
}

template <class Side>
bool player::start(Side& side, const start_watch& watch) const {
    if (start_side(side, watch)) return true;
    if (was_interrupted()) throw std::runtime_error("interrupted");
    throw gave_up("there was no memory pool \"" + shown(options_.pool) + "\" for " +
                  duration_text(options_.timeout_s) +
                  "\n`valpool ls` lists the pools; `valpool main NAME BYTES` makes one");
}

void player::show_progress(mcap::time_ns t, bool is_last) {
    if (!options_.shows_progress) return;
    const double now = now_s();
    if (!is_last && now - shown_s_ < 0.1) return;
    shown_s_ = now;
    const auto since_first_s = [this](mcap::time_ns at) {
        return static_cast<double>(at - std::min(at, messages_.first())) * 1e-9;
    };
    const double done_s = since_first_s(t), all_s = since_first_s(messages_.last());
    constexpr int width = 20;
    const int filled = all_s > 0 ? static_cast<int>(std::min(done_s / all_s, 1.0) * width) : width;
    const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                            std::string(static_cast<std::size_t>(width - filled), '-');
    std::array<char, 160> line{};
    std::snprintf(line.data(), line.size(), "\r\033[K[%s] %s of %s, %llu packets, %s/s%s",
                  bar.c_str(), length_text(done_s).c_str(), length_text(all_s).c_str(),
                  static_cast<unsigned long long>(packets_),
                  bytes_text(static_cast<double>(bytes_) / std::max(seconds(), 1e-3)).c_str(),
                  is_last ? "\n" : "");
    std::fputs(line.data(), stderr);
}

}  // namespace tool
