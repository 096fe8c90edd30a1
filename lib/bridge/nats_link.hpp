#pragma once

/// What nats.cpp's parts share: the connection, and the C library's objects with an owner.

#include "bridge/nats.hpp"

#include <nats/nats.h>

#include <chrono>
#include <cstdint>
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
/// In the C library, the end of a connection that was lost and came back several times can wait for
/// ever for a thread of an earlier life (seen in 3.4.1). Then it is left to itself.
struct connection_deleter {
    void operator()(natsConnection* connection) const noexcept;
};
using connection_ptr = std::unique_ptr<natsConnection, connection_deleter>;
using options_ptr = std::unique_ptr<natsOptions, nats_deleter<natsOptions, natsOptions_Destroy>>;
using context_ptr = std::unique_ptr<jsCtx, nats_deleter<jsCtx, jsCtx_Destroy>>;
using message_ptr = std::unique_ptr<natsMsg, nats_deleter<natsMsg, natsMsg_Destroy>>;
using stream_info_ptr =
    std::unique_ptr<jsStreamInfo, nats_deleter<jsStreamInfo, jsStreamInfo_Destroy>>;
using subscription_ptr =
    std::unique_ptr<natsSubscription, nats_deleter<natsSubscription, natsSubscription_Destroy>>;

/// Throws transport_error if the status is a failure.
void expect_ok(natsStatus status, const std::string& what);

/// What happens to a connection. The C library tells it in a thread of its own, also after the
/// connection was destroyed: so it knows a number of the object, and not its address.
class link_events {
public:
    link_events();
    ~link_events();
    link_events(const link_events&) = delete;
    link_events& operator=(const link_events&) = delete;

    /// What the C library passes to the functions below.
    void* handle() const noexcept { return reinterpret_cast<void*>(number_); }
    static void came_back(void* handle);
    static void had_trouble(void* handle, const std::string& what);

    void note_trouble(const std::string& what);
    /// Without is_connected.
    connection_status status() const;
    void add_watcher(const std::function<void()>& back);
    void remove_watcher(const std::function<void()>& back);

private:
    void came_back();

    const std::uintptr_t number_;
    mutable std::mutex mutex_;  // protects what follows
    std::vector<const std::function<void()>*> watchers_;
    connection_status status_;
};

/// A connection, and what its users share.
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
    /// Ends a subscription. In the C library, the thread that reads may still use one that was
    /// destroyed while messages came (seen in 3.4.1): so it is kept for a while.
    void retire(subscription_ptr subscription);

    link_events events;
    struct retired {
        subscription_ptr subscription;
        std::chrono::steady_clock::time_point since;
    };
    std::mutex mutex;  // protects all_retired
    std::vector<retired> all_retired;
    connection_ptr connection;  // last: its threads use the rest
};

std::unique_ptr<outlet> make_nats_outlet(std::shared_ptr<nats_connection::link> link,
                                         const stream_options& to, outlet_events& events);
std::unique_ptr<inlet> make_nats_inlet(std::shared_ptr<nats_connection::link> link,
                                       const stream_options& from);

/// Called after the first message of a batch. Under load, waits a moment: a wake-up for each
/// message costs this side and the broker more than all else. `last_batch`: how many came the last
/// time.
void let_more_come(std::size_t last_batch);

/// An address for answers that nobody else has.
std::string new_inbox();
/// What is sent to that address, without a limit to what waits here: the sender has one. Throws
/// transport_error.
subscription_ptr subscribe(nats_connection::link& link, const std::string& address);
/// JetStream over the connection. Throws transport_error.
context_ptr make_context(nats_connection::link& link);
/// The stream's name.
std::string stream_name(const stream_options& options);
/// The stream; makes it unless it is there. Throws transport_error.
stream_info_ptr need_stream(jsCtx& context, const stream_options& options);

/// A message, with its header, is not larger than this. What is published in one piece and is
/// larger than some 32 MB has been seen acknowledged, and lost.
constexpr std::size_t most_message_bytes = std::size_t{512} << 10U;

}  // namespace valpool::bridge
