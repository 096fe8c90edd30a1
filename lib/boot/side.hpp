#pragma once

#include "boot/pool_access.hpp"
#include "boot/startup.hpp"
#include "queue/directory.hpp"
#include "queue/queue_core.hpp"

#include <memory>
#include <string>

namespace valpool::detail {

/// The implementation of ServerSide (which makes its pipe) and of ClientSide (which waits for its
/// pipe).
class side {
public:
    /// capacity_packets 0: wait for somebody else to make the pipe.
    side(startup_options options, std::string pipe_name, std::uint64_t capacity_packets);

    State_e start();
    State_e restart();
    State_e state() const noexcept { return state_; }
    pool_access& access();
    CQ& queue();

    startup_options options;
    bool makes_temporary = false;

private:
    [[noreturn, gnu::cold]] void throw_not_started() const;
    bool attach_and_open();
    hold* open();
    hold* open_unless_stalled();
    void adopt(hold* h);

    std::string pipe_name_;
    std::uint64_t capacity_;
    State_e state_ = STOPPED;
    pool_access access_;
    std::unique_ptr<CQ> queue_;
};

}  // namespace valpool::detail
