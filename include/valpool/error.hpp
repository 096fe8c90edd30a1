#pragma once

/// What valpool throws besides plain std::runtime_error (something outside went wrong: the system,
/// a peer, a full pool) and std::logic_error (the caller asked for something that cannot be).

#include <stdexcept>
#include <string>

namespace valpool {

/// The pool has no room left for what was asked. Nothing has changed: the value, the queue and the
/// pool are as they were. Waiting for a consumer to release values and trying again is the usual
/// answer. A std::runtime_error, because that is what programs written for the original catch when
/// a pool is full.
class PoolExhausted : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A process died while it was changing this shared value, or while it held its TransactionLock, so
/// its content can be half-changed. The value can be cleared, replaced and released; reading it is
/// refused.
class PoisonedError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A process has been stopped in the few milliseconds in which it repairs the pool, and until it
/// goes on nobody can change anything there. Nothing has changed; the message names the process.
/// Operations with a time-out of their own do not throw this, but end when their time is over.
class PoolStalled : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The pool has been retired: its SHMMain has ended without keep(), or has begun anew, or was
/// killed when the pool had no name any more. What is in its pipes can be taken out still, and what
/// finds room can be put in; but nobody can come to it any more, so whoever would have to wait,
/// also who only tries, gets this at once. Nothing has changed. restart() of a ServerSide or
/// ClientSide goes on to the pool that has the name next.
class PoolRetired : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Somebody else held a TransactionLock until the time-out. Nothing has changed.
class LockTimeout : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A wait without a time-out was ended by the owner's BreakChecker.
class BreakRequested : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace valpool
