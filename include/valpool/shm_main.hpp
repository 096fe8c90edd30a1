#pragma once

#include <valpool/boot.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace valpool {

/// Creates the memory pool that any number of ServerSides and ClientSides, in any processes, use.
/// One process makes one, usually the one that starts first.
///
/// Life: nothing is touched before start(). The destructor removes the pool's name and retires the
/// pool, unless keep() was called: whoever is attached goes on, but gets PoolRetired instead of
/// waiting for a packet or for room; the memory goes with the last of them.
/// In a child of fork the object has the pool but is not its SHMMain: state() is STOPPED, and the
/// destructor only lets go. When the process that it was forked from has gone (after daemon(3)),
/// start() makes it that.
/// Thread safety: use one object from one thread at a time.
/// Source: "C++ Cross-Process Shared Memory Tools": SHMMain; Timeouts and External Shutdown
/// Conditions; Address Randomization; headaches 1, 3 and 4.
class VALPOOL_API SHMMain {
public:
    /// `memory_pool_name`: a file name; one leading slash is allowed.
    /// `bytes`: for values and queues together. On top come 64 KB or more for queues and
    /// bookkeeping (a quarter of `bytes`, at most 1 MiB), 1 to 2 KB for each thread that can use
    /// the pool (one a 16 KiB, 64 to 1,024 in all), and 1 to 2%: together about 180 KB for a pool
    /// of 100 KB, 370 KB for 1 MB, 3% of 100 MB.
    /// `debug`: says on standard error what it does.
    /// `forced_addr`: where every process maps the pool; null lets it be chosen. A process in which
    /// it is taken maps the pool elsewhere and works all the same.
    /// `external_break`: anything that can be copied and called as bool(), or null; polled every
    /// `micro_sleep` microseconds while start() has to wait.
    /// Throws std::logic_error for a bad name, zero bytes, a misaligned address, a negative sleep.
    SHMMain(const std::string& memory_pool_name, std::size_t bytes, bool debug = false,
            void* forced_addr = nullptr, detail::break_checker external_break = nullptr,
            std::int64_t micro_sleep = 100000);
    /// The break checker in the place of `debug`.
    template <class Checker, detail::if_break_checker<Checker> = 0>
    SHMMain(const std::string& memory_pool_name, std::size_t bytes, Checker&& external_break,
            std::int64_t micro_sleep = 100000)
        : SHMMain(memory_pool_name, bytes, false, nullptr,
                  detail::break_checker(std::forward<Checker>(external_break)), micro_sleep) {}
    /// A pointer is no `debug` flag, though the language takes it for one.
    template <class Pointer, class... Rest, detail::if_no_debug_flag<Pointer, Rest...> = 0>
    SHMMain(const std::string& memory_pool_name, std::size_t bytes, Pointer&& debug,
            Rest&&... rest) = delete;
    ~SHMMain();
    SHMMain(const SHMMain&) = delete;
    SHMMain& operator=(const SHMMain&) = delete;

    /// Creates the pool with all its memory reserved. A dead earlier run's pool of the same name is
    /// removed first. A pool that was kept, or whose SHMMain has died but which living processes
    /// use, is taken up as it is, with all that is in it, if it has the size and the forced address
    /// that are asked for; shareWithGroup() applies to it as well.
    /// Throws std::runtime_error: the name belongs to a living SHMMain (naming its pid) or to
    /// something that is no pool; there is not enough memory (with both numbers); the forced
    /// address is taken; what is there is not what was asked for, or may not be removed. Never
    /// changes anything that is not a dead run's.
    /// Returns STARTED, or STOPPED when the break checker ended it; what the break checker throws
    /// passes through. When it is started already, it sees to it that the pool has its name still:
    /// others can take it away (see hasName()), and then it is given back; std::runtime_error when
    /// something else has it.
    State_e start();
    State_e state() const noexcept;

    /// std::runtime_error when not started.
    StreamingPool* pool() const;
    Bootstrap_t* boot() const;

    /// Whether start() may warn, on standard error, that a forced address and address
    /// randomisation do not go together well. Returns the old setting; on by default.
    bool warning(bool on) noexcept;
    /// Whether the system randomises this process's addresses.
    bool addressRandomization() const;

    /// Whether start() makes all of the pool's pages present in this process, so that its first
    /// touch of each (some ten microseconds) comes at the start and not in the middle of the work.
    /// ServerSide and ClientSide have the same for theirs. Returns the old setting; off by default.
    bool prefault(bool on) noexcept;
    /// Whether start() asks for huge pages for a pool that it creates (Linux 6.1): fewer misses
    /// when programs jump about in a large one. It is a wish: what the system has none for stays on
    /// ordinary pages, and debug says so. Returns the old setting; off by default.
    bool hugePages(bool on) noexcept;

    /// Whether the pool stays, with what is in it, when this object goes or its process dies: then
    /// it can be attached to without a SHMMain, and the next one of that name takes it up. Before
    /// start() or after it. Off by default.
    void keep(bool on) noexcept;
    /// Whether start() makes a new pool in any case where no SHMMain lives: one that was kept is
    /// removed, and one that others still use is retired (see PoolRetired). Also one that another
    /// version of this library has made, if nobody uses it. Returns the old setting; off by
    /// default.
    bool beginAnew(bool on) noexcept;
    /// Lets processes of the same group attach, not only those of the same user. Before start().
    void shareWithGroup(bool on) noexcept;

    /// Whether the pool can be found by its name. Not when somebody has deleted or replaced its
    /// file in /dev/shm (as systemd does when a user logs out): who is attached goes on, but nobody
    /// else can come until start() has given the name back.
    bool hasName() const noexcept;

    /// Whether a core dump of this process has the pool in it (as far as
    /// /proc/PID/coredump_filter lets it). ServerSide and ClientSide have the same for theirs; in
    /// one process whoever says true first has it. Returns the old setting; off by default: a large
    /// pool would be in the dump of each of its processes.
    bool coreDumps(bool on) noexcept;

    /// Removes a pipe that nobody uses any more; its memory is free at once.
    /// Returns true when it has been removed. False when there is no such pipe; when somebody holds
    /// it, that is a ServerSide or ClientSide of it is started in any living process (a child of
    /// fork that has not used the pool yet has what its parent had); when there are packets in it;
    /// and when a process that has been stopped in the middle of an operation prevents it now.
    /// Throws std::logic_error for a name that no pipe can have, std::runtime_error when not
    /// started.
    /// Blocking: a fraction of a second at most. The others pause for some microseconds.
    /// Process safety: any process may do it, while others open pipes, this one among them.
    bool removePipe(const std::string& pipe_name);

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

}  // namespace valpool
