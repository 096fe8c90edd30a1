#pragma once

/// IdempotentProducer: each of its numbered packets is in the queue once, whoever dies when.

#include <valpool/base/detail/config.hpp>
#include <valpool/queue/when_full.hpp>
#include <valpool/value/val.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace valpool {

class CQ;

/// Another IdempotentProducer, of this process or of another one, writes for the source already.
/// Nothing has changed. Waiting may help: the source is free when that object or its process ends.
class SourceTaken : public std::runtime_error {
public:
    SourceTaken(const std::string& what, long pid) : std::runtime_error(what), pid_(pid) {}
    /// Of the process that has it; 0 when it ended at that moment.
    long pid() const noexcept { return pid_; }

private:
    long pid_;
};

/// Enqueues packets that come from a source with a memory of its own: a file, a broker, another
/// host. The source numbers them, upwards from 1, with gaps if it likes. The pipe remembers the
/// number of the source's last packet, and takes packet and number in one step. So a program that
/// was killed at any instruction asks `last()`, and goes on behind that number: nothing is lost,
/// and nothing comes twice.
///
/// A pipe remembers the 32 sources that were used last, for its own life. The first one makes the
/// table that CQ::lease makes, too.
///
/// Lifetime: the CQ must outlive the object.
/// Process safety: only one object, of one process, may write for a source at a time. A process
/// that is stopped stays the owner, and keeps nobody else from the pipe. When it dies, the source
/// is free for the next.
/// Thread safety: one thread at a time. Other producers may use the pipe at the same time.
/// Fork: the object belongs to the process that made it; in a forked child its functions throw
/// std::logic_error, and the destructor does nothing.
class VALPOOL_API IdempotentProducer {
public:
    /// `source`: any text that names the source and no other one.
    /// Throws std::logic_error for an empty name, and for a queue that is not a named pipe;
    /// SourceTaken when somebody else writes for the source; std::runtime_error when 32 other
    /// sources are in use; PoolExhausted when the table does not fit; PoolStalled.
    /// Blocking: waits for those that are in the middle of an operation, as a repair does, for less
    /// than a second.
    IdempotentProducer(CQ& pipe, const std::string& source);
    ~IdempotentProducer();
    IdempotentProducer(IdempotentProducer&& other) noexcept;
    IdempotentProducer& operator=(IdempotentProducer&& other) noexcept;

    /// The number of the source's last packet, by whichever process; 0: none yet.
    std::uint64_t last() const;

    /// Waits for room until the time-out, in seconds, and appends the value. Returns whether the
    /// packet with that number has been put in: also true, with nothing done, when that was
    /// earlier, because `number` is not above last().
    /// Throws as CQ::enqueue, with nothing changed, and PoolRetired also when there is room;
    /// std::logic_error for the number 0 and for NaN.
    bool enqueue(const Val& value, std::uint64_t number, double timeout_s);
    /// The same with a policy, as CQ::enqueue has it. A new packet that is dropped has had its
    /// turn: its number is taken, and this returns false.
    bool enqueue(const Val& value, std::uint64_t number, WhenFull policy, double timeout_s);
    /// Leaves out the packets up to that number: they will never be put in.
    void skip(std::uint64_t number);

private:
    struct state;
    std::unique_ptr<state> self_;
};

}  // namespace valpool
