#pragma once

#include <string>

namespace valpool::test {

/// Waits until there is something to read, or the other end is closed; false when the time is over.
/// Negative seconds: for ever.
bool wait_readable(int file, double most_seconds);

/// Messages between two processes, in both directions.
class line {
public:
    enum class answer { came, late, gone };

    line();
    ~line();
    line(const line&) = delete;
    line& operator=(const line&) = delete;

    /// Each of the two processes calls one of these once, and keeps only its own end.
    void be_the_first() { keep(0); }
    void be_the_second() { keep(1); }

    void say(const std::string& text) const;
    answer hear(std::string& text, double most_seconds) const;

private:
    int end() const { return ends_[0] >= 0 ? ends_[0] : ends_[1]; }
    void keep(int which);

    int ends_[2] = {-1, -1};
};

}  // namespace valpool::test
