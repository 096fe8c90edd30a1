#pragma once

/// Counting what passes a pipe.

#include <valpool/queue/pipe_counters.hpp>

#include "base/clock.hpp"
#include "object/box_layout.hpp"
#include "process/lane.hpp"
#include "queue/ring.hpp"

#include <ctime>
#include <functional>

namespace valpool::detail {

/// When something passed, and the pid of the process that did it, in one word, so that the two
/// belong together. The time comes first, so the larger word is the later one.
/// Shape: 42 bits of milliseconds of the coarse monotonic clock, 22 bits of pid. 0: never.
class pass_note {
public:
    constexpr pass_note() noexcept = default;
    constexpr explicit pass_note(std::uint64_t word) noexcept : word_(word) {}
    constexpr pass_note(std::int64_t ms, std::uint32_t pid) noexcept
        : word_(static_cast<std::uint64_t>(ms) << pid_bits | pid) {}

    std::uint64_t word() const noexcept { return word_; }
    bool is_never() const noexcept { return word_ == 0; }
    std::int32_t pid() const noexcept { return static_cast<std::int32_t>(word_ & highest_pid); }
    std::int64_t ms() const noexcept { return static_cast<std::int64_t>(word_ >> pid_bits); }

private:
    static constexpr unsigned pid_bits = 22;
    /// The kernel's PID_MAX_LIMIT is 2^22.
    static constexpr std::uint64_t highest_pid = (std::uint64_t{1} << pid_bits) - 1;
    std::uint64_t word_ = 0;
};

/// One lane's figures of one pipe.
/// Shape: two cache lines, behind a chunk header, in a chunk of the pipe's box; it stays there as
/// long as the pipe. What is written for every packet lies in the first line.
/// Invariant: a pipe has at most one record for each lane.
/// Writers: the thread that has the lane, by plain stores. Anybody may read.
/// Crash safety: each figure is one store. A thread that dies before it has linked the record
/// leaves a block that recovery sweeps; the next thread with the same lane goes on counting here.
/// So a record may be of several processes, one after the other; pass_notes say who was the last.
struct alignas(64) flow_record {
    using count = std::atomic<std::uint64_t>;
    struct side {
        count packets;
        count bytes;
        count due;  // at so many packets the time and the depth are noted
    };

    side in;
    side out;
    count dropped;
    std::uint64_t lane;

    count last_in;  // pass_notes
    count last_out;
    count enqueue_waits;
    count enqueue_wait_ns;
    count dequeue_waits;
    count dequeue_wait_ns;
    count high_water;
    count redelivered;
};
static_assert(sizeof(flow_record) == 128 && sizeof(chunk) == 64, "whole cache lines");

/// Only for the record's own thread: nobody else writes there.
inline void add(flow_record::count& figure, std::uint64_t n) noexcept {
    figure.store(figure.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

/// The clock of pass_notes: a few milliseconds behind at most, and read without asking the
/// processor for its time. Never 0: the clock starts with the system.
inline std::int64_t coarse_now_ms() noexcept {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1000000;
}

/// The memory that the box has, or, if it is one block, has used of it. While others change the box
/// the result is of some moment.
inline std::uint64_t bytes_of(const arena& a, const box& b) noexcept {
    const bool is_one_block = b.chunks.load(std::memory_order_relaxed) == 0;
    const std::uint64_t bytes = is_one_block ? b.bump.load(std::memory_order_relaxed) - b.self
                                             : b.bytes.load(std::memory_order_relaxed);
    // Between two steps of a change the two may not belong together.
    return bytes < a.size_bytes ? bytes : 0;
}

/// Sums up what the threads of all processes have counted.
void add_up(const arena& a, const pipe& p, PipeCounters& sum) noexcept;
/// The same without the numbers of packets. Also for a pipe that is just being removed, and for
/// what only looks like one: no place is computed from what it says.
void add_up_records(const arena& a, const pipe& p, PipeCounters& sum) noexcept;
/// When packets last passed the pipe, and by whom, as far as has been noted.
struct last_passes {
    pass_note in;
    pass_note out;
};
last_passes last_passes_of(const arena& a, const pipe& p) noexcept;
/// The same for each record: by different threads, mostly of different processes.
void visit_passes(const arena& a, const pipe& p,
                  const std::function<void(const last_passes&)>& visit);
/// The memory of the records of a pipe, which is counted as the pipe's own.
std::size_t flow_bytes(const arena& a, const pipe& p) noexcept;

/// A process's view of the records of one pipe. Any thread may call these, each for its own lane,
/// and not inside. A thread that has no record, because the pool had no memory for one, is not
/// counted.
class flow_meter {
public:
    flow_meter(arena& a, pipe& p) noexcept : arena_(a), pipe_(p) {}

    /// `seen`: as it is after the packet.
    void put_in(thread_lane& l, std::uint64_t bytes, side_memory& seen) noexcept {
        flow_record* const r = record_of(l);
        if (r && passed(r->in, bytes)) note_in(*r, l.pid, seen);
    }
    void took_out(thread_lane& l, std::uint64_t bytes) noexcept {
        flow_record* const r = record_of(l);
        if (r && passed(r->out, bytes)) note_out(*r, l.pid);
    }
    void was_full(thread_lane& l) noexcept {
        if (flow_record* const r = record_of(l)) r->high_water.store(pipe_.capacity, relaxed);
    }
    void redelivered(thread_lane& l) noexcept {
        if (flow_record* const r = record_of(l)) add(r->redelivered, 1);
    }
    void dropped(thread_lane& l) noexcept {
        if (flow_record* const r = record_of(l)) add(r->dropped, 1);
    }
    enum class why { no_room, no_packet };
    void slept(thread_lane& l, why reason, std::uint64_t ns) noexcept;

private:
    static constexpr auto relaxed = std::memory_order_relaxed;
    static constexpr std::size_t kept = 8;
    /// Where packets are frequent, the time of one in so many is enough. In a small pipe a packet
    /// takes so long that each can have its time.
    static constexpr std::uint64_t packets_a_time = 16;

    /// True when the time is to be noted.
    static bool passed(flow_record::side& side, std::uint64_t bytes) noexcept {
        const std::uint64_t packets = side.packets.load(relaxed) + 1;
        side.packets.store(packets, relaxed);
        add(side.bytes, bytes);
        return packets >= side.due.load(relaxed);
    }
    flow_record* record_of(thread_lane& l) noexcept {
        flow_record* const r = records_[l.index % kept].load(std::memory_order_acquire);
        return r && r->lane == l.index ? r : record_elsewhere(l);
    }
    flow_record* record_elsewhere(thread_lane& l) noexcept;
    void note_in(flow_record& r, std::uint32_t pid, side_memory& seen) noexcept;
    void note_out(flow_record& r, std::uint32_t pid) noexcept;
    void note_depth(flow_record& r, side_memory& seen) noexcept;
    std::uint64_t due_after(const flow_record::side& side) const noexcept {
        return side.packets.load(relaxed) + (pipe_.capacity <= packets_a_time ? 1 : packets_a_time);
    }

    arena& arena_;
    pipe& pipe_;
    std::atomic<unsigned> pause_{0};
    std::atomic<flow_record*> records_[kept]{};  // by lane % kept; null: to be found
};

}  // namespace valpool::detail
