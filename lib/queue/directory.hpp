#pragma once

/// The directory of named pipes: finding, making and removing them.
///
/// A named pipe is a box. It has one reference from the directory, a list that starts at
/// arena::pipes, and one from the ledger of each process that has it open. So a pipe to which only
/// the directory refers is held by nobody, even if its earlier holders died. Pipes are linked
/// inside, by one compare-and-swap, and unlinked with the world stopped; so a thread that is inside
/// can walk the list.

#include "queue/ring.hpp"

#include <string_view>

namespace valpool::detail {

/// Tells recovery about queues. Must be called before there can be any, and may be called again.
void register_pipes() noexcept;

/// The pipe at that offset; null when there is none or it makes no sense. For callers that are not
/// inside, and for pools that may be damaged.
const pipe* pipe_at(const arena& a, std::uint64_t offset) noexcept;

/// The pipe of that name; null when there is none. Called inside, or with the world stopped.
pipe* find_pipe(arena& a, std::string_view name) noexcept;

struct pipe_order {
    std::string_view name;  // valid, see check_pipe_name
    std::uint64_t capacity = 0;
    bool is_temporary = false;  // if it is made: ends with the last hold
};
/// A hold on the pipe of that name; makes the pipe if there is none yet. Throws PoolExhausted, or
/// std::logic_error when the pipe exists with another capacity.
hold* open_pipe(arena& a, const pipe_order& order);
/// A hold on the pipe of that name; null when there is none. Throws PoolExhausted.
hold* hold_pipe(arena& a, std::string_view name);
/// A queue without a name lives as long as some process has a hold on it. Its packets are freed
/// with it. Throws PoolExhausted.
hold* make_unnamed_pipe(arena& a, std::uint64_t capacity);

/// How something that is in a list of the pool goes when only the list refers to it.
struct removal {
    bool (*is_due)(const arena& a, std::uint64_t offset);    // what lies there; inside
    void (*remove_all)(arena& a, lane_heap& heap) noexcept;  // that are due; with the world stopped
};
/// Drops the handle, and removes what nobody holds any more. If that cannot be done now, the next
/// repair does it.
void release_and_remove(hold* h, const removal& how) noexcept;
/// Drops the handle, and removes a temporary pipe with the last hold on it.
void release_pipe(hold* h) noexcept;
/// Removes a pipe that is empty and that nobody holds. False when the pipe is in use, when there is
/// none, or when the world cannot be stopped now. Throws std::logic_error for an invalid name.
bool remove_pipe(attachment& at, std::string_view name);

/// Throws std::logic_error when a name is empty, too long, or contains a zero byte.
void check_pipe_name(std::string_view name);
/// Throws std::logic_error when the capacity is not positive.
void check_capacity(long long capacity_packets);

}  // namespace valpool::detail
