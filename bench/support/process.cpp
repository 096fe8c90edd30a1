#include "support/process.hpp"

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace valpool::bench {
namespace {

bool is_pinning_allowed = true;
volatile std::sig_atomic_t was_told_to_end = 0;

[[noreturn]] void throw_system_error(const char* call) {
    throw std::system_error(errno, std::generic_category(), call);
}

/// While it lives, SIGINT and SIGTERM end a wait with an exception, so that all is cleaned up.
class signal_watch {
public:
    signal_watch() {
        struct sigaction action {};
        action.sa_handler = [](int) { was_told_to_end = 1; };
        sigaction(SIGINT, &action, &old_interrupt_);
        sigaction(SIGTERM, &action, &old_terminate_);
    }
    ~signal_watch() {
        sigaction(SIGINT, &old_interrupt_, nullptr);
        sigaction(SIGTERM, &old_terminate_, nullptr);
    }
    signal_watch(const signal_watch&) = delete;
    signal_watch& operator=(const signal_watch&) = delete;

private:
    struct sigaction old_interrupt_ {};
    struct sigaction old_terminate_ {};
};

void let_signals_end_this_process() {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

std::vector<unsigned> usable_processors() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) throw_system_error("sched_getaffinity");
    std::vector<unsigned> usable;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) usable.push_back(cpu);
    return usable;
}

class file {
public:
    explicit file(int descriptor, const char* call) : descriptor_(descriptor) {
        if (descriptor < 0) throw_system_error(call);
    }
    ~file() { close(descriptor_); }
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    int get() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

/// Ends the process with `body`'s outcome; what went wrong goes to `complaints`, in one piece.
/// Nothing is unwound that was inherited, but libraries sign off (iceoryx does it so).
[[noreturn]] void run_role(const role& r, int complaints) {
    int result = 1;
    std::string what;
    try {
        let_signals_end_this_process();
        pin_this_process(r.cpu);
        r.body();
        result = 0;
    } catch (const std::exception& e) {
        what = e.what();
    } catch (...) {
        what = "an unknown exception";
    }
    if (!what.empty() && write(complaints, what.data(), what.size()) < 0) result = 2;
    std::exit(result);
}

/// A process that has been started; killed, if it is still there, at the end.
class child {
public:
    explicit child(pid_t pid) : pid_(pid) {
        descriptor_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
        if (descriptor_ < 0) throw_system_error("pidfd_open");
    }
    child(child&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)), descriptor_(std::exchange(other.descriptor_, -1)) {}
    child& operator=(child&&) = delete;
    ~child() {
        if (pid_ != 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        if (descriptor_ >= 0) close(descriptor_);
    }

    /// Readable when the process has ended.
    int descriptor() const noexcept { return descriptor_; }

    /// Of one that has ended: whether it ended well.
    bool collect() {
        int status = 0;
        waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

private:
    pid_t pid_;
    int descriptor_;
};

std::string read_complaint(int descriptor) {
    char text[1024];
    const ssize_t size = read(descriptor, text, sizeof text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "it was killed";
}

/// Waits a while for some to end, and takes those out. Looks up now and then, because a signal can
/// come just before the wait.
void collect_ended(std::vector<child>& children, clock_type::time_point until, int complaints) {
    constexpr int slice_ms = 200;
    std::vector<pollfd> waited;
    for (const child& c : children) waited.push_back({c.descriptor(), POLLIN, 0});
    const int ready = poll(waited.data(), waited.size(), slice_ms);
    if (was_told_to_end) throw interrupted();
    if (ready < 0 && errno != EINTR) throw_system_error("poll");
    if (ready == 0 && clock_type::now() > until) throw std::runtime_error("it took too long");
    if (ready <= 0) return;
    std::vector<child> rest;
    for (std::size_t i = 0; i < children.size(); ++i) {
        if (waited[i].revents == 0)
            rest.push_back(std::move(children[i]));
        else if (!children[i].collect())
            throw std::runtime_error(read_complaint(complaints));
    }
    children.swap(rest);
}

}  // namespace

void allow_pinning(bool on) noexcept { is_pinning_allowed = on; }

void pin_this_process(int cpu) {
    const std::vector<unsigned> usable = usable_processors();
    if (cpu == role::anywhere || !is_pinning_allowed || usable.size() < 2) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu == role::first_two) {
        CPU_SET(usable[0], &set);
        CPU_SET(usable[1], &set);
    } else {
        CPU_SET(usable[static_cast<std::size_t>(cpu) % usable.size()], &set);
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0) throw_system_error("sched_setaffinity");
}

void run_processes(const std::vector<role>& roles, std::chrono::seconds limit) {
    const signal_watch watch;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw_system_error("pipe2");
    const file complaints(ends[0], "pipe2");
    const file complain(ends[1], "pipe2");
    const auto until = clock_type::now() + limit;
    std::vector<child> children;
    for (const role& r : roles) {
        const pid_t pid = fork();
        if (pid < 0) throw_system_error("fork");
        if (pid == 0) run_role(r, complain.get());
        children.emplace_back(pid);
    }
    while (!children.empty()) collect_ended(children, until, complaints.get());
}

background_program::background_program(const std::vector<std::string>& command) : pid_(fork()) {
    if (pid_ < 0) throw_system_error("fork");
    if (pid_ != 0) return;
    let_signals_end_this_process();
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execvp(words[0], words.data());
    _exit(127);
}

background_program::~background_program() {
    const auto until = clock_type::now() + std::chrono::seconds(5);
    kill(pid_, SIGTERM);
    while (waitpid(pid_, nullptr, WNOHANG) == 0) {
        if (clock_type::now() > until) kill(pid_, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

shm_name::shm_name(const std::string& what) {
    static int counter = 0;
    name_ =
        "valpool_bench_" + std::to_string(getpid()) + "_" + std::to_string(counter++) + "_" + what;
}

shm_name::~shm_name() { shm_unlink(("/" + name_).c_str()); }

void barrier::arrive_and_wait(std::uint32_t parties) noexcept {
    static_assert(sizeof arrived_ == sizeof(std::uint32_t), "the kernel looks at it as a number");
    const auto call = [&](int operation, std::uint32_t argument) {
        syscall(SYS_futex, &arrived_, operation, argument, nullptr, nullptr, 0);
    };
    std::uint32_t arrived = arrived_.fetch_add(1, std::memory_order_acq_rel) + 1;
    if (arrived == parties) call(FUTEX_WAKE, INT_MAX);
    for (; arrived < parties; arrived = arrived_.load(std::memory_order_acquire))
        call(FUTEX_WAIT, arrived);
}

}  // namespace valpool::bench
