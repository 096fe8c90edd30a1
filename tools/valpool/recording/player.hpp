#pragma once

#include "../attach.hpp"
#include "messages.hpp"

#include <valpool/valpool.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

namespace tool {

struct player_options {
    std::string file;
    std::string pool;                          // empty: the one that was recorded
    std::map<std::string, std::string> names;  // of recorded pipes, and what they are now
    selection wanted;
    double rate = 1;  // 0: as fast as it goes
    bool loops = false;
    int capacity = 16;              // of pipes that are not there yet
    double patience_s = 10;         // with a pool that is full
    double timeout_s = no_timeout;  // for the pool, and for room in a pipe
    bool shows_progress = false;
};

/// Puts the packets of a recording into pipes, in their order and at their times.
class player {
public:
    explicit player(player_options options);

    /// The time that was given has passed.
    struct gave_up : std::runtime_error {
        using std::runtime_error::runtime_error;
    };
    /// Until the end, or a signal. Full pipes are waited for; what comes after is as much later.
    /// Throws gave_up, std::runtime_error.
    void run();

    const std::string& pool() const noexcept { return options_.pool; }
    std::uint64_t packets() const noexcept { return packets_; }
    std::uint64_t bytes() const noexcept { return bytes_; }
    double seconds() const noexcept;

private:
    /// A pipe that is there, or one that is made here.
    struct target {
        std::unique_ptr<valpool::ClientSide> found;
        std::unique_ptr<valpool::ServerSide> made;
        valpool::CQ& pipe() const { return made ? made->pipe() : found->pipe(); }
    };

    void play_once();
    void wait_for(mcap::time_ns t);
    void put(const messages::item& m);
    enum class outcome { done, no_room, no_memory };
    static outcome put_now(valpool::CQ& pipe, const valpool::Val& packet);
    [[noreturn]] void give_up_on(const messages::item& m) const;
    [[noreturn]] void fail_for_memory(const messages::item& m) const;
    target& target_of(const std::string& recorded);
    target open(const std::string& pipe) const;
    template <class Side>
    bool start(Side& side, const start_watch& watch) const;
    bool has_pool() const;
    void show_progress(mcap::time_ns t, bool is_last);

    player_options options_;
    messages messages_;
    std::map<std::string, target> targets_;
    double began_s_ = 0;  // on the monotonic clock
    double zero_s_ = 0;   // when the first message is due, on the same
    double shown_s_ = 0;
    std::uint64_t packets_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace tool
