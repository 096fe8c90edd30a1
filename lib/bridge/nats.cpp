#include "bridge/nats.hpp"

#include "bridge/nats_link.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <exception>
#include <future>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include <sys/stat.h>

namespace valpool::bridge {
namespace {

using namespace std::chrono_literals;

// --- checks ------------------------------------------------------------------------------------

[[noreturn]] void reject(const std::string& why) { throw std::invalid_argument(why); }

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == separator)
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

/// HOST, HOST:PORT or [ADDRESS]:PORT.
bool is_place(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    const bool has_port = colon != std::string::npos && text.find(']', colon) == std::string::npos;
    const std::string host = has_port ? text.substr(0, colon) : text;
    const std::string port = has_port ? text.substr(colon + 1) : "4222";
    const auto is_of_host = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("-._:[]").find(static_cast<char>(c)) != std::string_view::npos;
    };
    const bool is_number =
        !port.empty() && port.size() <= 5 &&
        std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    return !host.empty() && std::all_of(host.begin(), host.end(), is_of_host) && is_number &&
           std::stoi(port) >= 1 && std::stoi(port) <= 65535;
}

void check_url(const std::string& url) {
    const std::size_t slashes = url.find("://");
    const std::string scheme = url.substr(0, slashes);
    if (slashes == std::string::npos || (scheme != "nats" && scheme != "tls"))
        reject("\"" + url + "\" is no address of a broker: use nats://HOST:PORT");
    const std::string rest = url.substr(slashes + 3);
    if (rest.find_first_of("@?") != std::string::npos)
        reject(
            "a name, password or token does not belong into the broker's address, where "
            "everybody on this machine can read it: use a file of credentials");
    if (!is_place(rest)) reject("\"" + url + "\" is no address of a broker: use nats://HOST:PORT");
}

void check_file(const std::string& path, const char* what, bool is_secret) {
    if (path.empty()) return;
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode))
        reject(std::string(what) + ": there is no file " + path);
    if (is_secret && (s.st_mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH)) != 0)
        reject(std::string(what) + ": others may read or change " + path + ": chmod 600 " + path);
}

bool is_token(const std::string& token) {
    return !token.empty() && std::all_of(token.begin(), token.end(), [](unsigned char c) {
        return c > ' ' && c != '*' && c != '>' && c != 0x7f;
    });
}

void check_subject(const std::string& subject) {
    const auto tokens = split(subject, '.');
    const bool is_one = std::all_of(tokens.begin(), tokens.end(), is_token) &&
                        subject.size() <= 200 && subject[0] != '$' && tokens[0] != "_INBOX";
    if (!is_one)
        reject("\"" + subject +
               "\" is no subject: use words with dots between them, as in "
               "lab.pipe1");
}

}  // namespace

void check(const nats_options& options) {
    if (options.url.empty()) reject("the address of a broker is missing: nats://HOST:PORT");
    for (const std::string& url : split(options.url, ',')) check_url(url);
    check_file(options.credentials, "the file of credentials", true);
    check_file(options.ca, "the certificates to trust", false);
    check_file(options.certificate, "the certificate", false);
    check_file(options.key, "the certificate's key", true);
    if (options.certificate.empty() != options.key.empty())
        reject("a certificate needs its key, and a key its certificate");
}

void check(const stream_options& options) {
    check_subject(options.subject);
    if (options.most_messages < 1) reject("a stream needs room for a message");
    if (options.most_bytes < static_cast<std::int64_t>(most_message_bytes))
        reject("a stream needs " + std::to_string(most_message_bytes) + " bytes at least");
    if (options.replicas < 1 || options.replicas > 5) reject("a stream has 1 to 5 replicas");
    for (const char c : options.stream)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-')
            reject("the name of a stream has letters, digits, _ and - only");
}

void expect_ok(natsStatus status, const std::string& what) {
    if (status == NATS_OK) return;
    const char* const detail = nats_GetLastError(nullptr);
    std::string text = what + ": " + natsStatus_GetText(status);
    if (detail && *detail != '\0' && text.find(detail) == std::string::npos)
        text += std::string(" (") + detail + ")";
    throw transport_error(text);
}

void let_more_come(std::size_t last_batch) {
    constexpr std::size_t few = 4;
    if (last_batch > few) std::this_thread::sleep_for(500us);
}

std::string new_inbox() {
    natsInbox* made = nullptr;
    expect_ok(natsInbox_Create(&made), "an address for answers");
    std::string inbox(made);
    natsInbox_Destroy(made);
    return inbox;
}

subscription_ptr subscribe(nats_connection::link& link, const std::string& address) {
    natsSubscription* made = nullptr;
    expect_ok(natsConnection_SubscribeSync(&made, link.get(), address.c_str()), "subscribing");
    subscription_ptr subscription(made);
    expect_ok(natsSubscription_SetPendingLimits(made, -1, -1), "subscribing");
    return subscription;
}

