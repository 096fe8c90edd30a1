#pragma once

/// What the server answers to an address.

#include "dashboard/request.hpp"
#include "dashboard/views.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace tool::dashboard {

struct answer_text {
    int status = 200;
    std::string type;  // MIME
    std::string text;
};

/// A stream of server-sent events: each call gives the next piece of the stream, and waits for it
/// for a moment at most. Empty: it has ended.
struct event_source {
    virtual ~event_source() = default;
    virtual std::string next() = 0;
    /// How long to wait between two calls.
    virtual double period_s() const = 0;
};

using answer = std::variant<answer_text, std::unique_ptr<event_source>>;

/// Says what is at that address. May take a while: a look at a pool. Never throws for what a client
/// can ask.
answer answer_to(const address& asked, views& all);

/// An answer that says what is wrong: {"error": "..."}.
answer_text error_answer(int status, const std::string& text);

}  // namespace tool::dashboard
