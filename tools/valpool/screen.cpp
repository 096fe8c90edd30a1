#include "screen.hpp"

#include "output.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include <poll.h>
#include <unistd.h>

namespace tool {

live_screen::live_screen() {
    has_keys_ = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0;
    if (has_keys_) {
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    print("\x1b[?1049h\x1b[?25l");  // the other screen, without a cursor
}

live_screen::~live_screen() {
    if (has_keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    try {
        print("\x1b[?25h\x1b[?1049l");
    } catch (const std::exception&) {
        // The terminal has gone.
    }
}

void live_screen::show(const std::vector<std::string>& lines) const {
    const std::size_t rows = terminal_rows();
    const std::size_t columns = terminal_columns();
    std::string frame = "\x1b[H";
    for (std::size_t i = 0; i < std::min(lines.size(), rows); ++i) {
        if (i != 0) frame += "\r\n";
        frame += cut_styled(lines[i], columns) + "\x1b[K";
    }
    print(frame + "\x1b[J");  // all at once, so that nothing flickers
}

char live_screen::key(double timeout_s) const {
    pollfd ready{has_keys_ ? STDIN_FILENO : -1, POLLIN, 0};
    const int ms = static_cast<int>(timeout_s * 1000);
    char key = 0;
    if (poll(&ready, 1, ms) <= 0 || read(STDIN_FILENO, &key, 1) != 1) return 0;
    return key;
}

std::string bar(double part, double whole, std::size_t width) {
    const double share = whole > 0 ? std::clamp(part / whole, 0.0, 1.0) : 0;
    // What is not empty shows, and only what is full is full.
    auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
    if (share > 0) filled = std::max<std::size_t>(filled, 1);
    std::string text;
    for (std::size_t i = 0; i < width; ++i) text += i < filled ? "█" : "░";
    return text;
}

std::string sparkline(const std::vector<double>& numbers, std::size_t width) {
    constexpr std::array levels{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const std::size_t count = std::min(numbers.size(), width);
    const auto first = numbers.end() - static_cast<std::ptrdiff_t>(count);
    const double most = count == 0 ? 0 : *std::max_element(first, numbers.end());
    std::string text(width - count, ' ');
    std::for_each(first, numbers.end(), [&](double n) {
        const double share = most > 0 ? n / most : 0;
        const auto level = static_cast<std::size_t>(share * (levels.size() - 1) + 0.5);
        text += n > 0 ? levels.at(std::min(level, levels.size() - 1)) : " ";
    });
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::string cut_styled(const std::string& line, std::size_t columns) {
    std::string result;
    std::size_t left = columns;
    for (std::size_t i = 0; i < line.size();) {
        if (line[i] == '\x1b') {  // a style takes no room
            const std::size_t end = std::min(line.find('m', i), line.size() - 1);
            result += line.substr(i, end + 1 - i);
            i = end + 1;
            continue;
        }
        const std::size_t end = std::min(line.find('\x1b', i), line.size());
        const std::string part = shortened(line.substr(i, end - i), left);
        left -= std::min(left, display_width(part));
        result += part;
        i = end;
    }
    return result;
}

}  // namespace tool