context_ptr make_context(nats_connection::link& link) {
    jsOptions o;
    jsOptions_Init(&o);
    o.Wait = 2000;  // ms: a program that is to end does not wait longer for an answer
    jsCtx* made = nullptr;
    expect_ok(natsConnection_JetStream(&made, link.get(), &o), "JetStream");
    return context_ptr(made);
}

// --- the stream --------------------------------------------------------------------------------

std::string stream_name(const stream_options& options) {
    if (!options.stream.empty()) return options.stream;
    // Another name for each subject.
    std::string name = "valpool_";
    for (const char c : options.subject) {
        const auto byte = static_cast<unsigned char>(c);
        char escaped[4];
        std::snprintf(escaped, sizeof escaped, "-%02x", byte);
        if (std::isalnum(byte) != 0)
            name += c;
        else
            name += c == '.' ? "_" : escaped;
    }
    return name;
}

namespace {
void check_stream(const jsStreamConfig& c, const stream_options& options) {
    const std::string name = c.Name;
    if (c.Retention != js_WorkQueuePolicy || c.Discard != js_DiscardNew)
        throw transport_error("the stream " + name +
                              " is there, and does something else: it has "
                              "to be a work queue that discards new messages");
    for (int i = 0; i < c.SubjectsLen; ++i)
        if (c.Subjects[i] == options.subject) return;
    throw transport_error("the stream " + name + " is there, for other subjects than " +
                          options.subject);
}
}  // namespace

stream_info_ptr need_stream(jsCtx& context, const stream_options& options) {
    const std::string name = stream_name(options);
    jsStreamInfo* found = nullptr;
    jsErrCode error{};
    natsStatus status = js_GetStreamInfo(&found, &context, name.c_str(), nullptr, &error);
    if (status == NATS_NOT_FOUND) {
        jsStreamConfig c;
        jsStreamConfig_Init(&c);
        const char* subject = options.subject.c_str();
        c.Name = name.c_str();
        c.Subjects = &subject;
        c.SubjectsLen = 1;
        c.Retention = js_WorkQueuePolicy;
        c.Discard = js_DiscardNew;
        c.MaxMsgs = options.most_messages;
        c.MaxBytes = options.most_bytes;
        c.Storage = options.is_in_memory ? js_MemoryStorage : js_FileStorage;
        c.Replicas = options.replicas;
        // Packets are told apart by their numbers, which outlive any window of the broker's; and
        // its table of identifiers would grow by some 100 bytes a message.
        c.Duplicates = 100'000'000;
        status = js_AddStream(&found, &context, &c, nullptr, &error);
    }
    stream_info_ptr info(found);
    expect_ok(status, "the stream " + name);
    check_stream(*info->Config, options);
    return info;
}

// --- the connection ----------------------------------------------------------------------------

void connection_deleter::operator()(natsConnection* connection) const noexcept {
    if (!connection) return;
    try {
        auto ended = std::make_shared<std::promise<void>>();
        const std::future<void> end = ended->get_future();
        std::thread([connection, ended] {
            natsConnection_Destroy(connection);
            ended->set_value();
        }).detach();
        end.wait_for(1s);
    } catch (const std::exception&) {
        // No thread, no memory: the connection stays.
    }
}

namespace {

/// The objects that the C library may still tell something.
struct all_events {
    std::mutex mutex;
    std::uintptr_t last = 0;
    std::unordered_map<std::uintptr_t, link_events*> by_number;
};
all_events& registry() {
    static auto* const all = new all_events;  // never destroyed: threads may outlive it
    return *all;
}
std::uintptr_t registered(link_events& events) {
    all_events& all = registry();
    const std::lock_guard guard(all.mutex);
    all.by_number.emplace(++all.last, &events);
    return all.last;
}

/// Calls tell(events) if the object still is there, which stays there meanwhile.
template <class Tell>
void tell_if_there(void* handle, Tell tell) {
    all_events& all = registry();
    const std::lock_guard guard(all.mutex);
    const auto found = all.by_number.find(reinterpret_cast<std::uintptr_t>(handle));
    if (found != all.by_number.end()) tell(*found->second);
}

}  // namespace

link_events::link_events() : number_(registered(*this)) {}
link_events::~link_events() {
    const std::lock_guard guard(registry().mutex);
    registry().by_number.erase(number_);
}
void link_events::came_back(void* handle) {
    tell_if_there(handle, [](link_events& e) { e.came_back(); });
}
void link_events::had_trouble(void* handle, const std::string& what) {
    tell_if_there(handle, [&](link_events& e) { e.note_trouble(what); });
}
void link_events::came_back() {
    const std::lock_guard guard(mutex_);
    ++status_.reconnects;
    for (const auto* const back : watchers_) (*back)();
}
void link_events::note_trouble(const std::string& what) {
    const std::lock_guard guard(mutex_);
    status_.trouble = what;
}
connection_status link_events::status() const {
    const std::lock_guard guard(mutex_);
    return status_;
}
void link_events::add_watcher(const std::function<void()>& back) {
    const std::lock_guard guard(mutex_);
    watchers_.push_back(&back);
}
void link_events::remove_watcher(const std::function<void()>& back) {
    const std::lock_guard guard(mutex_);
    std::erase(watchers_, &back);
}

