#pragma once

/// The packet of W1 as a fixed struct over iceoryx, whose daemon RouDi runs meanwhile.

#include "support/record.hpp"

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/publisher.hpp>
#include <iceoryx_posh/popo/subscriber.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <iceoryx_versions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

#include <unistd.h>

namespace valpool::bench {

/// Nothing is lost: a full subscriber blocks the publisher. The subscriber polls.
class iceoryx_transport {
    /// Registers this process; waits for the daemon.
    struct runtime {
        explicit runtime(const char* what) {
            iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError);
            const std::string name = "bench_" + std::string(what) + std::to_string(getpid());
            iox::runtime::PoshRuntime::initRuntime(
                iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name.c_str()));
        }
    };
    static iox::capro::ServiceDescription service() { return {"valpool", "bench", "record"}; }

public:
    /// The library was built for at most this many packets in a subscriber's queue.
    static constexpr std::size_t most_capacity = iox::MAX_SUBSCRIBER_QUEUE_CAPACITY;

    explicit iceoryx_transport(std::size_t capacity)
        : capacity_(std::min(capacity, most_capacity)) {}
    static std::string name() {
        return "fixed struct over iceoryx " ICEORYX_LATEST_RELEASE_VERSION " (capacity at most " +
               std::to_string(most_capacity) + ")";
    }

    class producer {
    public:
        explicit producer(const iceoryx_transport&)
            : runtime_("producer"), publisher_(service(), options()) {
            while (!publisher_.hasSubscribers()) std::this_thread::yield();
        }
        void send(std::int64_t sequence_number) {
            publisher_.loan()
                .and_then([&](auto& packet) {
                    packet->build(sequence_number);
                    packet.publish();
                })
                .or_else([](auto&) { throw std::runtime_error("iceoryx lends no memory"); });
        }

    private:
        static iox::popo::PublisherOptions options() {
            iox::popo::PublisherOptions o;
            o.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
            return o;
        }
        runtime runtime_;
        iox::popo::Publisher<fixed_record> publisher_;
    };

    class consumer {
    public:
        explicit consumer(const iceoryx_transport& t)
            : runtime_("consumer"), subscriber_(service(), options(t.capacity_)) {}
        std::int64_t receive() {
            for (;;) {
                auto taken = subscriber_.take();
                if (!taken.has_error()) return taken.value()->check();
            }
        }

    private:
        static iox::popo::SubscriberOptions options(std::size_t capacity) {
            iox::popo::SubscriberOptions o;
            o.queueCapacity = capacity;
            o.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
            return o;
        }
        runtime runtime_;
        iox::popo::Subscriber<fixed_record> subscriber_;
    };

private:
    std::size_t capacity_;
};

}  // namespace valpool::bench
