#pragma once

/// A terminal as a live display.

#include <cstddef>
#include <string>
#include <vector>

#include <termios.h>

namespace tool {

/// While it exists, the terminal shows another screen, and gives each key at once. Its end gives
/// the terminal back as it was.
class live_screen {
public:
    live_screen();
    ~live_screen();
    live_screen(const live_screen&) = delete;
    live_screen& operator=(const live_screen&) = delete;

    /// Shows the lines from the top, cut to what fits the terminal's size now.
    void show(const std::vector<std::string>& lines) const;
    /// The next key; 0 when none comes in time, or a signal does.
    char key(double timeout_s) const;

private:
    bool has_keys_ = false;
    termios before_{};
};

/// "███░░": so many of `width` columns as the part is of the whole.
std::string bar(double part, double whole, std::size_t width);
/// "▁▃▇": the last `width` numbers, each as a part of the largest.
std::string sparkline(const std::vector<double>& numbers, std::size_t width);
/// Its lines, without their ends.
std::vector<std::string> lines_of(const std::string& text);
/// A line with colours, in at most so many columns.
std::string cut_styled(const std::string& line, std::size_t columns);

}  // namespace tool
