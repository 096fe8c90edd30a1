#pragma once

#include <valpool/base/detail/config.hpp>
#include <valpool/monitor/pool_check.hpp>
#include <valpool/queue/pipe_counters.hpp>
#include <valpool/value/val.hpp>

#include <boost/container/vector.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace valpool {

// The lists here are not std::vectors, for the reason that pool_report gives.

/// A pool as a whole.
struct VALPOOL_API pool_status {
    std::string name;
    std::size_t asked_bytes = 0;         // what SHMMain was asked for
    std::size_t file_bytes = 0;          // of its file in /dev/shm
    std::size_t total_bytes = 0;         // for values, pipes and bookkeeping
    std::size_t used_bytes = 0;          // part of total_bytes
    std::size_t system_bytes = 0;        // part of used_bytes: pipes, taps and bookkeeping
    std::size_t biggest_free_bytes = 0;  // about what the largest allocation could have now
    double age_s = 0;                    // since its file got its name; negative: unknown
    unsigned owner_uid = 0;
    unsigned mode = 0;             // the file's permissions, as in chmod
    int main_pid = 0;              // of the SHMMain, the last one too; 0: unknown
    bool has_main = false;         // a living process is its SHMMain
    bool is_used = false;          // a living process has a place in it
    bool is_kept = false;          // SHMMain::keep
    bool is_retired = false;       // see PoolRetired
    bool has_name = false;         // its name still leads to it
    std::uint64_t recoveries = 0;  // repairs after deaths, since it was made
    int repairing_pid = 0;         // see pool_report::repairing_process; 0: none
    int delaying_pid = 0;          // see pool_report::delaying_process; 0: none
    std::size_t pipes = 0;
    std::size_t taps = 0;
    std::size_t living_processes = 0;  // that have a place in it
    std::size_t dead_processes = 0;    // that nobody has cleaned up after yet
    std::size_t thread_places = 0;     // how many threads can use it at once
    std::size_t threads = 0;           // how many do

    /// Nobody uses the pool, and it was not meant to stay: only its name keeps its memory.
    bool is_left_over() const noexcept { return !is_used && !has_main && !is_kept; }
};

/// The memory that is cut into blocks of one size; or, with block_bytes 0, what larger things have.
struct VALPOOL_API memory_class {
    std::size_t block_bytes = 0;
    std::size_t pages_bytes = 0;  // of the pages that serve this size
    std::size_t blocks = 0;       // there are
    std::size_t used_blocks = 0;  // without those that threads have set aside
    std::size_t used_bytes = 0;
};

/// A named pipe.
struct VALPOOL_API pipe_status {
    std::string name;
    std::size_t capacity_packets = 0;
    std::size_t depth_packets = 0;     // that wait, those to be delivered again too
    std::size_t waiting_bytes = 0;     // their memory, without shared values they refer to
    std::size_t leased_packets = 0;    // with consumers that have not acknowledged them
    std::size_t returned_packets = 0;  // part of depth_packets: to be delivered again
    bool is_temporary = false;         // goes with the last process that has it open
    PipeCounters counters;
    /// The process that last put a packet in, or took one out, as exactly as
    /// PipeCounters::since_last_enqueue_s says when. It may be gone by now; 0: nobody has.
    int last_writer_pid = 0;
    int last_reader_pid = 0;
    /// A pid for each thread that sleeps until there is room, or a packet.
    boost::container::vector<int> waiting_writers;
    boost::container::vector<int> waiting_readers;
    boost::container::vector<int> lease_holders;  // a pid for each leased packet
    std::size_t taps = 0;                         // that are connected

    bool is_full() const noexcept { return depth_packets + leased_packets >= capacity_packets; }
};

/// A tap, see Tap.
struct VALPOOL_API tap_status {
    std::string pipe;
    int pid = 0;
    std::size_t depth_packets = 0;
    bool is_connected = false;  // false: waits for a pipe of that name
};

