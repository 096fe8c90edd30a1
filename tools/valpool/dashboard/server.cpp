#include "dashboard/server.hpp"

#include "dashboard/answers.hpp"
#include "interrupt.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tool::dashboard {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using stream = beast::tcp_stream;
using namespace std::chrono_literals;

constexpr std::uint32_t longest_header = 8 * 1024;
constexpr auto time_to_ask = 10s;
constexpr auto time_to_take = 20s;

/// Counts while it lives.
class place {
public:
    place(std::size_t& taken, std::size_t most) : taken_(taken), is_there_(taken < most) {
        if (is_there_) ++taken_;
    }
    ~place() {
        if (is_there_) --taken_;
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    explicit operator bool() const noexcept { return is_there_; }

private:
    std::size_t& taken_;
    const bool is_there_;
};

request as_request(const http::request<http::empty_body>& asked) {
    request result;
    result.method = asked.method_string();
    result.target = asked.target();
    for (const auto& field : asked) {
        std::string name = field.name_string();
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        result.headers.emplace_back(std::move(name), field.value());
    }
    return result;
}

template <class Fields>
void add_rules_for_browsers(Fields& into) {
    into.set(http::field::cache_control, "no-store");
    into.set("X-Content-Type-Options", "nosniff");
    into.set("Referrer-Policy", "no-referrer");
    into.set("Cross-Origin-Resource-Policy", "same-origin");
    into.set("Content-Security-Policy",
             "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
             "form-action 'none'");
}

using text_response = http::response<http::string_body>;

text_response response_of(answer_text given, bool is_head) {
    text_response result;
    result.result(static_cast<unsigned>(given.status));
    result.set(http::field::content_type, given.type);
    if (given.status == 405) result.set(http::field::allow, "GET, HEAD");
    if (given.status == 401) result.set(http::field::www_authenticate, "Bearer");
    add_rules_for_browsers(result);
    const std::size_t length = given.text.size();
    if (!is_head) result.body() = std::move(given.text);
    result.content_length(length);
    return result;
}

/// A browser that comes with the token in the address keeps it in a cookie, and the address bar
/// loses it.
std::optional<text_response> response_to_token(const address& asked, const access_rules& rules) {
    const std::string given = asked.parameter("token");
    if (!rules.allows_remote || given.empty() || !is_same_secret(given, rules.token))
        return std::nullopt;
    text_response result = response_of({303, "text/plain", ""}, false);
    result.set(http::field::location, "/");
    result.set(http::field::set_cookie,
               std::string(token_cookie) + "=" + given + "; HttpOnly; SameSite=Strict; Path=/");
    return result;
}

tcp::acceptor listen_at(asio::io_context& io, const server_options& options) {
    try {
        tcp::acceptor acceptor(io);
        const tcp::endpoint where(asio::ip::make_address(options.listen), options.port);
        acceptor.open(where.protocol());
        acceptor.set_option(asio::socket_base::reuse_address(true));
        acceptor.bind(where);
        acceptor.listen();
        return acceptor;
    } catch (const std::exception& failure) {
        throw std::runtime_error("cannot listen at " + options.listen + ", port " +
                                 std::to_string(options.port) + ": " + failure.what() +
                                 "\n`--port 0` takes a port that is free");
    }
}

class server {
public:
    explicit server(const server_options& options)
        : options_(options), acceptor_(listen_at(io_, options)) {}
    ~server() {
        // Nobody looks any more when the conversations that asked for it are destroyed.
        workers_.join();
    }
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    unsigned short port() const { return acceptor_.local_endpoint().port(); }
    /// Until the program is interrupted.
    void run() {
        asio::co_spawn(io_, accept_all(), asio::detached);
        asio::co_spawn(io_, end_when_interrupted(), asio::detached);
        io_.run();
    }

private:
    asio::awaitable<void> accept_all() {
        for (;;) {
            beast::error_code failure;
            tcp::socket socket =
                co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failure));
            if (failure) {
                // No descriptors left, perhaps: others end soon.
                co_await pause(100ms);
                continue;
            }
            asio::co_spawn(io_, talk(stream(std::move(socket))), asio::detached);
        }
    }
    asio::awaitable<void> end_when_interrupted() {
        while (!was_interrupted()) co_await pause(50ms);
        io_.stop();
    }

    static asio::awaitable<void> pause(std::chrono::milliseconds time) {
        asio::steady_timer timer(co_await asio::this_coro::executor, time);
        co_await timer.async_wait(asio::use_awaitable);
    }

    /// A client that goes away, or is too slow, ends its own conversation and nothing else.
    asio::awaitable<void> talk(stream client) {
        const place its(clients_, options_.most_clients);
        beast::flat_buffer buffer(2 * longest_header);  // what has come, of the next request too
        try {
            if (its)
                while (co_await answer_next(client, buffer)) {
                }
            else
                co_await send(client,
                              response_of(error_answer(503, "too many clients at once"), false));
        } catch (const std::exception&) {
        }
        beast::error_code ignored;
        client.socket().shutdown(tcp::socket::shutdown_send, ignored);
    }

    /// False when the conversation is over.
    asio::awaitable<bool> answer_next(stream& client, beast::flat_buffer& buffer) {
        http::request_parser<http::empty_body> parser;
        parser.header_limit(longest_header);
        client.expires_after(time_to_ask);
        beast::error_code failure;
        co_await http::async_read_header(client, buffer, parser,
                                         asio::redirect_error(asio::use_awaitable, failure));
        if (failure) {
            co_await refuse_unreadable(client, failure);
            co_return false;
        }
        request asked = as_request(parser.get());
        take_apart_absolute(asked);
        const bool is_head = asked.method == "HEAD";
        if (!parser.is_done()) {
            co_await send(client,
                          response_of(error_answer(413, "nothing can be sent here"), is_head));
            co_return false;
        }
        co_return co_await answer_request(client, asked, parser.get().keep_alive());
    }

    asio::awaitable<bool> answer_request(stream& client, const request& asked, bool keeps_alive) {
        const bool is_head = asked.method == "HEAD";
        address where;
        std::string problem;
        try {
            where = parse_address(asked.target);
        } catch (const std::invalid_argument& failure) {
            problem = failure.what();
        }
        std::optional<text_response> result;
        if (!problem.empty())
            result = response_of(error_answer(400, problem), is_head);
        else
            result = response_to_token(where, options_.access);
        if (!result)
            if (const refusal no = check(asked, options_.access); no.status != 0)
                result = response_of(error_answer(no.status, no.reason), is_head);
        if (!result) {
            answer given = co_await asio::co_spawn(workers_, look(where), asio::use_awaitable);
            auto* const events = std::get_if<std::unique_ptr<event_source>>(&given);
            if (events && !is_head) {
                co_await send_events(client, std::move(*events), is_tap(where));
                co_return false;
            }
            if (events) given = answer_text{200, "text/event-stream", ""};
            result = response_of(std::get<answer_text>(std::move(given)), is_head);
        }
        result->keep_alive(keeps_alive);
        co_await send(client, std::move(*result));
        co_return keeps_alive;
    }

    asio::awaitable<answer> look(const address& where) { co_return answer_to(where, views_); }

    static bool is_tap(const address& where) {
        return !where.path.empty() && where.path.back() == "passing";
    }

    static asio::awaitable<void> send(stream& client, text_response what) {
        client.expires_after(time_to_take);
        co_await http::async_write(client, what, asio::use_awaitable);
    }

    static asio::awaitable<void> refuse_unreadable(stream& client, beast::error_code failure) {
        if (failure == http::error::end_of_stream || failure == beast::error::timeout) co_return;
        const bool is_long =
            failure == http::error::header_limit || failure == http::error::buffer_overflow;
        text_response result = response_of(is_long ? error_answer(431, "a request may have 8 KiB")
                                                   : error_answer(400, "this is no HTTP"),
                                           false);
        result.keep_alive(false);
        co_await send(client, std::move(result));
    }

    asio::awaitable<void> send_events(stream& client, std::unique_ptr<event_source> events,
                                      bool is_tap) {
        std::size_t no_tap = 0;
        const place its(is_tap ? taps_ : no_tap, options_.most_taps);
        if (!its) {
            co_await send(client,
                          response_of(error_answer(503, "too many viewers of what passes"), false));
            co_return;
        }
        http::response<http::empty_body> head(http::status::ok, 11);
        head.set(http::field::content_type, "text/event-stream");
        head.set(http::field::connection, "close");
        add_rules_for_browsers(head);
        http::response_serializer<http::empty_body> serializer(head);
        client.expires_after(time_to_take);
        co_await http::async_write_header(client, serializer, asio::use_awaitable);
        for (;;) {
            const std::string text =
                co_await asio::co_spawn(workers_, next_of(*events), asio::use_awaitable);
            if (text.empty()) co_return;
            client.expires_after(time_to_take);
            co_await asio::async_write(client, asio::buffer(text), asio::use_awaitable);
            co_await pause(std::chrono::milliseconds(static_cast<int>(events->period_s() * 1000)));
        }
    }
    static asio::awaitable<std::string> next_of(event_source& events) { co_return events.next(); }

    // In the order of their ends, the last one first: conversations, which lie in io_, use all
    // that stands before it.
    const server_options& options_;
    views views_;
    std::size_t clients_ = 0;
    std::size_t taps_ = 0;
    // Looks at pools take a while; the server's own thread only waits and sends.
    asio::thread_pool workers_{2};
    asio::io_context io_{1};
    tcp::acceptor acceptor_;
};

}  // namespace

void serve(const server_options& options, const std::function<void(unsigned short)>& is_ready) {
    server its(options);
    is_ready(its.port());
    its.run();
}

}  // namespace tool::dashboard
