#pragma once

/// The exceptions of valpool. Besides these it throws plain std::runtime_error (something outside
/// went wrong: the system, a peer, a full pool) and std::logic_error (the caller asked for
/// something impossible).

#include <stdexcept>
#include <string>

namespace valpool {

/// The pool has no room left for the request. Nothing has changed: the value, the queue and the
/// pool are as they were. The usual answer is to wait until a consumer releases values, and to try
/// again. A std::runtime_error, because programs written for the original catch that when a pool is
/// full.
class PoolExhausted : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A process died while it was changing this shared value, or while it held its TransactionLock, so
/// the content can be half-changed. The value can be cleared, replaced and released, but not read.
class PoisonedError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A process has been stopped in the few milliseconds in which it repairs the pool. Nobody can
/// change anything in the pool until that process continues. Nothing has changed; the message names
/// the process. Operations with a time-out do not throw this, but end when their time is over.
class PoolStalled : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The pool has been retired: its SHMMain has ended without keep(), or has begun anew, or was
/// killed when the pool no longer had a name. Packets in its pipes can still be taken out, and
/// packets that find room can be put in. But no other process can attach any more. So a call that
/// would have to wait, and a call that only tries and fails, throw this at once. Nothing has
/// changed. restart() of a ServerSide or ClientSide goes on with the pool that has the name next.
class PoolRetired : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Another thread held the lock until TransactionLock's time-out. Nothing has changed.
class LockTimeout : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The break checker of the queue's owner ended an enq or deq.
class BreakRequested : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace valpool
