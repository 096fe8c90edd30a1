#pragma once

/// What nats.cpp's parts share: the connection, and the C library's objects with an owner.

#include "bridge/nats.hpp"

#include <nats/nats.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace valpool::bridge {

template <class T, void (*Destroy)(T*)>
struct nats_deleter {
    void operator()(T* object) const noexcept { Destroy(object); }
};
using connection_ptr =
    std::unique_ptr<natsConnection, nats_deleter<natsConnection, natsConnection_Destroy>>;
using options_ptr = std::unique_ptr<natsOptions, nats_deleter<natsOptions, natsOptions_Destroy>>;
using context_ptr = std::unique_ptr<jsCtx, nats_deleter<jsCtx, jsCtx_Destroy>>;
using message_ptr = std::unique_ptr<natsMsg, nats_deleter<natsMsg, natsMsg_Destroy>>;
using stream_info_ptr =
    std::unique_ptr<jsStreamInfo, nats_deleter<jsStreamInfo, jsStreamInfo_Destroy>>;
using subscription_ptr =
    std::unique_ptr<natsSubscription, nats_deleter<natsSubscription, natsSubscription_Destroy>>;

/// Throws transport_error if the status is a failure.
void expect_ok(natsStatus status, const std::string& what);

/// A connection, and who wants to know that it is there again.
struct nats_connection::link {
    /// Calls `back` after each interruption, as long as the object lives.
    class watcher {
    public:
        watcher(std::shared_ptr<link> l, std::function<void()> back);
        ~watcher();
        watcher(const watcher&) = delete;
        watcher& operator=(const watcher&) = delete;

    private:
        std::shared_ptr<link> link_;
        std::function<void()> back_;
    };

    natsConnection* get() const noexcept { return connection.get(); }
    bool is_connected() const noexcept;
    void came_back();
    void had_trouble(const std::string& what);
    /// Ends a subscription. In the C library, the thread that reads may still use one that was
    /// destroyed while messages came (seen in 3.4.1): so it is kept for a while.
    void retire(subscription_ptr subscription);

    mutable std::mutex mutex;  // protects what follows, but for the connection
    std::vector<const std::function<void()>*> watchers;
    std::uint64_t reconnects = 0;
    std::string trouble;
    struct retired {
        subscription_ptr subscription;
        std::chrono::steady_clock::time_point since;
    };
    std::vector<retired> all_retired;
    connection_ptr connection;  // last: its threads use the rest
};

std::unique_ptr<outlet> make_nats_outlet(std::shared_ptr<nats_connection::link> link,
                                         const stream_options& to, outlet_events& events);
std::unique_ptr<inlet> make_nats_inlet(std::shared_ptr<nats_connection::link> link,
                                       const stream_options& from);

/// The stream's name.
std::string stream_name(const stream_options& options);
/// The stream; makes it unless it is there. Throws transport_error.
stream_info_ptr need_stream(jsCtx& context, const stream_options& options);

/// A message, with its header, is not larger than this. What is published in one piece and is
/// larger than some 32 MB has been seen acknowledged, and lost.
constexpr std::size_t most_message_bytes = std::size_t{512} << 10U;

}  // namespace valpool::bridge