nats_connection::link::watcher::watcher(std::shared_ptr<link> l, std::function<void()> back)
    : link_(std::move(l)), back_(std::move(back)) {
    link_->events.add_watcher(back_);
}
nats_connection::link::watcher::~watcher() { link_->events.remove_watcher(back_); }

bool nats_connection::link::is_connected() const noexcept {
    return connection && natsConnection_Status(connection.get()) == NATS_CONN_STATUS_CONNECTED;
}

void nats_connection::link::retire(subscription_ptr subscription) {
    if (!subscription) return;
    natsSubscription_Unsubscribe(subscription.get());
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard guard(mutex);
    std::erase_if(all_retired, [&](const retired& r) { return now - r.since > 30s; });
    all_retired.push_back({std::move(subscription), now});
}

namespace {

void set_security(natsOptions& to, const nats_options& from) {
    if (!from.credentials.empty())
        expect_ok(natsOptions_SetUserCredentialsFromFiles(&to, from.credentials.c_str(), nullptr),
                  "the file of credentials");
    const bool needs_tls = from.url.find("tls://") != std::string::npos || !from.ca.empty() ||
                           !from.certificate.empty();
    if (!needs_tls) return;
    expect_ok(natsOptions_SetSecure(&to, true), "TLS");
    if (!from.ca.empty())
        expect_ok(natsOptions_LoadCATrustedCertificates(&to, from.ca.c_str()),
                  "the certificates to trust");
    if (!from.certificate.empty())
        expect_ok(
            natsOptions_LoadCertificatesChain(&to, from.certificate.c_str(), from.key.c_str()),
            "the certificate");
}

options_ptr options_for(const nats_options& from, const link_events& events) {
    natsOptions* made = nullptr;
    expect_ok(natsOptions_Create(&made), "options");
    options_ptr options(made);
    const auto urls = split(from.url, ',');
    std::vector<const char*> servers;
    for (const std::string& url : urls) servers.push_back(url.c_str());
    expect_ok(natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())),
              "the broker's address");
    expect_ok(natsOptions_SetName(made, "valpool bridge"), "options");
    expect_ok(natsOptions_SetTimeout(made, 2000), "options");
    expect_ok(natsOptions_SetMaxReconnect(made, -1), "options");
    expect_ok(natsOptions_SetReconnectWait(made, 250), "options");
    expect_ok(natsOptions_SetReconnectJitter(made, 100, 250), "options");
    // A link that is cut says nothing: without this it would take minutes to notice.
    expect_ok(natsOptions_SetPingInterval(made, 2000), "options");
    expect_ok(natsOptions_SetMaxPingsOut(made, 3), "options");
    expect_ok(natsOptions_SetWriteDeadline(made, 5000), "options");
    set_security(*made, from);
    expect_ok(
        natsOptions_SetReconnectedCB(
            made, [](natsConnection*, void* its) { link_events::came_back(its); }, events.handle()),
        "options");
    expect_ok(natsOptions_SetDisconnectedCB(
                  made,
                  [](natsConnection*, void* its) {
                      link_events::had_trouble(its, "the connection to the broker was lost");
                  },
                  events.handle()),
              "options");
    // Its default writes each error to standard error.
    expect_ok(natsOptions_SetErrorHandler(
                  made,
                  [](natsConnection*, natsSubscription*, natsStatus status, void* its) {
                      link_events::had_trouble(its, natsStatus_GetText(status));
                  },
                  events.handle()),
              "options");
    return options;
}

}  // namespace

nats_connection::nats_connection(const nats_options& options, const std::function<bool()>& is_over)
    : link_(std::make_shared<link>()) {
    check(options);
    const options_ptr made = options_for(options, link_->events);
    for (auto next = std::chrono::steady_clock::now(); !is_over();) {
        natsConnection* connection = nullptr;
        const natsStatus status = natsConnection_Connect(&connection, made.get());
        link_->connection.reset(connection);
        if (status == NATS_OK) return;
        link_->events.note_trouble("no connection to " + options.url + ": " +
                                   natsStatus_GetText(status));
        next += 500ms;
        while (!is_over() && std::chrono::steady_clock::now() < next)
            std::this_thread::sleep_for(20ms);
    }
}
nats_connection::~nats_connection() = default;

connection_status nats_connection::status() const {
    connection_status s = link_->events.status();
    s.is_connected = link_->is_connected();
    return s;
}

std::unique_ptr<outlet> nats_connection::way_out(const stream_options& to, outlet_events& events) {
    check(to);
    return make_nats_outlet(link_, to, events);
}
std::unique_ptr<inlet> nats_connection::way_in(const stream_options& from) {
    check(from);
    return make_nats_inlet(link_, from);
}

}  // namespace valpool::bridge
