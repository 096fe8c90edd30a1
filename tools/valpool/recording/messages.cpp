#include "messages.hpp"

#include "../output.hpp"
#include "form.hpp"

#include <algorithm>
#include <stdexcept>

namespace tool {

namespace {

/// `t` and so many seconds, within what a time can be.
mcap::time_ns later(mcap::time_ns t, double seconds) {
    const double sum = static_cast<double>(t) + seconds * 1e9;
    constexpr auto most = std::numeric_limits<mcap::time_ns>::max();
    if (sum >= static_cast<double>(most)) return most;
    return t + static_cast<mcap::time_ns>(seconds * 1e9);
}

std::string names_of(const mcap::overview& all) {
    std::string names;
    for (const auto& [id, channel] : all.channels)
        names += (names.empty() ? "'" : ", '") + channel.topic + "'";
    return names.empty() ? "none" : names;
}

}  // namespace

void selection::add_options(command_words& command) {
    command.seconds("--from", from_s, {}, "from so many seconds after the recording's start");
    command.seconds("--to", to_s, {}, "to so many seconds after the recording's start");
    command.list("--pipe", pipes, "PIPE", "only this pipe; may be given several times");
}

messages::messages(const std::string& file, const selection& wanted)
    : reader_(file), all_(reader_.look_over()), pipes_(wanted.pipes.begin(), wanted.pipes.end()) {
    for (const std::string& pipe : pipes_) {
        const auto is_it = [&](const auto& c) { return c.second.topic == pipe; };
        if (std::none_of(all_.channels.begin(), all_.channels.end(), is_it))
            throw std::runtime_error("'" + pipe +
                                     "' is not in the recording; its pipes: " + names_of(all_));
    }
    const mcap::time_span& times = all_.counts.times;
    first_ = later(times.first, wanted.from_s);
    last_ = std::min(times.last, later(times.first, wanted.to_s));
    reader_.skip_outside(first_, last_);
}

bool messages::next(item& out) {
    while (reader_.next(out.message)) {
        out.channel = &reader_.channels().at(out.message.channel_id);
        if (pipes_.empty() || pipes_.count(out.channel->topic) != 0) return true;
    }
    return false;
}

void messages::tell_problems() const {
    for (const std::string& problem : reader_.problems()) complain(problem);
}

}  // namespace tool
