#include "support/tool.hpp"

#include "support/child.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace valpool::test {
namespace {

struct pipe_ends {
    int read = -1;
    int write = -1;

    pipe_ends() {
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        read = fds[0];
        write = fds[1];
    }
};

[[noreturn]] void become_tool(const std::vector<std::string>& arguments) {
    std::vector<char*> words{const_cast<char*>(VALPOOL_TOOL)};
    for (const std::string& a : arguments) words.push_back(const_cast<char*>(a.c_str()));
    words.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    execv(VALPOOL_TOOL, words.data());
    _exit(127);
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

/// Reads what is there; false at the end.
bool append_from(int fd, std::string& into) {
    char buffer[65536];
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && errno == EINTR);
}

}  // namespace

running_tool::running_tool(const std::vector<std::string>& arguments, const std::string& input) {
    start(arguments, input, nullptr);
}

running_tool::running_tool(small_files limit, const std::vector<std::string>& arguments) {
    start(arguments, "", &limit);
}

void running_tool::start(const std::vector<std::string>& arguments, const std::string& input,
                         const small_files* limit) {
    const pipe_ends in, out, err;
    pid_ = fork();
    if (pid_ == 0) {
        dup2(in.read, STDIN_FILENO);
        dup2(out.write, STDOUT_FILENO);
        dup2(err.write, STDERR_FILENO);
        if (limit) {
            const rlimit bytes{limit->blocks * 512, limit->blocks * 512};
            setrlimit(RLIMIT_FSIZE, &bytes);
            std::signal(SIGXFSZ, SIG_IGN);
        }
        become_tool(arguments);
    }
    close(in.read);
    close(out.write);
    close(err.write);
    out_ = out.read;
    err_ = err.read;
    // Less than a pipe takes at once.
    if (write(in.write, input.data(), input.size()) != static_cast<ssize_t>(input.size()))
        throw std::runtime_error("the input is too long");
    close(in.write);
}

running_tool::~running_tool() {
    if (pid_ != 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (out_ >= 0) close(out_);
    if (err_ >= 0) close(err_);
}

void running_tool::signal(int number) const { kill(pid_, number); }

void running_tool::close_output() {
    close(out_);
    out_ = -1;
}

void running_tool::read_what_is_there(int timeout_ms) {
    pollfd ready[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    if (poll(ready, 2, timeout_ms) <= 0) return;
    if (ready[0].revents != 0 && !append_from(out_, result_.out)) close_output();
    if (ready[1].revents != 0 && !append_from(err_, result_.err)) {
        close(err_);
        err_ = -1;
    }
}

bool running_tool::has_shown(const std::string& text, const std::string& where) {
    return eventually([&] {
        read_what_is_there(10);
        return where.find(text) != std::string::npos;
    });
}

bool running_tool::has_said(const std::string& text) { return has_shown(text, result_.out); }
bool running_tool::has_complained(const std::string& text) { return has_shown(text, result_.err); }

tool_result running_tool::wait() {
    while (out_ >= 0 || err_ >= 0) read_what_is_there(-1);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    result_.code = code_of(status);
    return result_;
}

tool_result run_tool(const std::vector<std::string>& arguments, const std::string& input) {
    return running_tool(arguments, input).wait();
}

tool_result run_tool(small_files limit, const std::vector<std::string>& arguments) {
    return running_tool(limit, arguments).wait();
}

tool_result run_tool_on_terminal(std::size_t columns, const std::vector<std::string>& arguments,
                                 const std::string& keys) {
    int terminal = -1;
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = 50;
    const pid_t pid = forkpty(&terminal, nullptr, nullptr, &size);
    if (pid == 0) {
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
        become_tool(arguments);
    }
    tool_result result;
    if (!keys.empty() && write(terminal, keys.data(), keys.size()) < 0) result.err = "no keys";
    while (append_from(terminal, result.out)) {
    }
    int status = 0;
    waitpid(pid, &status, 0);
    close(terminal);
    result.code = code_of(status);
    return result;
}

}  // namespace valpool::test
