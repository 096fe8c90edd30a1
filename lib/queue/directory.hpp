#pragma once

/// Where pipes are found by their names, and how they come and go.
///
/// A named pipe is a box with one reference from the directory, a list that starts at arena::pipes,
/// and one from each ledger of a process that has it open. So one that only the directory refers
/// to is held by nobody, whatever has become of those that did. Pipes are linked inside, by one
/// compare-and-swap, and unlinked with the world stopped: who is inside can walk the list.

#include "queue/ring.hpp"

#include <string_view>

namespace valpool::detail {

/// Tells recovery about queues; before there can be any. May be called again.
void register_pipes() noexcept;

/// The pipe at a place of the list, or null when there is none that makes sense: for who is not
/// inside, and for what may be damaged.
const pipe* pipe_at(const arena& a, std::uint64_t offset) noexcept;

struct pipe_order {
    std::string_view name;  // valid, see check_pipe_name
    std::uint64_t capacity = 0;
    bool is_temporary = false;  // goes, if it is made, with the last hold on it
};
/// A hold on the pipe of that name, which is made if there is none yet.
/// Throws PoolExhausted, or std::logic_error when there is one with another capacity.
hold* open_pipe(arena& a, const pipe_order& order);
/// The same if there is one, or null. Throws PoolExhausted.
hold* hold_pipe(arena& a, std::string_view name);
/// A queue without a name lives as long as some process has a hold on it, and what is in it goes
/// with it. Throws PoolExhausted.
hold* make_unnamed_pipe(arena& a, std::uint64_t capacity);

/// Drops the handle, and with the last hold on it a temporary pipe.
void release_pipe(hold* h) noexcept;
/// Removes a pipe that nobody holds and that is empty; false when it is not, when there is none, or
/// when the world cannot be stopped now. Throws std::logic_error for a name that cannot be.
bool remove_pipe(attachment& at, std::string_view name);

/// Throws std::logic_error when a name is empty, too long, or contains a zero byte.
void check_pipe_name(std::string_view name);
/// Throws std::logic_error when it is not positive.
void check_capacity(long long capacity_packets);

}  // namespace valpool::detail
