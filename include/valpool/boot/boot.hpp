#pragma once

/// What SHMMain, ServerSide and ClientSide share.

#include <valpool/base/detail/break_checker.hpp>
#include <valpool/base/detail/config.hpp>
#include <valpool/queue/cq.hpp>

#include <cstdint>

namespace valpool {

/// The state of a SHMMain, ServerSide or ClientSide. start() moves it to STARTED; an exception or a
/// break moves it back to STOPPED.
enum State_e { STOPPED, STARTING, STARTED };

/// The object named "boot" in a pool's segment: everything a process needs to find its way around
/// the pool. It is constant from the moment that the pool can be found by its name. `checksum`
/// covers all that lies before the arena in the file, and the arena's own constants. Any change of
/// this struct bumps layout_version.
struct Bootstrap_t {
    char magic[16];
    std::uint32_t layout_version;
    std::uint32_t boost_version;  // the segment manager's layout depends on it
    std::uint64_t file_bytes;
    std::uint64_t boot_offset;  // of this object from the file's start
    std::uint64_t arena_offset;
    std::uint64_t arena_bytes;
    std::uint64_t pool_bytes;  // what SHMMain was asked for
    std::uint64_t pinned_address;
    std::uint64_t nonce;  // tells two pools of the same name apart
    std::uint64_t checksum;
};

}  // namespace valpool
