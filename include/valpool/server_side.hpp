#pragma once

#include <valpool/boot.hpp>

#include <memory>
#include <string>
#include <utility>

namespace valpool {

namespace detail {
class side;
}

/// Creates a pipe (a queue with a name) in the pool, or attaches to the one that is there: a server
/// that comes back picks up where the last one left off. Usually it enqueues; it may dequeue, too.
/// Any number of them can be in one process, beside each other and a SHMMain.
/// Life: the pipe outlives the object, unless temporary() was asked for; values that came out of it
/// may, too.
/// Thread safety: the queue may be used by many threads; the object itself by one at a time.
/// Source: "C++ Cross-Process Shared Memory Tools": ServerSide and ClientSide.
class VALPOOL_API ServerSide {
public:
    /// `memory_pool_name`: as SHMMain was given it. `pipe_name`: 1 to 255 bytes, none of them zero.
    /// `capacity_packets`: how many packets the pipe holds.
    /// `forced_addr`: the pool must be mapped there, or start() throws; null: wherever it can be.
    /// `external_break`, polled every `micro_sleep` microseconds, ends every wait of this object
    /// and of its pipe: anything that can be copied and called as bool(), by every thread that
    /// waits; or null. What it throws passes through start() and the pipe's functions.
    /// Throws std::logic_error for bad names, a capacity below 1, a negative sleep.
    ServerSide(const std::string& memory_pool_name, const std::string& pipe_name,
               int capacity_packets, bool debug = false, void* forced_addr = nullptr,
               detail::break_checker external_break = nullptr, std::int64_t micro_sleep = 100000);
    /// The break checker in the place of `debug`.
    template <class Checker, detail::if_break_checker<Checker> = 0>
    ServerSide(const std::string& memory_pool_name, const std::string& pipe_name,
               int capacity_packets, Checker&& external_break, std::int64_t micro_sleep = 100000)
        : ServerSide(memory_pool_name, pipe_name, capacity_packets, false, nullptr,
                     detail::break_checker(std::forward<Checker>(external_break)), micro_sleep) {}
    /// A pointer is no `debug` flag, though the language takes it for one.
    template <class Pointer, class... Rest, detail::if_no_debug_flag<Pointer, Rest...> = 0>
    ServerSide(const std::string& memory_pool_name, const std::string& pipe_name,
               int capacity_packets, Pointer&& debug, Rest&&... rest) = delete;
    ~ServerSide();
    ServerSide(const ServerSide&) = delete;
    ServerSide& operator=(const ServerSide&) = delete;

    /// Waits for the pool, then makes or finds the pipe. Throws std::logic_error when the pipe
    /// exists with another capacity; PoolExhausted when it does not fit; std::runtime_error for a
    /// file of that name that is no pool, or a damaged or another version's one. Returns STARTED,
    /// or STOPPED when the break checker ended the wait. Idempotent.
    State_e start();
    State_e state() const noexcept;

    /// Lets go of the pipe and of the pool, and starts again: what to do when a wait has thrown
    /// PoolRetired, to go on with the pool that has the name next. Waits, throws and returns as
    /// start(). References to pipe() from before are void; values that came out of it are not.
    State_e restart();

    /// std::runtime_error when not started.
    CQ& pipe() const;
    StreamingPool* pool() const;
    Bootstrap_t* boot() const;

    /// As for SHMMain.
    bool warning(bool on) noexcept;
    bool addressRandomization() const;
    /// As for SHMMain; when this process is attached to the pool already, there is nothing to do.
    bool prefault(bool on) noexcept;
    /// As for SHMMain.
    bool coreDumps(bool on) noexcept;

    /// Whether the pipe, if this start() makes it, is temporary: it goes by itself, with the
    /// packets that are left in it, when the last one lets go of it, that is every ServerSide and
    /// ClientSide of it has been destroyed, or its process has ended, however that ended. For
    /// requests and replies: each client makes a pipe of its own for the replies. Before start();
    /// returns the old setting; off by default.
    bool temporary(bool on) noexcept;
    /// As for SHMMain. This object holds its own pipe.
    bool removePipe(const std::string& pipe_name);

private:
    std::unique_ptr<detail::side> self_;
};

}  // namespace valpool
