#include "support/child.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace valpool::test {

child::child(const std::function<int()>& body) {
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ != 0) return;
    alarm(0);  // the parent has the watchdog, and ends its children itself
    int result = 125;
    try {
        result = body();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "child %d: %s\n", static_cast<int>(getpid()), e.what());
    }
    std::fflush(nullptr);
    _exit(result);
}

child::~child() {
    if (pid_ != 0) kill_and_wait();
}

void child::signal(int number) const {
    if (pid_ != 0) ::kill(pid_, number);
}

int child::wait() {
    if (pid_ == 0) return 0;
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool child::has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
}

bool child::has_stopped() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
}

namespace {
child lead_a_group(const std::function<int()>& body) {
    // Makes orphans children of this process, so that it can wait for them.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw std::runtime_error("cannot adopt orphans");
    return child([&] {
        setpgid(0, 0);  // identifies its orphans
        return body();
    });
}
}  // namespace

family::family(const std::function<int()>& body) : eldest_(lead_a_group(body)) {}

int family::wait() {
    const pid_t group = eldest_.pid();
    if (group == 0) return 0;
    const int end = eldest_.wait();
    while (waitpid(-group, nullptr, 0) > 0 || errno == EINTR) {
    }
    return end;
}

int family::kill_all_and_wait() {
    // The first child has not been waited for yet, so no other process can have its number.
    if (eldest_.pid() != 0) ::kill(-eldest_.pid(), SIGKILL);
    return kill_and_wait();
}

pool_name::pool_name(const std::string& test) {
    static std::atomic<int> counter{0};
    name_ =
        "valpool_test_" + std::to_string(getpid()) + "_" + std::to_string(counter++) + "_" + test;
}

pool_name::~pool_name() { ::unlink(path().c_str()); }

watchdog::watchdog(unsigned seconds) { alarm(seconds); }
watchdog::~watchdog() { alarm(0); }

bool eventually(const std::function<bool()>& is_so, int most_seconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(most_seconds);
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

long from_environment(const char* name, long otherwise) {
    const char* const text = std::getenv(name);
    return text ? std::strtol(text, nullptr, 10) : otherwise;
}

}  // namespace valpool::test
