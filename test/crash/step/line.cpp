#include "crash/step/line.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace valpool::test {

bool wait_readable(int file, double most_seconds) {
    using std::chrono::duration;
    using std::chrono::steady_clock;
    const auto start = steady_clock::now();
    pollfd wait{file, POLLIN, 0};
    for (;;) {
        int left_ms = -1;
        if (most_seconds >= 0) {
            const double left =
                most_seconds - duration<double>(steady_clock::now() - start).count();
            left_ms = static_cast<int>(std::max(0.0, left) * 1000);
        }
        const int found = poll(&wait, 1, left_ms);
        if (found >= 0) return found > 0;
    }
}

line::line() {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_) != 0)
        throw std::runtime_error("socketpair failed");
}

line::~line() {
    for (const int end : ends_)
        if (end >= 0) close(end);
}

void line::keep(int which) {
    close(ends_[1 - which]);
    ends_[1 - which] = -1;
}

void line::say(const std::string& text) const {
    const std::string message = '.' + text;  // an empty message would look like the end
    send(end(), message.data(), message.size(), MSG_NOSIGNAL);
}

line::answer line::hear(std::string& text, double most_seconds) const {
    if (!wait_readable(end(), most_seconds)) return answer::late;
    text.resize(200000);
    const auto size = recv(end(), text.data(), text.size(), 0);
    if (size <= 0) return answer::gone;
    text.resize(static_cast<std::size_t>(size));
    text.erase(0, 1);
    return answer::came;
}

}  // namespace valpool::test