/// A process with a place in the pool.
struct VALPOOL_API process_status {
    int pid = 0;
    /// False: it has died, and no other process has cleaned up yet.
    bool is_alive = false;
    /// It is not a process, but what forked children of it hold that have not used the pool
    /// themselves. is_alive is theirs: false when each has ended, or uses the pool itself by now.
    /// The process itself, if it uses the pool, is another one of the list.
    bool is_parent_of_holders = false;
    // Of the system; the name is empty, and the state '?', for a process that cannot be seen from
    // here, as from another container.
    std::string name;
    char state = '?';         // as in proc(5): R runs, S sleeps, D waits for a disk, T is stopped
    double running_s = -1;    // since it was started; negative: unknown
    std::size_t threads = 0;  // that use the pool
    std::size_t threads_inside = 0;   // that are in the middle of an operation
    std::size_t threads_waiting = 0;  // that sleep until there is a packet or room
    std::size_t held_boxes = 0;       // shared values that it has handles of
    std::size_t held_bytes = 0;       // their memory, with the shared values they refer to
    std::size_t raw_bytes = 0;        // from StreamingPool::allocate
    std::size_t leased_packets = 0;
    double since_last_packet_s = -1;  // put in or taken out, at any pipe; negative: unknown
    boost::container::vector<std::string> open_pipes;

    bool is_stopped() const noexcept { return state == 'T' || state == 't'; }
};

/// Packets of a pipe that wait, the next one first: copies on the heap. Shared values that a packet
/// refers to are copied as parts of it; where one contains itself, the text "..." stands for it.
struct VALPOOL_API peeked_packets {
    boost::container::vector<Val> packets;
    std::size_t waiting = 0;     // in the pipe
    std::size_t unreadable = 0;  // left out: somebody was changing or taking them, or has died so
    std::size_t too_large = 0;   // left out: they exceed the limit
};

/// The pools of this machine.
struct VALPOOL_API pool_names {
    boost::container::vector<std::string> pools;       // sorted; they may be damaged all the same
    boost::container::vector<std::string> unreadable;  // that this user may not even look at
};

/// Looks into a pool, and cannot be noticed there: it maps the pool read-only, takes no place and
/// no lock in it, and waits for nobody. So it works for a pool that is stuck, full or left over.
/// What it reads may be changing at that moment: each figure is of some recent moment, and two of
/// them may not fit. It trusts nothing that it reads, and every loop has a bound.
/// Thread safety: any number of threads may use an object at once.
class VALPOOL_API Monitor {
public:
    /// Throws std::runtime_error when no pool has that name, the file may not be read, or it is not
    /// a pool of this version; std::logic_error for a name that no pool can have.
    explicit Monitor(const std::string& pool);
    ~Monitor();
    Monitor(Monitor&& other) noexcept;
    Monitor& operator=(Monitor&& other) noexcept;

    /// Cost: a look at each page of the pool.
    pool_status pool() const;
    /// The sizes that are in use, the smallest first; the larger things last. Cost as for pool().
    boost::container::vector<memory_class> memory() const;
    /// In the order of their names. Cost: a look at each packet that waits.
    boost::container::vector<pipe_status> pipes() const;
    boost::container::vector<tap_status> taps() const;
    /// Cost: a look at each shared value that a process holds.
    boost::container::vector<process_status> processes() const;
    /// The packets that wait in that pipe, at most `most_packets`. A packet that could not be read
    /// consistently is left out and counted.
    /// Throws std::out_of_range when there is no such pipe; std::bad_alloc.
    peeked_packets peek(const std::string& pipe, std::size_t most_packets,
                        std::size_t most_bytes = std::size_t{1} << 28) const;
    /// What check() finds.
    pool_report report() const;

    /// What there is in /dev/shm. Reads the beginning of each file there.
    static pool_names names();

private:
    struct state;
    std::unique_ptr<state> self_;
};

}  // namespace valpool
