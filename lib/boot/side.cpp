#include "boot/side.hpp"

#include "base/system_error.hpp"

#include <valpool/boot/client_side.hpp>
#include <valpool/boot/server_side.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace valpool {
namespace detail {

side::side(startup_options checked, std::string pipe_name, std::uint64_t capacity_packets)
    : options(std::move(checked)), pipe_name_(std::move(pipe_name)), capacity_(capacity_packets) {
    check_pipe_name(pipe_name_);
}

State_e side::start() {
    if (state_ == STARTED) return state_;
    state_ = STARTING;
    try {
        warn_of_randomization(options);
        if (attach_and_open()) return state_ = STARTED;
    } catch (...) {
        access_ = {};
        state_ = STOPPED;
        throw;
    }
    access_ = {};
    return state_ = STOPPED;
}

State_e side::restart() {
    queue_.reset();
    access_ = {};
    state_ = STOPPED;
    return start();
}

/// False when the break checker ended the wait.
bool side::attach_and_open() {
    for (startup_wait wait(options);;) {
        if (!access_) {
            access_ = attach_by_name(options.name, options.forced_addr);
            if (access_) say(options, "attached");
            if (access_ && options.populates) access_.populate();
            if (access_ && options.dumps) access_.dump_with_core(true);
        }
        if (access_) {
            if (hold* const h = open_unless_stalled()) {
                adopt(h);
                return true;
            }
            // In a pool that nobody joins any more, the wait would never end.
            if (has_gone(access_, options.name)) access_ = {};
        }
        if (!wait.pause()) return false;
    }
}

/// Null also when a stopped process keeps the pool stalled: then the caller waits on, and asks the
/// break checker meanwhile.
hold* side::open_unless_stalled() {
    try {
        return open();
    } catch (const PoolStalled&) {
        return nullptr;
    }
}

hold* side::open() {
    // Without a limit, the break checker would not be asked until the whole time-out at a stalled
    // pool's gate has passed. The limit has a minimum, because a repair, or the removal of a pipe,
    // is no stall, however short the period is.
    constexpr std::chrono::microseconds shortest{50000};
    const gate_limit limit(lane_of_thread(access_.pool()),
                           deadline::in(std::max(options.period, shortest)));
    if (capacity_ == 0) return hold_pipe(access_.pool(), pipe_name_);
    return open_pipe(access_.pool(), {pipe_name_, capacity_, makes_temporary});
}

void side::adopt(hold* h) {
    queue_ = std::make_unique<CQ>(
        make_pool_queue(h, {options.checker ? &options.checker : nullptr, options.period}));
    say(options,
        "pipe " + quoted(pipe_name_) + " is open, capacity " + std::to_string(queue_->capacity()));
}

pool_access& side::access() {
    if (state_ != STARTED) throw_not_started();
    return access_;
}

void side::throw_not_started() const {
    throw std::runtime_error("pipe " + quoted(pipe_name_) + " of memory pool " +
                             quoted(options.name) + " is not started");
}

CQ& side::queue() {
    access();
    return *queue_;
}

}  // namespace detail

using namespace detail;

ServerSide::ServerSide(const std::string& memory_pool_name, const std::string& pipe_name,
                       int capacity_packets, bool debug, void* forced_addr,
                       break_checker external_break, std::int64_t micro_sleep) {
    check_capacity(capacity_packets);
    self_ = std::make_unique<side>(checked_options(memory_pool_name, debug, forced_addr,
                                                   std::move(external_break), micro_sleep),
                                   pipe_name, static_cast<std::uint64_t>(capacity_packets));
}
ServerSide::~ServerSide() = default;
State_e ServerSide::start() { return self_->start(); }
State_e ServerSide::state() const noexcept { return self_->state(); }
CQ& ServerSide::pipe() const { return self_->queue(); }
StreamingPool* ServerSide::pool() const { return &self_->access().pool(); }
Bootstrap_t* ServerSide::boot() const { return self_->access().boot; }
bool ServerSide::warning(bool on) noexcept { return std::exchange(self_->options.warns, on); }
bool ServerSide::prefault(bool on) noexcept { return std::exchange(self_->options.populates, on); }
bool ServerSide::coreDumps(bool on) noexcept { return std::exchange(self_->options.dumps, on); }
State_e ServerSide::restart() { return self_->restart(); }
bool ServerSide::temporary(bool on) noexcept { return std::exchange(self_->makes_temporary, on); }
bool ServerSide::removePipe(const std::string& pipe_name) {
    return remove_pipe(*self_->access().user.get(), pipe_name);
}
bool ServerSide::addressRandomization() const { return has_address_randomization(); }

ClientSide::ClientSide(const std::string& memory_pool_name, const std::string& pipe_name,
                       bool debug, void* forced_addr, break_checker external_break,
                       std::int64_t micro_sleep)
    : self_(std::make_unique<side>(checked_options(memory_pool_name, debug, forced_addr,
                                                   std::move(external_break), micro_sleep),
                                   pipe_name, 0)) {}
ClientSide::~ClientSide() = default;
State_e ClientSide::start() { return self_->start(); }
State_e ClientSide::state() const noexcept { return self_->state(); }
CQ& ClientSide::pipe() const { return self_->queue(); }
StreamingPool* ClientSide::pool() const { return &self_->access().pool(); }
Bootstrap_t* ClientSide::boot() const { return self_->access().boot; }
bool ClientSide::warning(bool on) noexcept { return std::exchange(self_->options.warns, on); }
bool ClientSide::prefault(bool on) noexcept { return std::exchange(self_->options.populates, on); }
bool ClientSide::coreDumps(bool on) noexcept { return std::exchange(self_->options.dumps, on); }
State_e ClientSide::restart() { return self_->restart(); }
bool ClientSide::addressRandomization() const { return has_address_randomization(); }

}  // namespace valpool
