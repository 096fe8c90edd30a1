#pragma once

/// Processes beside those that are measured.

#include <csignal>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace valpool::bench {

/// A process that does nothing any more once `body` has returned; killed at the end. A thousand of
/// them are too many to be roles.
class bystander {
public:
    explicit bystander(const std::function<void()>& body) : pid_(fork()) {
        if (pid_ < 0) throw std::runtime_error("fork failed");
        if (pid_ != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        try {
            body();
            for (;;) pause();
        } catch (const std::exception& e) {
            std::cerr << e.what() << std::endl;
            _exit(1);  // who waits for it runs into the limit
        }
    }
    ~bystander() { end(); }
    bystander(bystander&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
    bystander& operator=(bystander&&) = delete;

    void end() {
        if (pid_ == 0) return;
        kill(pid_, SIGKILL);
        waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
    /// What it has had of the processors.
    double processor_seconds() const {
        std::ifstream file("/proc/" + std::to_string(pid_) + "/schedstat");
        double ns = 0;
        if (!(file >> ns)) throw std::runtime_error("no schedstat of a process");
        return 1e-9 * ns;
    }

private:
    pid_t pid_;
};

}  // namespace valpool::bench
