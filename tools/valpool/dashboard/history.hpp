#pragma once

/// What the pools have been doing in the last ten minutes.

#include "holdings.hpp"
#include "rates.hpp"

#include <valpool/valpool.hpp>

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace tool::dashboard {

/// A pool at one moment, in short.
struct moment {
    std::chrono::steady_clock::time_point when;
    std::size_t used_bytes = 0;
    double in = 0;  // packets a second, of all pipes
    double out = 0;
    struct pipe {
        float depth = 0;
        float in = 0;
        float out = 0;
    };
    std::map<std::string, pipe> pipes;
};

/// Looks at all pools once a second, in a thread of its own.
class history {
public:
    history();
    ~history();
    history(const history&) = delete;
    history& operator=(const history&) = delete;

    /// Null when the pipe was not there at the last looks.
    bool find_rates(const std::string& pool, const std::string& pipe, pipe_rates& into) const;
    /// For how long the pool's processes have held what they hold, by pid.
    std::map<int, held_time> held_for(const std::string& pool) const;
    /// The pool's last minutes, and those of one of its pipes (empty: without). Times are in
    /// seconds before now.
    valpool::OTab as_json(const std::string& pool, const std::string& pipe) const;

private:
    using clock = std::chrono::steady_clock;
    void run();
    void look_at_all();
    static moment look_at(const valpool::Monitor& pool, pipe_sampler& sampler);

    /// What the thread alone uses of a pool.
    struct watch {
        pipe_sampler pipes;
        holdings held;
        clock::time_point next_look_at_processes;
    };
    void look_at_processes(const valpool::Monitor& pool, const std::string& name, watch& its);

    mutable std::mutex mutex_;
    std::map<std::string, std::deque<moment>> pools_;
    std::map<std::string, std::map<int, held_time>> held_for_;
    bool ends_ = false;
    std::map<std::string, watch> watches_;  // only the thread uses them
    std::thread thread_;
};

}  // namespace tool::dashboard
