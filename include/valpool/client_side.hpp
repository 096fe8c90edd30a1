#pragma once

#include <valpool/boot.hpp>

#include <memory>
#include <string>
#include <utility>

namespace valpool {

namespace detail {
class side;
}

/// Attaches to a pipe that a ServerSide makes. Usually it dequeues; it may enqueue, too.
/// Any number of them can be in one process, beside each other and a SHMMain.
/// Life: the pipe outlives the object, unless it is temporary (see ServerSide); values that came
/// out of it may, too. Thread safety: the queue may be used by many threads; the object itself by
/// one at a time. Source: "C++ Cross-Process Shared Memory Tools": ServerSide and ClientSide.
class VALPOOL_API ClientSide {
public:
    /// As for ServerSide; the pipe has the capacity that its server gave it.
    /// Throws std::logic_error for bad names, a negative sleep.
    ClientSide(const std::string& memory_pool_name, const std::string& pipe_name,
               bool debug = false, void* forced_addr = nullptr,
               detail::break_checker external_break = nullptr, std::int64_t micro_sleep = 100000);
    /// The break checker in the place of `debug`.
    template <class Checker, detail::if_break_checker<Checker> = 0>
    ClientSide(const std::string& memory_pool_name, const std::string& pipe_name,
               Checker&& external_break, std::int64_t micro_sleep = 100000)
        : ClientSide(memory_pool_name, pipe_name, false, nullptr,
                     detail::break_checker(std::forward<Checker>(external_break)), micro_sleep) {}
    /// A pointer is no `debug` flag, though the language takes it for one.
    template <class Pointer, class... Rest, detail::if_no_debug_flag<Pointer, Rest...> = 0>
    ClientSide(const std::string& memory_pool_name, const std::string& pipe_name, Pointer&& debug,
               Rest&&... rest) = delete;
    ~ClientSide();
    ClientSide(const ClientSide&) = delete;
    ClientSide& operator=(const ClientSide&) = delete;

    /// Waits for the pool and then for the pipe. Throws std::runtime_error for a file of that name
    /// that is no pool, or a damaged or another version's one.
    /// Returns STARTED, or STOPPED when the break checker ended the wait. Idempotent.
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

private:
    std::unique_ptr<detail::side> self_;
};

}  // namespace valpool
