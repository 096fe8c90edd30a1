#pragma once

/// Running the command `valpool`.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace valpool::test {

/// How a run of the tool ended, and what it said.
struct tool_result {
    int code = -1;  // the exit code, or minus the signal that killed it
    std::string out;
    std::string err;

    bool says(const std::string& text) const { return out.find(text) != std::string::npos; }
    bool complains(const std::string& text) const { return err.find(text) != std::string::npos; }
    std::string text() const { return out + err; }
};

/// No file may have more than so many blocks of 512 bytes: as a full disk.
struct small_files {
    unsigned long blocks;
};

/// A run of the tool that goes on while the test does something.
class running_tool {
public:
    /// `input` is its standard input.
    explicit running_tool(const std::vector<std::string>& arguments, const std::string& input = "");
    running_tool(small_files limit, const std::vector<std::string>& arguments);
    ~running_tool();  // kills it if it is still there
    running_tool(const running_tool&) = delete;
    running_tool& operator=(const running_tool&) = delete;

    pid_t pid() const noexcept { return pid_; }
    void signal(int number) const;
    /// As a reader does that has read enough.
    void close_output();
    /// Waits until it has printed that on standard output; false after 20 seconds.
    bool has_said(const std::string& text);
    bool has_complained(const std::string& text);
    /// What it has printed so far.
    const std::string& said() const noexcept { return result_.out; }
    const std::string& complaints() const noexcept { return result_.err; }
    tool_result wait();

private:
    void start(const std::vector<std::string>& arguments, const std::string& input,
               const small_files* limit);
    void read_what_is_there(int timeout_ms);
    bool has_shown(const std::string& text, const std::string& where);

    pid_t pid_ = 0;
    int out_ = -1;
    int err_ = -1;
    tool_result result_;
};

tool_result run_tool(const std::vector<std::string>& arguments, const std::string& input = "");
tool_result run_tool(small_files limit, const std::vector<std::string>& arguments);
/// With a terminal of so many columns as its standard output. `keys` is what is typed there.
tool_result run_tool_on_terminal(std::size_t columns, const std::vector<std::string>& arguments,
                                 const std::string& keys = "");

}  // namespace valpool::test
