#pragma once

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace valpool::test {

/// A program with its output, of both kinds in one.
class program {
public:
    explicit program(std::vector<std::string> words) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        pid_ = fork();
        if (pid_ == 0) {
            dup2(ends[1], STDOUT_FILENO);
            dup2(ends[1], STDERR_FILENO);
            std::vector<char*> arguments;
            for (std::string& word : words) arguments.push_back(word.data());
            arguments.push_back(nullptr);
            execv(arguments[0], arguments.data());
            _exit(127);
        }
        close(ends[1]);
        output_end_ = ends[0];
    }
    ~program() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            wait();
        }
        close(output_end_);
    }
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    void signal(int number) const { kill(pid_, number); }
    /// Reads its output until this text comes, or 20 seconds are over, or the output ends.
    bool says(const std::string& text) {
        for (int tries = 0; tries < 200 && output_.find(text) == std::string::npos; ++tries) {
            pollfd ready = {output_end_, POLLIN, 0};
            if (poll(&ready, 1, 100) > 0 && !read_some()) break;
        }
        return output_.find(text) != std::string::npos;
    }
    /// Its exit code, or minus the signal that ended it.
    int wait() {
        while (read_some()) {
        }
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    const std::string& output() const noexcept { return output_; }

private:
    bool read_some() {
        char bytes[4096];
        const ssize_t n = read(output_end_, bytes, sizeof bytes);
        if (n > 0) output_.append(bytes, static_cast<std::size_t>(n));
        return n > 0 || (n < 0 && errno == EINTR);
    }

    pid_t pid_ = 0;
    int output_end_ = -1;
    std::string output_;
};

}  // namespace valpool::test
