#pragma once

#include <optional>

#include <sys/types.h>

namespace valpool::test {

/// The status of a child that has changed its state, as waitpid() has it; nothing when it has not
/// within so many seconds.
std::optional<int> wait_for(pid_t process, int options, int most_seconds);

/// A thread of a child that goes on only as it is told to. It has asked for that itself with
/// be_traced(), and says with a second SIGSTOP that it has come to the end of what is looked at.
///
/// A breakpoint is in this process's own copy of the code, so nobody else meets it; what the thread
/// forks gets the code back as it was.
class tracee {
public:
    /// Throws std::runtime_error when it does not stop, as all others here do when it hangs.
    explicit tracee(pid_t thread);
    tracee(const tracee&) = delete;
    tracee& operator=(const tracee&) = delete;

    /// One instruction, or what a signal made of it. False when it has come to its end.
    bool step();
    /// Until it comes to this place for the n-th time, before that instruction. False when it has
    /// come to its end before.
    bool run_to(unsigned long place, unsigned long nth);
    unsigned long where() const;
    /// Whether the next instruction enters the kernel.
    bool is_before_a_system_call() const;

    /// To its end, without another stop, and from there on untraced.
    void release();
    /// Nothing: it has not ended yet, or not as a process.
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
    unsigned long break_place_ = 0;  // 0: there is none
    long original_code_ = 0;
};

/// For the thread that is to be stepped: stops it until its parent has it go on.
void be_traced(int report_to);
/// And marks the end.
void stop_for_the_tracer();

/// A tracer and its tracee take turns: on one processor a turn costs a fraction of what it costs on
/// two. For the calling process and those that it starts from then on.
void stay_on_one_processor();
/// For those of these that others need not wait for.
void use_all_processors();

/// Who reports through be_traced().
struct traced_ids {
    pid_t process;
    pid_t thread;
};

}  // namespace valpool::test
