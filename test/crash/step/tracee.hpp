#pragma once

#include <optional>

#include <sys/types.h>

namespace valpool::test {

/// The status of a child that has changed its state, as waitpid() reports it; nothing when it has
/// not changed within so many seconds.
std::optional<int> wait_for(pid_t process, int options, int most_seconds);

/// A thread of a child that runs only as it is told to. The thread has asked for that itself with
/// be_traced(). With a second SIGSTOP it tells that it has come to the end of the stepped part.
///
/// A breakpoint lies in this process's own copy of the code, so no other process hits it. Processes
/// that the thread forks get the original code back.
class tracee {
public:
    /// Throws std::runtime_error when the thread does not stop. The other functions here do so,
    /// too, when it hangs.
    explicit tracee(pid_t thread);
    tracee(const tracee&) = delete;
    tracee& operator=(const tracee&) = delete;

    /// Runs one instruction, or what a signal made of it. False when the thread has come to its
    /// end.
    bool step();
    /// Runs until it comes to this address for the n-th time, and stops before that instruction.
    /// False when it has come to its end before.
    bool run_to(unsigned long place, unsigned long nth);
    unsigned long where() const;
    /// Whether the next instruction enters the kernel.
    bool is_before_a_system_call() const;

    /// Runs to the end of the stepped part without another stop, and from there on untraced.
    void release();
    /// Nothing when the thread has not ended yet, or its end was not that of a process.
    std::optional<int> end_status() const noexcept { return end_status_; }
    pid_t thread() const noexcept { return thread_; }

private:
    bool go(int request);
    void let_offspring_go();
    long code_at(unsigned long place) const;
    void put_code(pid_t process, unsigned long place, long code) const;

    pid_t thread_;
    std::optional<int> end_status_;
    bool is_at_end_ = false;
    unsigned long break_place_ = 0;  // 0: no breakpoint is set
    long original_code_ = 0;
};

/// Called by the thread that is to be stepped: stops it until its parent continues it.
void be_traced(int report_to);
/// Called by the same thread: marks the end of the stepped part.
void stop_for_the_tracer();

/// Keeps the calling process, and those that it starts from then on, on one processor. A tracer and
/// its tracee take turns, and on one processor a turn costs a fraction of what it costs on two.
void stay_on_one_processor();
/// For those of these processes that no other process waits for.
void use_all_processors();

/// The process and the thread that report through be_traced().
struct traced_ids {
    pid_t process;
    pid_t thread;
};

}  // namespace valpool::test
