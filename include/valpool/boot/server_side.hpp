#pragma once

#include <valpool/boot/boot.hpp>

#include <memory>
#include <string>
#include <utility>

namespace valpool {

namespace detail {
class side;
}

/// Creates a pipe (a queue with a name) in the pool, or attaches to the existing one: a restarted
/// server goes on where the last one stopped. Usually it enqueues; it may dequeue, too.
/// A process may have any number of them, beside ClientSides and a SHMMain.
/// Lifetime: the pipe outlives the object, unless temporary() was asked for. Values that came out
/// of it may outlive it, too.
/// Thread safety: many threads may use the queue; only one thread at a time may use the object
/// itself.
/// Source: "C++ Cross-Process Shared Memory Tools": ServerSide and ClientSide.
class VALPOOL_API ServerSide {
public:
    /// `memory_pool_name`: the name that SHMMain was given. `pipe_name`: 1 to 255 bytes, none of
    /// them zero.
    /// `capacity_packets`: how many packets the pipe holds.
    /// `forced_addr`: the address that the pool must be mapped at, or start() throws; null: any
    /// address.
    /// `external_break`: ends every wait of this object and of its pipe when it returns true. Any
    /// callable as bool() that can be copied, or null. Every thread that waits calls it, once every
    /// `micro_sleep` microseconds. What it throws passes through start() and the pipe's functions.
    /// Throws std::logic_error for a bad name, a capacity below 1, a negative sleep.
    ServerSide(const std::string& memory_pool_name, const std::string& pipe_name,
               int capacity_packets, bool debug = false, void* forced_addr = nullptr,
               detail::break_checker external_break = nullptr, std::int64_t micro_sleep = 100000);
    /// The same with the break checker in the place of `debug`.
    template <class Checker, detail::if_break_checker<Checker> = 0>
    ServerSide(const std::string& memory_pool_name, const std::string& pipe_name,
               int capacity_packets, Checker&& external_break, std::int64_t micro_sleep = 100000)
        : ServerSide(memory_pool_name, pipe_name, capacity_packets, false, nullptr,
                     detail::break_checker(std::forward<Checker>(external_break)), micro_sleep) {}
    /// Deleted: a pointer would convert to a `debug` flag, which is never intended.
    template <class Pointer, class... Rest, detail::if_no_debug_flag<Pointer, Rest...> = 0>
    ServerSide(const std::string& memory_pool_name, const std::string& pipe_name,
               int capacity_packets, Pointer&& debug, Rest&&... rest) = delete;
    ~ServerSide();
    ServerSide(const ServerSide&) = delete;
    ServerSide& operator=(const ServerSide&) = delete;

    /// Waits for the pool, then makes or finds the pipe. Returns STARTED, or STOPPED when the break
    /// checker ended the wait. Idempotent.
    /// Throws std::logic_error when the pipe exists with another capacity; PoolExhausted when the
    /// pipe does not fit; std::runtime_error when the file of that name is not a pool, is damaged,
    /// or was made by another version.
    State_e start();
    State_e state() const noexcept;

    /// Detaches from the pipe and the pool, and starts again. Call it after a wait has thrown
    /// PoolRetired, to go on with the pool that has the name next. Waits, throws and returns as
    /// start() does. Invalidates references that pipe() returned before; values that came out of
    /// the pipe stay valid.
    State_e restart();

    /// Each throws std::runtime_error when not started.
    CQ& pipe() const;
    StreamingPool* pool() const;
    Bootstrap_t* boot() const;

    /// See SHMMain::warning.
    bool warning(bool on) noexcept;
    bool addressRandomization() const;
    /// See SHMMain::prefault. No effect when this process is already attached to the pool.
    bool prefault(bool on) noexcept;
    /// See SHMMain::coreDumps.
    bool coreDumps(bool on) noexcept;

    /// Whether the pipe is temporary, if start() makes it. A temporary pipe is removed, with the
    /// packets left in it, when its last user is gone: when every ServerSide and ClientSide of it
    /// has been destroyed, or its process has ended, however it ended. For requests and replies:
    /// each client makes its own pipe for the replies. Call it before start(). Returns the old
    /// setting; off by default.
    bool temporary(bool on) noexcept;
    /// See SHMMain::removePipe. This object's own pipe counts as in use.
    bool removePipe(const std::string& pipe_name);

private:
    std::unique_ptr<detail::side> self_;
};

}  // namespace valpool
