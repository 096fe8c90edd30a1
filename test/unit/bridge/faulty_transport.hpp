#pragma once

#include "bridge/transport.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// An engine in this process, with all the faults that a broker and its links can have: it has
/// little room, refuses messages, loses confirmations and acknowledgements, and interrupts. Like a
/// broker it keeps the order in which it got the messages, and what it has confirmed.
class faulty_engine {
public:
    struct faults {
        double refusal = 0;            // of a message
        double lost_confirmation = 0;  // of a message that is stored
        double lost_message = 0;       // with its confirmation
        double interruption = 0;       // of the way in, at each look
        double reconnection = 0;       // of the way out, at each message
        std::size_t room = 1000;       // messages
        std::size_t most_bytes = 4096;
    };
    explicit faulty_engine(faults f, unsigned seed) : faults_(f), random_(seed) {}

    std::unique_ptr<valpool::bridge::outlet> way_out(valpool::bridge::outlet_events& events) {
        return std::make_unique<out>(*this, events);
    }
    std::unique_ptr<valpool::bridge::inlet> way_in() { return std::make_unique<in>(*this); }
    bool is_empty() const {
        const std::lock_guard guard(mutex_);
        return stored_.empty();
    }
    /// Stores a message that nobody has sent.
    void forge(std::string message) {
        const std::lock_guard guard(mutex_);
        stored_.push_back({++stored_count_, std::move(message)});
    }
    /// Loses all that it has confirmed.
    void lose_all() {
        const std::lock_guard guard(mutex_);
        stored_.clear();
    }

private:
    struct stored_message {
        std::uint64_t number;
        std::string bytes;
    };

    class out final : public valpool::bridge::outlet {
    public:
        out(faulty_engine& engine, valpool::bridge::outlet_events& events)
            : engine_(engine), events_(events) {}
        void send(std::uint64_t ticket, std::string_view head, std::string_view body) override {
            enum { confirm, refuse, say_nothing } answer = confirm;
            bool reconnects = false;
            {
                const std::lock_guard guard(engine_.mutex_);
                const faults& f = engine_.faults_;
                if (engine_.stored_.size() >= f.room || engine_.happens(f.refusal)) {
                    answer = refuse;
                } else if (engine_.happens(f.lost_message)) {
                    answer = say_nothing;
                } else {
                    engine_.stored_.push_back({++engine_.stored_count_, std::string(head)});
                    engine_.stored_.back().bytes += body;
                    if (engine_.happens(f.lost_confirmation)) answer = say_nothing;
                }
                reconnects = engine_.happens(f.reconnection);
            }
            if (answer == confirm) events_.confirmed(ticket);
            if (answer == refuse) events_.refused(ticket, "no room");
            if (reconnects) events_.reconnected();
        }
        valpool::bridge::outlet_limits limits() const override {
            return {engine_.faults_.most_bytes, engine_.faults_.room};
        }

    private:
        faulty_engine& engine_;
        valpool::bridge::outlet_events& events_;
    };

    class arrived final : public valpool::bridge::arrival {
    public:
        arrived(faulty_engine& engine, const stored_message& m) : engine_(engine), message_(m) {}
        std::string_view bytes() const override { return message_.bytes; }
        void done() override {
            const std::lock_guard guard(engine_.mutex_);
            std::erase_if(engine_.stored_,
                          [&](const stored_message& m) { return m.number == message_.number; });
        }

    private:
        faulty_engine& engine_;
        const stored_message message_;
    };

    class in final : public valpool::bridge::inlet {
    public:
        explicit in(faulty_engine& engine) : engine_(engine) {}
        std::vector<std::unique_ptr<valpool::bridge::arrival>> receive(
            std::chrono::milliseconds) override {
            constexpr std::size_t most = 8;
            std::vector<std::unique_ptr<valpool::bridge::arrival>> all;
            {
                const std::lock_guard guard(engine_.mutex_);
                if (engine_.happens(engine_.faults_.interruption)) {
                    ++interruptions_;
                    seen_ = 0;
                }
                for (const stored_message& m : engine_.stored_) {
                    if (m.number <= seen_) continue;
                    if (all.size() == most) break;
                    seen_ = m.number;
                    all.push_back(std::make_unique<arrived>(engine_, m));
                }
            }
            if (all.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return all;
        }
        std::uint64_t interruptions() const override { return interruptions_; }

    private:
        faulty_engine& engine_;
        std::uint64_t seen_ = 0;
        std::uint64_t interruptions_ = 0;
    };

    bool happens(double probability) {
        return probability > 0 && std::uniform_real_distribution<>()(random_) < probability;
    }

    const faults faults_;
    mutable std::mutex mutex_;
    std::deque<stored_message> stored_;
    std::uint64_t stored_count_ = 0;
    std::mt19937 random_;
};
