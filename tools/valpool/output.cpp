#include "output.hpp"

#include "interrupt.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include <poll.h>
#include <unistd.h>

namespace tool {

void print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EPIPE) {
            throw output_closed();
        } else if (errno == EAGAIN) {
            pollfd ready{STDOUT_FILENO, POLLOUT, 0};
            poll(&ready, 1, 100);
        } else if (errno != EINTR) {
            throw std::runtime_error(std::string("cannot write the output: ") +
                                     std::strerror(errno));
        }
        // Whoever reads may have stopped; then only a second signal would end this.
        if (!text.empty() && was_interrupted()) throw output_closed();
    }
}

bool is_output_open() noexcept {
    pollfd state{STDOUT_FILENO, POLLOUT, 0};
    return poll(&state, 1, 0) <= 0 || (state.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

void complain(std::string_view text) {
    const std::string line = "valpool: " + std::string(text) + "\n";
    // Where this cannot be said, nothing can.
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace tool
