#include "crash/step/tracee.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <stdexcept>
#include <string>

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace valpool::test {
namespace {

using std::chrono::steady_clock;

/// A tracee takes longer than this from one stop to the next only when it hangs.
constexpr int most_seconds_for_a_stop = 20;

/// waitpid() does not have a time-out. A regular signal makes it return, so that its loop can check
/// the clock. Children inherit the handler, but not the timer.
class ticking {
public:
    ticking() {
        struct sigaction action {};
        action.sa_handler = [](int) {};  // not SA_RESTART, so that waitpid() returns
        sigaction(SIGRTMIN, &action, nullptr);
        sigevent event{};
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGRTMIN;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0)
            throw std::runtime_error("timer_create failed");
        const itimerspec often{{0, 200'000'000}, {0, 200'000'000}};
        timer_settime(timer_, 0, &often, nullptr);
    }
    ~ticking() { timer_delete(timer_); }
    ticking(const ticking&) = delete;
    ticking& operator=(const ticking&) = delete;

private:
    timer_t timer_{};
};

long ask_kernel(int request, pid_t thread, unsigned long address, unsigned long data) {
    return ptrace(static_cast<__ptrace_request>(request), thread, address, data);
}

bool is_fork_of(int status) {
    return status >> 8 == (SIGTRAP | PTRACE_EVENT_FORK << 8) ||
           status >> 8 == (SIGTRAP | PTRACE_EVENT_VFORK << 8);
}

int stop_of(pid_t thread) {
    const auto status = wait_for(thread, __WALL, most_seconds_for_a_stop);
    if (!status) throw std::runtime_error("HANG: the victim does not come to its next stop");
    return *status;
}

constexpr unsigned long offset_of_place = offsetof(user, regs) + offsetof(user_regs_struct, rip);

}  // namespace

std::optional<int> wait_for(pid_t process, int options, int most_seconds) {
    static const ticking ticks;
    const auto until = steady_clock::now() + std::chrono::seconds(most_seconds);
    int status = 0;
    for (;;) {
        const pid_t who = waitpid(process, &status, options);
        if (who == process) return status;
        if (who < 0 && errno != EINTR) return std::nullopt;
        if (steady_clock::now() >= until) return std::nullopt;
    }
}

tracee::tracee(pid_t thread) : thread_(thread) {
    if (!WIFSTOPPED(stop_of(thread_)))
        throw std::runtime_error("the victim did not come to its operation");
    // If this process dies, it must not leave half-stepped processes behind.
    ask_kernel(PTRACE_SETOPTIONS, thread_, 0,
               PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK);
}

bool tracee::go(int request) {
    for (unsigned long signal = 0;;) {
        if (ask_kernel(request, thread_, 0, signal) != 0) return false;
        const int status = stop_of(thread_);
        if (!WIFSTOPPED(status)) {
            end_status_ = status;
            return false;
        }
        if (is_fork_of(status)) {
            let_offspring_go();
            signal = 0;
            continue;
        }
        if (WSTOPSIG(status) == SIGTRAP) return true;
        is_at_end_ = WSTOPSIG(status) == SIGSTOP;
        if (is_at_end_) return false;
        signal = static_cast<unsigned long>(WSTOPSIG(status));
    }
}

void tracee::let_offspring_go() {
    unsigned long offspring = 0;
    ask_kernel(PTRACE_GETEVENTMSG, thread_, 0, reinterpret_cast<unsigned long>(&offspring));
    const auto pid = static_cast<pid_t>(offspring);
    if (!WIFSTOPPED(stop_of(pid))) return;
    if (break_place_ != 0) put_code(pid, break_place_, original_code_);
    ask_kernel(PTRACE_DETACH, pid, 0, 0);
}

bool tracee::step() { return go(PTRACE_SINGLESTEP); }

bool tracee::run_to(unsigned long place, unsigned long nth) {
    original_code_ = code_at(place);
    constexpr long trap = 0xcc;
    const long with_trap = (original_code_ & ~0xffL) | trap;
    for (;;) {
        break_place_ = place;
        put_code(thread_, place, with_trap);
        const bool is_there = go(PTRACE_CONT);
        if (!end_status_) put_code(thread_, place, original_code_);
        break_place_ = 0;
        if (!is_there) return false;
        ask_kernel(PTRACE_POKEUSER, thread_, offset_of_place, place);  // back over the trap
        if (--nth == 0) return true;
        if (!step()) return false;
    }
}

unsigned long tracee::where() const {
    return static_cast<unsigned long>(ask_kernel(PTRACE_PEEKUSER, thread_, offset_of_place, 0));
}

bool tracee::is_before_a_system_call() const { return (code_at(where()) & 0xffff) == 0x050f; }

long tracee::code_at(unsigned long place) const {
    return ask_kernel(PTRACE_PEEKTEXT, thread_, place, 0);
}

void tracee::put_code(pid_t process, unsigned long place, long code) const {
    ask_kernel(PTRACE_POKETEXT, process, place, static_cast<unsigned long>(code));
}

void tracee::release() {
    while (!end_status_ && !is_at_end_) go(PTRACE_CONT);
    if (!end_status_) ask_kernel(PTRACE_DETACH, thread_, 0, 0);
}

namespace {
cpu_set_t& all_processors() {
    static cpu_set_t all = [] {
        cpu_set_t now;
        sched_getaffinity(0, sizeof now, &now);
        return now;
    }();
    return all;
}
}  // namespace

void stay_on_one_processor() {
    all_processors();
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    sched_setaffinity(0, sizeof one, &one);
}

void use_all_processors() { sched_setaffinity(0, sizeof(cpu_set_t), &all_processors()); }

void be_traced(int report_to) {
    const traced_ids ids{getpid(), static_cast<pid_t>(syscall(SYS_gettid))};
    ask_kernel(PTRACE_TRACEME, 0, 0, 0);
    if (write(report_to, &ids, sizeof ids) != sizeof ids) _exit(124);
    stop_for_the_tracer();
}

void stop_for_the_tracer() { syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP); }

}  // namespace valpool::test
