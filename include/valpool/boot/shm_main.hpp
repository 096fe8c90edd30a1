#pragma once

#include <valpool/boot/boot.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace valpool {

/// Creates the memory pool that any number of ServerSides and ClientSides, in any processes, use.
/// One process makes the SHMMain of a pool, usually the process that starts first.
///
/// Lifetime: nothing is touched before start(). The destructor removes the pool's name and retires
/// the pool, unless keep() was called. A process that is attached then can still use the pool, but
/// gets PoolRetired instead of waiting for a packet or for room. The memory is freed when the last
/// of them detaches.
/// After a fork, the child's object has the pool but is not its SHMMain: state() is STOPPED, and
/// the destructor only detaches. When the parent process has gone (after daemon(3)), start() makes
/// the child's object the SHMMain. Without start(), the child's destructor ends the pool as above
/// when the parent has gone without doing so and nobody else uses the pool.
/// Thread safety: only one thread at a time may use an object.
/// Source: "C++ Cross-Process Shared Memory Tools": SHMMain; Timeouts and External Shutdown
/// Conditions; Address Randomization; headaches 1, 3 and 4.
class VALPOOL_API SHMMain {
public:
    /// `memory_pool_name`: a file name; one leading slash is allowed.
    /// `bytes`: for values and queues together. On top come 64 KB or more for queues and
    /// bookkeeping (a quarter of `bytes`, at most 1 MiB), 1 to 2 KB for each thread that can use
    /// the pool (one for each 16 KiB, 64 to 1,024 in all), and 1 to 2%. Together that is about 180
    /// KB for a pool of 100 KB, 370 KB for 1 MB, 3% of 100 MB.
    /// `debug`: reports on standard error what the object does.
    /// `forced_addr`: the address at which every process maps the pool; null lets the library
    /// choose. A process in which the address is taken maps the pool elsewhere and works all the
    /// same.
    /// `external_break`: any callable as bool() that can be copied, or null. While start() waits,
    /// it is called every `micro_sleep` microseconds; true ends the wait.
    /// Throws std::logic_error for a bad name, zero bytes, a misaligned address, a negative sleep.
    SHMMain(const std::string& memory_pool_name, std::size_t bytes, bool debug = false,
            void* forced_addr = nullptr, detail::break_checker external_break = nullptr,
            std::int64_t micro_sleep = 100000);
    /// The same with the break checker in the place of `debug`.
    template <class Checker, detail::if_break_checker<Checker> = 0>
    SHMMain(const std::string& memory_pool_name, std::size_t bytes, Checker&& external_break,
            std::int64_t micro_sleep = 100000)
        : SHMMain(memory_pool_name, bytes, false, nullptr,
                  detail::break_checker(std::forward<Checker>(external_break)), micro_sleep) {}
    /// Deleted: a pointer would convert to a `debug` flag, which is never intended.
    template <class Pointer, class... Rest, detail::if_no_debug_flag<Pointer, Rest...> = 0>
    SHMMain(const std::string& memory_pool_name, std::size_t bytes, Pointer&& debug,
            Rest&&... rest) = delete;
    ~SHMMain();
    SHMMain(const SHMMain&) = delete;
    SHMMain& operator=(const SHMMain&) = delete;

    /// Creates the pool with all its memory reserved. What already has the name decides what
    /// happens:
    /// - A pool of a dead earlier run is removed first.
    /// - A pool that was kept, or whose SHMMain has died while living processes still use it, is
    ///   taken over with all that is in it. It must have the size and the forced address that are
    ///   asked for. shareWithGroup() applies to it as well.
    /// Throws std::runtime_error when the name belongs to a living SHMMain (the message has its
    /// pid) or to something that is not a pool; when memory is short (with both numbers); when the
    /// forced address is taken; and when the existing pool does not match the request or may not be
    /// removed. Changes nothing but what a dead run has left.
    /// Returns STARTED, or STOPPED when the break checker ended the wait. What the break checker
    /// throws passes through.
    /// On a started object it checks that the pool still has its name, which others can take away
    /// (see hasName()), and restores it if not; std::runtime_error when something else has the name
    /// now.
    State_e start();
    State_e state() const noexcept;

    /// Both throw std::runtime_error when not started.
    StreamingPool* pool() const;
    Bootstrap_t* boot() const;

    /// Whether start() may warn, on standard error, that a forced address conflicts with address
    /// randomisation. Returns the old setting; on by default.
    bool warning(bool on) noexcept;
    /// Whether the system randomises this process's addresses.
    bool addressRandomization() const;

    /// Whether start() makes all pages of the pool present in this process. The first touch of each
    /// page takes some ten microseconds; this moves it from the middle of the work to the start.
    /// ServerSide and ClientSide have the same for their processes. Returns the old setting; off by
    /// default.
    bool prefault(bool on) noexcept;
    /// Whether start() asks for huge pages for a pool that it creates (Linux 6.1): random access to
    /// a large pool then misses the TLB less often. This is only a request: where the system has no
    /// huge pages left, ordinary ones are used, and debug reports it. Returns the old setting; off
    /// by default.
    bool hugePages(bool on) noexcept;

    /// Whether the pool and its content stay when this object is destroyed or its process dies.
    /// Then other processes can attach without a SHMMain, and the next SHMMain of that name takes
    /// the pool over. Call it before start() or after it. Off by default.
    void keep(bool on) noexcept;
    /// Whether start() always makes a new pool when no SHMMain lives. A kept pool is then removed,
    /// and a pool that others still use is retired (see PoolRetired). A pool that another version
    /// of this library has made is removed, too, if nobody uses it. Returns the old setting; off by
    /// default.
    bool beginAnew(bool on) noexcept;
    /// Lets processes of the same group attach, not only those of the same user. Call it before
    /// start().
    void shareWithGroup(bool on) noexcept;

    /// Whether the pool can be found by its name. False when somebody has deleted or replaced its
    /// file in /dev/shm (as systemd does when a user logs out). Attached processes can still use
    /// the pool, but no other process can attach until start() has restored the name.
    bool hasName() const noexcept;

    /// Whether a core dump of this process contains the pool (as far as /proc/PID/coredump_filter
    /// allows it). ServerSide and ClientSide have the same for their processes; one object with
    /// true is enough for its process. Returns the old setting. Off by default: a large pool would
    /// be in the dump of each of its processes.
    bool coreDumps(bool on) noexcept;

    /// Removes a pipe that nobody uses any more; its memory is free at once.
    /// Returns true when the pipe has been removed. Returns false when no such pipe exists; when it
    /// has packets; when somebody holds it, that is, a ServerSide or ClientSide of it is started in
    /// any living process (a forked child that has not used the pool yet holds what its parent
    /// held); and when a process that was stopped in the middle of an operation prevents the
    /// removal now.
    /// Throws std::logic_error for a name that no pipe can have, std::runtime_error when not
    /// started.
    /// Blocking: a fraction of a second at most. Other threads pause for some microseconds.
    /// Process safety: any process may call it, while others, and this process, open pipes.
    bool removePipe(const std::string& pipe_name);

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

}  // namespace valpool
