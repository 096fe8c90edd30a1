#include "dashboard/answers.hpp"

#include "dashboard/page.hpp"
#include "json_output.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <stdexcept>

namespace tool::dashboard {

using namespace valpool;

namespace {

constexpr const char* json_type = "application/json";

/// A piece of the stream: the name of the event, and one line.
std::string event(const std::string& name, const std::string& line) {
    return "event: " + name + "\ndata: " + line + "\n\n";
}

std::string error_json(const std::string& text) {
    OTab t;
    t["error"] = json_text(text);
    return to_json(Val(t));
}

/// A pool, or all of them, once a second.
class live_view : public event_source {
public:
    live_view(views& all, std::string pool) : all_(all), pool_(std::move(pool)) {}

    std::string next() override {
        try {
            return pool_.empty() ? event("pools", all_.pools()) : event("pool", all_.pool(pool_));
        } catch (const std::exception& failure) {
            return event("problem", error_json(failure.what()));
        }
    }
    double period_s() const override { return 1; }

private:
    views& all_;
    std::string pool_;
};

/// What passes a pipe, through a tap: at most so many packets each time, so that no browser is
/// overrun. The tap drops its oldest meanwhile.
class passing_packets : public event_source {
public:
    passing_packets(const std::string& pool, const std::string& pipe)
        : tap_(pool, pipe, depth, most_bytes) {}

    std::string next() override {
        std::string text;
        try {
            Val packet;
            for (int i = 0; i < most_at_once && tap_.next(0.0, packet); ++i)
                text += event("packet", shown_json(packet));
            if (tap_.missed() != missed_) {
                missed_ = tap_.missed();
                text += event("missed", std::to_string(missed_));
            }
        } catch (const PoolRetired&) {
            if (has_ended_) return "";
            has_ended_ = true;
            return event("problem", error_json("the pool has been retired"));
        }
        // A comment: so it is noticed when the client has gone.
        return text.empty() ? ": nothing passes\n\n" : text;
    }
    double period_s() const override { return 0.2; }

private:
    static constexpr std::size_t depth = 64;
    static constexpr std::size_t most_bytes = 16 << 20;
    static constexpr int most_at_once = 10;
    Tap tap_;
    std::uint64_t missed_ = 0;
    bool has_ended_ = false;
};

std::size_t number_of(const std::string& text, std::size_t usual, std::size_t most) {
    if (text.empty()) return usual;
    std::size_t number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end.ec != std::errc() || end.ptr != text.data() + text.size() || number == 0)
        throw std::invalid_argument("'" + text + "' is no number of packets");
    return std::min(number, most);
}

answer_text page_file(const std::string& name) {
    for (const page_part& part : page_parts())
        if (part.name == name)
            return {200, part.type + std::string("; charset=utf-8"), std::string(part.content)};
    return error_answer(404, "there is no such page: the dashboard is at /");
}

answer of_pipe(const address& asked, views& all) {
    constexpr std::size_t most_packets = 200;
    const std::string pool = unshown(asked.path[3]);
    const std::string pipe = unshown(asked.path[5]);
    const std::string& what = asked.path[6];
    if (what == "packets") {
        const std::size_t n = number_of(asked.parameter("n"), 20, most_packets);
        return answer_text{200, json_type, all.packets(pool, pipe, n)};
    }
    if (what == "history") return answer_text{200, json_type, all.history_of(pool, pipe)};
    if (what == "passing") {
        static_cast<void>(all.packets(pool, pipe, 1));  // a tap would wait for a pipe to come
        return std::make_unique<passing_packets>(pool, pipe);
    }
    return error_answer(404, "of a pipe there are packets, passing and history");
}

/// The path begins with api, v1.
answer of_interface(const address& asked, views& all) {
    const std::vector<std::string>& path = asked.path;
    if (path.size() == 3 && path[2] == "pools") return answer_text{200, json_type, all.pools()};
    if (path.size() == 3 && path[2] == "events")
        return std::make_unique<live_view>(all, unshown(asked.parameter("pool")));
    if (path.size() >= 4 && path[2] == "pools") {
        if (path.size() == 4) return answer_text{200, json_type, all.pool(unshown(path[3]))};
        if (path.size() == 5 && path[4] == "history")
            return answer_text{200, json_type, all.history_of(unshown(path[3]), "")};
        if (path.size() == 7 && path[4] == "pipes") return of_pipe(asked, all);
    }
    return error_answer(404, "there is no such address: docs/dashboard.md lists them");
}

}  // namespace

answer_text error_answer(int status, const std::string& text) {
    return {status, json_type, error_json(text)};
}

answer answer_to(const address& asked, views& all) {
    try {
        if (asked.path.empty()) return page_file("index.html");
        if (asked.path[0] == "metrics" && asked.path.size() == 1)
            return answer_text{200, "text/plain; version=0.0.4; charset=utf-8", all.metrics()};
        if (asked.path.size() >= 2 && asked.path[0] == "api" && asked.path[1] == "v1")
            return of_interface(asked, all);
        if (asked.path.size() == 1) return page_file(asked.path[0]);
        return error_answer(404, "there is no such page: the dashboard is at /");
    } catch (const std::invalid_argument& failure) {
        return error_answer(400, failure.what());
    } catch (const std::runtime_error& failure) {
        return error_answer(404, failure.what());
    } catch (const std::logic_error& failure) {
        return error_answer(400, failure.what());
    } catch (const std::exception& failure) {
        return error_answer(500, failure.what());
    }
}

}  // namespace tool::dashboard
