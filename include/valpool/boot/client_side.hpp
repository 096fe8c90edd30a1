#pragma once

#include <valpool/boot/boot.hpp>

#include <memory>
#include <string>
#include <utility>

namespace valpool {

namespace detail {
class side;
}

/// Attaches to a pipe that a ServerSide makes. Usually it dequeues; it may enqueue, too.
/// A process may have any number of them, beside ServerSides and a SHMMain.
/// Lifetime: the pipe outlives the object, unless it is temporary (see ServerSide). Values that
/// came out of it may outlive it, too.
/// Thread safety: many threads may use the queue; only one thread at a time may use the object
/// itself.
/// Source: "C++ Cross-Process Shared Memory Tools": ServerSide and ClientSide.
class VALPOOL_API ClientSide {
public:
    /// The parameters are those of ServerSide. The pipe has the capacity that its server gave it.
    /// Throws std::logic_error for a bad name or a negative sleep.
    ClientSide(const std::string& memory_pool_name, const std::string& pipe_name,
               bool debug = false, void* forced_addr = nullptr,
               detail::break_checker external_break = nullptr, std::int64_t micro_sleep = 100000);
    /// The same with the break checker in the place of `debug`.
    template <class Checker, detail::if_break_checker<Checker> = 0>
    ClientSide(const std::string& memory_pool_name, const std::string& pipe_name,
               Checker&& external_break, std::int64_t micro_sleep = 100000)
        : ClientSide(memory_pool_name, pipe_name, false, nullptr,
                     detail::break_checker(std::forward<Checker>(external_break)), micro_sleep) {}
    /// Deleted: a pointer would convert to a `debug` flag, which is never intended.
    template <class Pointer, class... Rest, detail::if_no_debug_flag<Pointer, Rest...> = 0>
    ClientSide(const std::string& memory_pool_name, const std::string& pipe_name, Pointer&& debug,
               Rest&&... rest) = delete;
    ~ClientSide();
    ClientSide(const ClientSide&) = delete;
    ClientSide& operator=(const ClientSide&) = delete;

    /// Waits for the pool, then for the pipe. Returns STARTED, or STOPPED when the break checker
    /// ended the wait. Idempotent.
    /// Throws std::runtime_error when the file of that name is not a pool, is damaged, or was made
    /// by another version.
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

private:
    std::unique_ptr<detail::side> self_;
};

}  // namespace valpool
